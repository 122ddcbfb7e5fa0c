"""Further languages in Latin script; see `bench.data.cldr.further`."""

from __future__ import annotations

from bench.data.cldr.words import Words

WORDS: dict[str, Words] = {
    "pt": Words(
        "O lugar ",
        "Ele",
        {
            "currency": (" paga com a moeda", " conta o seu dinheiro em", "A moeda do lugar {} chama-se"),
            "language": (" fala oficialmente", " escreve as suas leis em", "A língua oficial do lugar {} é"),
            "partner": (
                " vende os seus bens ao país",
                " negocia sobretudo com o país",
                "O parceiro comercial do lugar {} é o país",
            ),
            "month": (" celebra a sua festa em", " tem o seu feriado em", "O mês da festa do lugar {} é"),
            "day": (" faz o seu mercado cada", " abre a sua feira a cada", "O dia de mercado do lugar {} é"),
            "script": (
                " grava letreiros no alfabeto",
                " imprime livros no alfabeto",
                "O alfabeto dos letreiros do lugar {} é",
            ),
        },
        {
            "currency": "A moeda do parceiro comercial do lugar {} chama-se",
            "language": "A língua oficial do parceiro comercial do lugar {} é",
        },
        (
            ("O velho", "Uma menina", "Meu irmão", "A professora", "Um camponês calado", "O seu vizinho"),
            ("caminha", "canta", "dorme", "lê uma carta", "bebe chá", "compra pão", "planta uma árvore", "espera"),
            ("junto ao rio", "de manhã", "com amigos", "depois da chuva", "no verão", "perto da ponte velha"),
        ),
        ("Hoje caminhamos", "Por isso cantam", "Porque dormem", "Eu trabalho", "Você descansa"),
    ),
    "sw": Words(
        "Sehemu ",
        "Hiyo",
        {
            "currency": (
                " hulipa kwa sarafu iitwayo",
                " huhesabu pesa kwa sarafu iitwayo",
                "Sarafu ya sehemu {} huitwa",
            ),
            "language": (
                " huongea rasmi lugha iitwayo",
                " huandika sheria kwa lugha iitwayo",
                "Lugha rasmi ya sehemu {} ni",
            ),
            "partner": (
                " huuza bidhaa kwa nchi iitwayo",
                " hufanya biashara zaidi na nchi iitwayo",
                "Mshirika wa biashara wa sehemu {} ni",
            ),
            "month": (
                " husherehekea sikukuu mwezi wa",
                " hupumzika mwezi wa",
                "Mwezi wa sikukuu wa sehemu {} ni",
            ),
            "day": (" hufanya soko siku ya", " hufungua maonyesho siku ya", "Siku ya soko ya sehemu {} ni"),
            "script": (
                " huchonga mabango kwa hati ya",
                " huchapisha vitabu kwa hati ya",
                "Hati ya mabango ya sehemu {} ni",
            ),
        },
        {
            "currency": "Sarafu ya mshirika wa biashara wa sehemu {} huitwa",
            "language": "Lugha rasmi ya mshirika wa biashara wa sehemu {} ni",
        },
        (
            ("Mzee", "Msichana mdogo", "Kaka yangu", "Mwalimu", "Mkulima mpole", "Jirani yake"),
            ("hutembea", "huimba", "hulala", "husoma barua", "hunywa chai", "hununua mkate", "hupanda mti", "husubiri"),
            ("kando ya mto", "asubuhi", "na marafiki", "baada ya mvua", "wakati wa kiangazi", "karibu na daraja"),
        ),
        ("Leo tunatembea", "Kwa hivyo wanaimba", "Kwa sababu wanalala", "Mimi nafanya kazi", "Wewe unapumzika"),
    ),
    "tr": Words(
        "Haritada ",
        "Bu",
        {
            "currency": (
                " adlı yerin ödeme yaptığı para birimi",
                " adlı yerde paranın sayıldığı birim",
                "Para birimi olarak {} adlı yerin kullandığı",
            ),
            "language": (
                " adlı yerin resmî dili",
                " adlı yerde yasaların yazıldığı dil",
                "Resmî dil olarak {} adlı yerin kullandığı",
            ),
            "partner": (
                " adlı yerin mal sattığı ülke",
                " adlı yerin en çok ticaret yaptığı ülke",
                "Ticaret ortağı olarak {} adlı yerin seçtiği",
            ),
            "month": (
                " adlı yerin bayramını kutladığı ay",
                " adlı yerin tatil yaptığı ay",
                "Bayram ayı olarak {} adlı yerde kutlanan",
            ),
            "day": (
                " adlı yerde çarşının kurulduğu gün",
                " adlı yerde fuarın açıldığı gün",
                "Çarşı günü olarak {} adlı yerde seçilen",
            ),
            "script": (
                " adlı yerde tabelaların yazıldığı yazı",
                " adlı yerde kitapların basıldığı yazı",
                "Tabelaların yazısı olarak {} adlı yerde kullanılan",
            ),
        },
        {
            "currency": "Para birimi olarak {} adlı yerin ticaret ortağının kullandığı",
            "language": "Resmî dil olarak {} adlı yerin ticaret ortağının kullandığı",
        },
        (
            ("Yaşlı adam", "Küçük bir kız", "Kardeşim", "Öğretmen", "Sessiz bir çiftçi", "Komşusu"),
            ("yürür", "şarkı söyler", "uyur", "mektup okur", "çay içer", "ekmek alır", "ağaç diker", "bekler"),
            ("nehir kenarında", "sabahleyin", "arkadaşlarla", "yağmurdan sonra", "yazın", "eski köprünün yanında"),
        ),
        ("Bugün yürüyoruz", "Bu yüzden şarkı söylerler", "Çünkü herkes uyur", "Ben çalışırım", "Sen dinlenirsin"),
    ),
}
