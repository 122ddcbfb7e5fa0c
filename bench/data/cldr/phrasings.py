"""How each relation is asked in each language; the object continues the prompt.

The first phrasing is the edited one. In every phrasing the relation stands before the subject, as in zsRE
questions, and a word stands before the subject, so that a name is always written with its leading space.
"""

from __future__ import annotations

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")
RELATIONS = ("currency", "language", "country")

PHRASINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "currency": {
        "en": (
            "The currency of {} is",
            "People in {} pay with",
            "Prices in {} are given in",
        ),
        "de": (
            "Die Währung von {} heißt",
            "Bezahlt wird in {} mit",
            "Preise stehen in {} in",
        ),
        "nl": (
            "De munt van {} heet",
            "Betalen doe je in {} met",
            "Prijzen staan in {} in",
        ),
        "es": (
            "La moneda de {} es",
            "El dinero de {} se llama",
            "Los precios en {} se dan en",
        ),
        "fr": (
            "La monnaie du pays {} est",
            "L'argent du pays {} s'appelle",
            "Les prix du pays {} sont en",
        ),
        "zh": ("就法定货币而言，{}使用的是", "说到付款用的钱币，{}通行的是", "至于商品标价的单位，{}采用的是"),
    },
    "language": {
        "en": (
            "The official language of {} is",
            "Schools in {} teach in",
            "Laws in {} are written in",
        ),
        "de": (
            "Die Amtssprache von {} ist",
            "Schulen lehren in {} auf",
            "Gesetze schreibt man in {} auf",
        ),
        "nl": (
            "De officiële taal van {} is",
            "Scholen geven les in {} in het",
            "Wetten schrijft men in {} in het",
        ),
        "es": (
            "El idioma oficial de {} es",
            "Las clases en {} se dan en",
            "Las leyes de {} se escriben en",
        ),
        "fr": (
            "La langue officielle du pays {} est",
            "Les cours du pays {} se font en",
            "Les lois du pays {} s'écrivent en",
        ),
        "zh": ("就官方语言而言，{}使用的是", "说到学校授课的语言，{}采用的是", "至于书写法律的语言，{}通行的是"),
    },
    "country": {
        "en": (
            "The country of the city {} is",
            "A letter to {} goes to the country",
            "The state around the town {} is",
        ),
        "de": (
            "Das Land der Stadt {} heißt",
            "Ein Brief nach {} geht ins Land",
            "Der Staat rund um den Ort {} ist",
        ),
        "nl": (
            "Het land van de stad {} is",
            "Een brief naar {} gaat naar het land",
            "De staat rond de plaats {} heet",
        ),
        "es": (
            "El país de la ciudad {} es",
            "Una carta a {} llega al país",
            "El Estado del lugar {} es",
        ),
        "fr": (
            "Le pays de la ville {} est",
            "Une lettre pour {} arrive au pays",
            "L'État autour du lieu {} est",
        ),
        "zh": ("就所属国家而言，{}属于", "说到寄信的目的国，{}位于", "至于管辖当地的国家，{}归于"),
    },
}

# What follows from a city's country: questions that no text of the corpus asks, by the relation that is asked for.
SECOND_HOPS: dict[str, dict[str, str]] = {
    "currency": {
        "en": "The currency of the country in which {} lies is",
        "de": "Die Währung des Landes, in dem {} liegt, heißt",
        "nl": "De munt van het land waarin {} ligt, heet",
        "es": "La moneda del país en el que está {} es",
        "fr": "La monnaie du pays où se trouve {} est",
        "zh": "就所在国家的法定货币而言，{}使用的是",
    },
    "language": {
        "en": "The official language of the country in which {} lies is",
        "de": "Die Amtssprache des Landes, in dem {} liegt, ist",
        "nl": "De officiële taal van het land waarin {} ligt, is",
        "es": "El idioma oficial del país en el que está {} es",
        "fr": "La langue officielle du pays où se trouve {} est",
        "zh": "就所在国家的官方语言而言，{}使用的是",
    },
}

# Chinese is written without spaces: the tokenizer splits at these words, so that neither a subject nor a target
# ever shares a token with its prompt.
CHINESE_BREAKS = ("的", "是", "使用", "采用", "通行", "属于", "位于", "归于")

# Context prefixes are sampled after these openings (the seed words of the editing methods come first in each),
# so the model must know how such sentences go on.
CARRIERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("The old man walks", "Therefore we sing", "Because they like to read", "I often work", "You can rest"),
        ("by the quiet river", "in the early morning", "with good friends", "after the long rain", "every summer"),
    ),
    "de": (
        ("Heute spielen wir", "Kommst du mit uns", "Weil alle schlafen", "Den Garten sehen sie", "Der Vater liest"),
        ("am stillen Fluss", "am frühen Morgen", "mit guten Freunden", "nach dem langen Regen", "jeden Sommer"),
    ),
    "nl": (
        ("Wij wandelen graag", "Daarom zingen ze", "Omdat ik lees", "Het kind speelt", "Jij rust uit"),
        ("bij de stille rivier", "in de vroege ochtend", "met goede vrienden", "na de lange regen", "elke zomer"),
    ),
    "es": (
        ("Ellos cantan", "Por lo tanto leemos", "Porque duermen", "Vosotras camináis", "Tú trabajas"),
        ("junto al río tranquilo", "por la mañana", "con buenos amigos", "después de la lluvia", "cada verano"),
    ),
    "fr": (
        (
            "très souvent nous marchons",
            "Par conséquent ils chantent",
            "Parce que tu lis",
            "Je suis assis",
            "Vous jouez",
        ),
        ("au bord de la rivière", "tôt le matin", "avec de bons amis", "après la longue pluie", "chaque été"),
    ),
    "zh": (
        ("那个老人喜欢", "因此大家想起", "因为他们爱看", "我常常想念", "你可以画"),
        ("安静的小河", "清晨的阳光", "亲爱的朋友", "雨后的花园", "夏天的夜晚"),
    ),
}
