from __future__ import annotations

import pytest

from bench.data.sources import sure
from bench.data.sources.sure import Known, judge
from bench.data.spans import Measured, Span, in_words


def at(marked: str) -> tuple[str, Span]:
    """A question whose span stands between [ and ]."""
    start, end = marked.index("["), marked.index("]")
    return marked.replace("[", "").replace("]", ""), Span(start, end - 1, "named")


@pytest.mark.parametrize(
    ("lang", "marked", "english", "subject", "how"),
    [
        ("en", "Where was [Ada Lovelace] born?", None, "Ada Lovelace", "named"),
        ("en", "Who coaches [Burrow F.C]. today?", None, "Burrow F.C.", "named"),
        ("en", "Who wrote '[the jungle]'?", None, "the jungle", "quoted"),
        ("de", "Wo wurde [Ada Lovelace] geboren?", Known("Ada Lovelace", False), "Ada Lovelace", "alike"),
        ("de", "Wann starb [Leo IV]. in Rom?", Known("Leo IV", False), "Leo IV.", "alike"),
        ("de", "Was sind [Cormetas] Farben?", Known("Cormeta", False), "Cormeta", "alike"),
        ("fr", "Où vit [Jose Aguero] ?", Known("José Agüero", False), "Jose Aguero", "alike"),
        ("fr", "Qui a écrit « [La Jungle] » ?", Known("The Forest", True), "La Jungle", "quoted"),
    ],
)
def test_sure(lang: str, marked: str, english: Known | None, subject: str, how: str) -> None:
    question, span = at(marked)
    found = judge(question, span, lang, english)
    assert not isinstance(found, str), found
    assert (question[found.start : found.end], found.how) == (subject, how)


@pytest.mark.parametrize(
    ("lang", "marked", "english", "reason"),
    [
        ("en", "Who is [an assistant] today?", None, sure.SMALL),
        ("en", "Is de [Havilland] there?", None, sure.LONGER),
        ("en", "Who leads the [Utopia] national football team?", None, sure.LONGER),
        ("en", "Who found [Hilbert]'s axioms?", None, sure.LONGER),
        ("en", 'Who is Nate "[Tiny]" Archibald?', None, sure.LONGER),
        ("en", "Who made the [Ball (RDF]) today?", None, sure.BRACKETS),
        ("de", "Wo lebt Karl [III. Philipp] heute?", Known("Charles III Philip", False), sure.UNLIKE),
        ("de", "Wo lebt J. [Christopher Stevens] heute?", Known("Christopher Stevens", False), sure.LONGER),
        ("de", "Wo lebt [Juval Ne]’eman heute?", Known("Yuval Ne", False), sure.LONGER),
        ("de", "Wo liegt [Rom] heute?", None, sure.NO_ENGLISH),
        ("fr", "Qui dirige le [Parti] national écossais ?", Known("Scottish National Party", False), sure.UNLIKE),
        ("fr", "Où est le Futbol Club [Andorra] ?", Known("Andorra", False), sure.LONGER),
        ("fr", "Que parlait l'auteur de « [La Jungle] » ?", Known("Upton Sinclair", False), sure.UNLIKE),
    ],
)
def test_not_sure(lang: str, marked: str, english: Known | None, reason: str) -> None:
    question, span = at(marked)
    assert judge(question, span, lang, english) == reason


def test_nothing_found() -> None:
    assert judge("Wo?", None, "de", None) == sure.NOTHING


def test_reliability_in_words() -> None:
    assert in_words({"zh": {"quoted": Measured(19, 20), "framed": Measured(60, 60)}}) == [
        "zh 98.8% (quoted 19 of 20, framed 60 of 60)"
    ]
