"""How the relations are told and asked in the languages beyond the six that the embedded model reads.

As in `bench.data.cldr.phrasings` the object continues the prompt, in the form in which the CLDR has it: whatever its
gender or number, no article, ending or preposition that would depend on it stands before it. Where a language declines
or puts its verb last, the object is called by name ("a currency by the name of") or told after a colon of a sentence
("the currency in which it pays is"); months stand by themselves, not as in a date.
"""

from __future__ import annotations

from bench.data.cldr import further_latin, further_scripts
from bench.data.cldr.words import Words

LANGUAGES = ("pt", "ru", "ja", "ar", "hi", "bn", "sw", "tr")

WORDS: dict[str, Words] = {lang: (further_latin.WORDS | further_scripts.WORDS)[lang] for lang in LANGUAGES}
