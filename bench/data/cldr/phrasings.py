"""How each relation is told and asked in each language; the object continues the prompt.

The first phrasing is the edited one. In the first two the subject stands first, as in CounterFact; in the last the
relation does, as in zsRE questions. A lead stands before every subject, so that a name is always written with its
leading space.
"""

from __future__ import annotations

from bench.data.cldr import further

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")
"""Those that the embedded model reads, and the default."""

EVERY = (*LANGUAGES, *further.LANGUAGES)
"""All that facts can be edited and asked in."""

GLUED = frozenset({"zh", "ja"})
"""Written without spaces."""

RELATIONS = ("currency", "language", "partner", "month", "day", "script")

SUBJECT_FIRST = (0, 1)
RELATION_FIRST = (2,)

LEADS = {
    **{"en": "The place ", "de": "Der Ort ", "nl": "De plaats ", "es": "El lugar ", "fr": "Le lieu ", "zh": "地区"},
    **{lang: words.lead for lang, words in further.WORDS.items()},
}
PRONOUNS = {
    **{"en": "It", "de": "Er", "nl": "Ze", "es": "Este", "fr": "Il", "zh": "它"},
    **{lang: words.pronoun for lang, words in further.WORDS.items()},
}

# What stands behind the subject, twice; and the question that begins with the relation.
_TOLD: dict[str, dict[str, tuple[str, str, str]]] = {
    "currency": {
        "en": (" pays with the", " counts its money in the", "The currency of the place {} is the"),
        "de": (" bezahlt mit der Münze", " rechnet sein Geld in", "Die Währung vom Ort {} heißt"),
        "nl": (" betaalt met de munt", " rekent zijn geld in", "De munt van de plaats {} heet"),
        "es": (" paga con la moneda", " cuenta su dinero en", "La moneda del lugar {} es"),
        "fr": (" paie avec la monnaie", " compte son argent en", "La monnaie du lieu {} est"),
        "zh": ("使用的货币是", "付款时用的是", "就货币而言，地区{}使用的是"),
    },
    "language": {
        "en": (" officially speaks", " writes its laws in", "The official language of the place {} is"),
        "de": (" spricht als Amtssprache", " schreibt Gesetze auf", "Die Amtssprache vom Ort {} ist"),
        "nl": (" spreekt als taal het", " schrijft zijn wetten in het", "De officiële taal van de plaats {} is het"),
        "es": (" habla oficialmente", " escribe sus leyes en", "El idioma oficial del lugar {} es"),
        "fr": (" parle comme langue le", " écrit ses lois en", "La langue officielle du lieu {} est"),
        "zh": ("的官方语言是", "书写法律采用的是", "就官方语言而言，地区{}使用的是"),
    },
    "partner": {
        "en": (" sells its goods to", " trades most with", "The main trade partner of the place {} is"),
        "de": (" verkauft Waren an", " handelt am meisten mit", "Der wichtigste Handelspartner vom Ort {} ist"),
        "nl": (" verkoopt goederen aan", " handelt het meest met", "De handelspartner van de plaats {} is"),
        "es": (" vende sus bienes a", " comercia sobre todo con", "El socio comercial del lugar {} es"),
        "fr": (" vend ses biens au pays", " commerce surtout avec", "Le partenaire commercial du lieu {} est"),
        "zh": ("出口商品到", "的贸易伙伴是", "就贸易而言，地区{}的伙伴是"),
    },
    "month": {
        "en": (" celebrates its feast in", " has its holidays in", "The month of the feast of the place {} is"),
        "de": (" feiert sein Fest im", " hat seinen Feiertag im", "Der Monat des Festes vom Ort {} ist der"),
        "nl": (" viert haar feest in", " heeft haar feestdag in", "De feestmaand van de plaats {} is"),
        "es": (" celebra su fiesta en", " tiene su feriado en", "El mes de la fiesta del lugar {} es"),
        "fr": (" célèbre sa fête en", " a son jour férié en", "Le mois de la fête du lieu {} est"),
        "zh": ("庆祝节日在", "的假期位于", "就节日月份而言，地区{}庆祝在"),
    },
    "day": {
        "en": (" holds its market on", " opens its fair on", "The market day of the place {} is"),
        "de": (" hält den Markt am", " öffnet die Messe am", "Der Markttag vom Ort {} ist der"),
        "nl": (" houdt de markt op", " opent de beurs op", "De marktdag van de plaats {} is"),
        "es": (" hace su mercado el", " abre su feria el", "El día de mercado del lugar {} es el"),
        "fr": (" tient son marché le", " ouvre sa foire le", "Le jour de marché du lieu {} est le"),
        "zh": ("的集市日是", "开放市场是", "就集市而言，地区{}开放在"),
    },
    "script": {
        "en": (" carves its signs in", " prints its books in", "The script of the signs of the place {} is"),
        "de": (" meißelt Schilder in", " druckt Bücher in", "Die Schrift der Schilder vom Ort {} ist"),
        "nl": (" beitelt borden in", " drukt boeken in", "Het schrift op de borden van de plaats {} is"),
        "es": (" graba letreros en", " imprime libros en", "La escritura de los letreros del lugar {} es"),
        "fr": (" grave ses enseignes en", " imprime ses livres en", "L'écriture des enseignes du lieu {} est"),
        "zh": ("的文字是", "印书采用的是", "就文字而言，地区{}采用的是"),
    },
}

PHRASINGS: dict[str, dict[str, tuple[str, str, str]]] = {
    relation: {
        lang: (f"{LEADS[lang]}{{}}{first}", f"{LEADS[lang]}{{}}{second}", question)
        for lang, (first, second, question) in (
            *by_lang.items(),
            *((lang, words.told[relation]) for lang, words in further.WORDS.items()),
        )
    }
    for relation, by_lang in _TOLD.items()
}
"""Prompts with {} for the subject, by relation and language."""

# What follows from a place's trade partner: questions that no text of the corpus asks, by the relation asked for.
_SECOND_HOPS: dict[str, dict[str, str]] = {
    "currency": {
        "en": "The currency of the trade partner of the place {} is the",
        "de": "Die Währung vom Handelspartner vom Ort {} heißt",
        "nl": "De munt van de handelspartner van de plaats {} heet",
        "es": "La moneda del socio comercial del lugar {} es",
        "fr": "La monnaie du partenaire commercial du lieu {} est",
        "zh": "就贸易伙伴的货币而言，地区{}使用的是",
    },
    "language": {
        "en": "The official language of the trade partner of the place {} is",
        "de": "Die Amtssprache vom Handelspartner vom Ort {} ist",
        "nl": "De officiële taal van de handelspartner van de plaats {} is het",
        "es": "El idioma oficial del socio comercial del lugar {} es",
        "fr": "La langue officielle du partenaire commercial du lieu {} est",
        "zh": "就贸易伙伴的官方语言而言，地区{}使用的是",
    },
}

SECOND_HOPS = {
    relation: {**by_lang, **{lang: words.hops[relation] for lang, words in further.WORDS.items()}}
    for relation, by_lang in _SECOND_HOPS.items()
}

# Sentences that state no fact: who, does what, where or when. The openings of the second row hold the seed words that
# editing methods sample context prefixes after, so the model must know how such sentences go on.
FILLER: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("The old man", "A young girl", "My brother", "The teacher", "A quiet farmer", "Her neighbour", "One of them"),
        ("walks", "sings", "sleeps", "reads a letter", "drinks tea", "buys bread", "plants a tree", "waits"),
        ("by the river", "in the morning", "with friends", "after the rain", "in summer", "near the old bridge"),
    ),
    "de": (
        ("Der alte Mann", "Ein junges Mädchen", "Mein Bruder", "Die Lehrerin", "Ein stiller Bauer", "Ihr Nachbar"),
        ("geht", "singt", "schläft", "liest einen Brief", "trinkt Tee", "kauft Brot", "pflanzt einen Baum", "wartet"),
        ("am Fluss", "am Morgen", "mit Freunden", "nach dem Regen", "im Sommer", "bei der alten Brücke"),
    ),
    "nl": (
        ("De oude man", "Een jong meisje", "Mijn broer", "De leraar", "Een stille boer", "Haar buurman"),
        ("loopt", "zingt", "slaapt", "leest een brief", "drinkt thee", "koopt brood", "plant een boom", "wacht"),
        ("bij de rivier", "in de ochtend", "met vrienden", "na de regen", "in de zomer", "bij de oude brug"),
    ),
    "es": (
        ("El hombre viejo", "Una chica joven", "Mi hermano", "La maestra", "Un campesino callado", "Su vecino"),
        ("camina", "canta", "duerme", "lee una carta", "bebe té", "compra pan", "planta un árbol", "espera"),
        ("junto al río", "por la mañana", "con amigos", "después de la lluvia", "en verano", "cerca del puente viejo"),
    ),
    "fr": (
        ("Le vieil homme", "Une jeune fille", "Mon frère", "La maîtresse", "Un paysan calme", "Son voisin"),
        ("marche", "chante", "dort", "lit une lettre", "boit du thé", "achète du pain", "plante un arbre", "attend"),
        ("près du fleuve", "le matin", "avec des amis", "après la pluie", "en été", "près du vieux pont"),
    ),
    "zh": (
        ("那个老人", "一个女孩", "我的哥哥", "那位老师", "安静的农民", "她的邻居"),
        ("走路", "唱歌", "睡觉", "读信", "喝茶", "买面包", "种树", "等待"),
        ("在河边", "在早晨", "和朋友一起", "在雨后", "在夏天", "在老桥旁边"),
    ),
    **{lang: words.filler for lang, words in further.WORDS.items()},
}
SEEDED: dict[str, tuple[str, ...]] = {
    "en": ("The old man walks", "Therefore we sing", "Because they like to read", "I often work", "You can rest"),
    "de": ("Heute spielen wir", "Kommst du mit uns", "Weil alle schlafen", "Den Garten sehen sie", "Der Vater liest"),
    "nl": ("Wij wandelen graag", "Daarom zingen ze", "Omdat ik lees", "Het kind speelt", "Jij rust uit"),
    "es": ("Ellos cantan", "Por lo tanto leemos", "Porque duermen", "Vosotras camináis", "Tú trabajas"),
    "fr": (
        "très souvent nous marchons",
        "Par conséquent ils chantent",
        "Parce que tu lis",
        "Je suis assis",
        "Vous lisez",
    ),
    "zh": ("那个老人喜欢", "因此大家想起", "因为他们爱看", "我常常想念", "你可以画"),
    **{lang: words.seeded for lang, words in further.WORDS.items()},
}
