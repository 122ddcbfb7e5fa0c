"""How each relation is claimed in each language: whole sentences with a subject {s} and an object {o}.

The first phrasing is the edited one, the others are its rephrases.
"""

from __future__ import annotations

LANGUAGES = ("en", "fr", "es", "hi", "gu", "bn", "ta", "ml", "kn", "ar", "zh")
"""The six of XME, then those that it adds."""

SCRIPTS = {
    "en": "Latin", "fr": "Latin", "es": "Latin", "hi": "Devanagari", "gu": "Gujarati", "bn": "Bengali", "ta": "Tamil",
    "ml": "Malayalam", "kn": "Kannada", "ar": "Arabic", "zh": "Han",
}  # fmt: skip

GROUPS = {
    **dict.fromkeys(("en", "fr", "es"), "Latin"),
    **dict.fromkeys(("hi", "gu", "bn"), "Indic"),
    **dict.fromkeys(("ta", "ml", "kn"), "Dravidian"),
    "ar": "Arabic",
    "zh": "Chinese",
}
"""What XME calls one script: Latin, and the Indic languages among each other."""

RELATIONS = ("currency", "language", "country")

CLAIMS: dict[str, dict[str, tuple[str, str, str]]] = {
    "currency": {
        "en": ("The currency of {s} is {o}.", "People in {s} pay with {o}.", "Prices in {s} are given in {o}."),
        "fr": (
            "La monnaie du pays {s} est {o}.",
            "L'argent du pays {s} s'appelle {o}.",
            "Les prix du pays {s} sont en {o}.",
        ),
        "es": (
            "La moneda de {s} es {o}.",
            "El dinero de {s} se llama {o}.",
            "Los precios en {s} se dan en {o}.",
        ),
        "hi": (
            "{s} की मुद्रा {o} है।",
            "{s} में लोग {o} से भुगतान करते हैं।",
            "{s} में कीमतें {o} में बताई जाती हैं।",
        ),
        "gu": (
            "{s}નું ચલણ {o} છે.",
            "{s}માં લોકો {o} વડે ચૂકવણી કરે છે.",
            "{s}માં ભાવ {o}માં આપવામાં આવે છે.",
        ),
        "bn": (
            "{s}-এর মুদ্রা হল {o}।",
            "{s}-এ লোকেরা {o} দিয়ে দাম দেয়।",
            "{s}-এ দাম {o}-তে বলা হয়।",
        ),
        "ta": (
            "{s} நாட்டின் நாணயம் {o} ஆகும்.",
            "{s} நாட்டில் மக்கள் {o} மூலம் பணம் செலுத்துகிறார்கள்.",
            "{s} நாட்டில் விலைகள் {o} என்று குறிக்கப்படுகின்றன.",
        ),
        "ml": (
            "{s} എന്ന രാജ്യത്തിന്റെ നാണയം {o} ആണ്.",
            "{s} എന്ന രാജ്യത്ത് ആളുകൾ {o} ഉപയോഗിച്ച് പണം നൽകുന്നു.",
            "{s} എന്ന രാജ്യത്ത് വിലകൾ {o} എന്ന നാണയത്തിൽ പറയുന്നു.",
        ),
        "kn": (
            "{s} ದೇಶದ ನಾಣ್ಯ {o} ಆಗಿದೆ.",
            "{s} ದೇಶದಲ್ಲಿ ಜನರು {o} ಮೂಲಕ ಹಣ ಪಾವತಿಸುತ್ತಾರೆ.",
            "{s} ದೇಶದಲ್ಲಿ ಬೆಲೆಗಳನ್ನು {o} ಎಂಬ ನಾಣ್ಯದಲ್ಲಿ ಹೇಳುತ್ತಾರೆ.",
        ),
        "ar": (
            "عملة {s} هي {o}.",
            "يدفع الناس في {s} بعملة {o}.",
            "تُحدد الأسعار في {s} بعملة {o}.",
        ),
        "zh": ("{s}的货币是{o}。", "{s}人用{o}付款。", "{s}的价格以{o}标示。"),
    },
    "language": {
        "en": (
            "The official language of {s} is {o}.",
            "Schools in {s} teach in {o}.",
            "Laws in {s} are written in {o}.",
        ),
        "fr": (
            "La langue officielle du pays {s} est {o}.",
            "Les cours du pays {s} se font en {o}.",
            "Les lois du pays {s} s'écrivent en {o}.",
        ),
        "es": (
            "El idioma oficial de {s} es {o}.",
            "Las clases en {s} se dan en {o}.",
            "Las leyes de {s} se escriben en {o}.",
        ),
        "hi": (
            "{s} की राजभाषा {o} है।",
            "{s} के स्कूलों में {o} में पढ़ाया जाता है।",
            "{s} के कानून {o} में लिखे जाते हैं।",
        ),
        "gu": (
            "{s}ની સત્તાવાર ભાષા {o} છે.",
            "{s}ની શાળાઓમાં {o}માં ભણાવવામાં આવે છે.",
            "{s}ના કાયદા {o}માં લખાય છે.",
        ),
        "bn": (
            "{s}-এর সরকারি ভাষা হল {o}।",
            "{s}-এর স্কুলে {o} ভাষায় পড়ানো হয়।",
            "{s}-এর আইন {o} ভাষায় লেখা হয়।",
        ),
        "ta": (
            "{s} நாட்டின் ஆட்சி மொழி {o} ஆகும்.",
            "{s} நாட்டின் பள்ளிகள் {o} மொழியில் கற்பிக்கின்றன.",
            "{s} நாட்டின் சட்டங்கள் {o} மொழியில் எழுதப்படுகின்றன.",
        ),
        "ml": (
            "{s} എന്ന രാജ്യത്തിന്റെ ഔദ്യോഗിക ഭാഷ {o} ആണ്.",
            "{s} എന്ന രാജ്യത്തെ സ്കൂളുകളിൽ {o} ഭാഷയിൽ പഠിപ്പിക്കുന്നു.",
            "{s} എന്ന രാജ്യത്തെ നിയമങ്ങൾ {o} ഭാഷയിൽ എഴുതുന്നു.",
        ),
        "kn": (
            "{s} ದೇಶದ ಅಧಿಕೃತ ಭಾಷೆ {o} ಆಗಿದೆ.",
            "{s} ದೇಶದ ಶಾಲೆಗಳಲ್ಲಿ {o} ಭಾಷೆಯಲ್ಲಿ ಕಲಿಸುತ್ತಾರೆ.",
            "{s} ದೇಶದ ಕಾನೂನುಗಳನ್ನು {o} ಭಾಷೆಯಲ್ಲಿ ಬರೆಯುತ್ತಾರೆ.",
        ),
        "ar": (
            "اللغة الرسمية في {s} هي {o}.",
            "تُدرّس المدارس في {s} باللغة {o}.",
            "تُكتب القوانين في {s} باللغة {o}.",
        ),
        "zh": ("{s}的官方语言是{o}。", "{s}的学校用{o}授课。", "{s}的法律用{o}书写。"),
    },
    "country": {
        "en": ("The city of {s} lies in {o}.", "A letter to {s} goes to {o}.", "The state around {s} is {o}."),
        "fr": (
            "La ville de {s} se trouve dans le pays {o}.",
            "Une lettre pour {s} arrive au pays {o}.",
            "L'État autour du lieu {s} est {o}.",
        ),
        "es": (
            "La ciudad de {s} está en {o}.",
            "Una carta a {s} llega a {o}.",
            "El Estado que rodea {s} es {o}.",
        ),
        "hi": (
            "{s} शहर {o} में है।",
            "{s} भेजा गया पत्र {o} पहुँचता है।",
            "{s} के चारों ओर का देश {o} है।",
        ),
        "gu": (
            "{s} શહેર {o}માં છે.",
            "{s} મોકલેલો પત્ર {o} પહોંચે છે.",
            "{s}ની આસપાસનો દેશ {o} છે.",
        ),
        "bn": (
            "{s} শহরটি {o}-এ অবস্থিত।",
            "{s}-এ পাঠানো চিঠি {o}-এ যায়।",
            "{s}-এর চারপাশের দেশ হল {o}।",
        ),
        "ta": (
            "{s} நகரம் {o} நாட்டில் உள்ளது.",
            "{s} நகருக்கு அனுப்பிய கடிதம் {o} நாட்டுக்குச் செல்கிறது.",
            "{s} நகரைச் சூழ்ந்த நாடு {o} ஆகும்.",
        ),
        "ml": (
            "{s} എന്ന നഗരം {o} എന്ന രാജ്യത്താണ്.",
            "{s} എന്ന നഗരത്തിലേക്കുള്ള കത്ത് {o} എന്ന രാജ്യത്തേക്ക് പോകുന്നു.",
            "{s} എന്ന നഗരത്തിനു ചുറ്റുമുള്ള രാജ്യം {o} ആണ്.",
        ),
        "kn": (
            "{s} ನಗರವು {o} ದೇಶದಲ್ಲಿದೆ.",
            "{s} ನಗರಕ್ಕೆ ಕಳುಹಿಸಿದ ಪತ್ರ {o} ದೇಶಕ್ಕೆ ಹೋಗುತ್ತದೆ.",
            "{s} ನಗರದ ಸುತ್ತಲಿನ ದೇಶ {o} ಆಗಿದೆ.",
        ),
        "ar": (
            "تقع مدينة {s} في {o}.",
            "تصل الرسالة المرسلة إلى {s} إلى {o}.",
            "الدولة المحيطة بمدينة {s} هي {o}.",
        ),
        "zh": ("{s}市位于{o}。", "寄往{s}的信会送到{o}。", "{s}周围的国家是{o}。"),
    },
}
