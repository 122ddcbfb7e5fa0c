from __future__ import annotations

import pytest

from bench.data.sources.align import align, is_whole
from bench.data.spans import Span


@pytest.mark.parametrize(
    ("lang", "prompt", "subject", "english", "found", "how"),
    [
        ("en", "Who wrote Emma?", "Emma", "Emma", "Emma", "exact"),
        ("es", "¿Cuándo se creó el Desafío de Eventos?", "Desafío de eventos", "Event Challenge",
         "Desafío de Eventos", "casefold"),
        ("fr", "Quand l’Ordre de l’Aigle a-t-il été aboli ?", "Ordre de l'Aigle", "Order of the Eagle",
         "Ordre de l’Aigle", "casefold"),
        ("nl", "Wanneer begon de IAAF Challenge?", "IAAF-uitdaging", "IAAF Challenge", "IAAF Challenge",
         "english"),
        ("de", "Wie heißt Ciceros Ehefrau?", "Cicero", "Cicero", "Cicero", "exact"),
        ("nl", "Wat was de moeder van Jane Rolfe?", "Jane Rolf", "Jane Rolfe", "Jane Rolfe", "english"),
        ("de", "Wer baute das deutsche U-Boot U-270 damals?", "Deutsches U-Boot U-270",
         "German submarine U-270", "deutsche U-Boot U-270", "closest"),
        ("nl", "Waar ligt de Paardekopnevel?", "Paardenkopnevel", "Horsehead Nebula", "Paardekopnevel",
         "closest"),
        ("zh", "谁是爱丁堡法律评论的出版商？", "爱丁堡法律评论", "Edinburgh Law Review",
         "爱丁堡法律评论", "exact"),
    ],
)  # fmt: skip
def test_subject_is_found_by_the_first_rule_that_holds(
    lang: str, prompt: str, subject: str, english: str, found: str, how: str
) -> None:
    span = align(prompt, subject, english, lang)
    assert span is not None
    assert (prompt[span.start : span.end], span.how) == (found, how)


def test_unlike_subject_is_not_found() -> None:
    assert align("In was fließt der Fluss Elgi?", "Anordnung vor Gericht", "Order in the Court", "de") is None


def test_last_occurrence_is_taken() -> None:
    prompt = "Paris, who was Paris?"
    span = align(prompt, "Paris", "Paris", "en")
    assert span is not None
    assert span.start == prompt.rindex("Paris")


def test_whole_word_is_preferred_to_part_of_a_word() -> None:
    prompt = "Is Ain near Ainsworth?"
    span = align(prompt, "Ain", "Ain", "en")
    assert span is not None
    assert span.start == 3


def test_offsets_survive_characters_that_change_length_when_folded() -> None:
    prompt = "İstanbul: wo wurde die GROẞE Straße gebaut?"
    span = align(prompt, "große Straße", "Great Road", "de")
    assert span is not None
    assert prompt[span.start : span.end] == "GROẞE Straße"


@pytest.mark.parametrize(
    ("lang", "prompt", "found", "subject", "english", "whole"),
    [
        ("de", "Wer baute das deutsche U-Boot U-7?", "deutsche U-Boot U-7", "Deutsches U-Boot U-7", "U-7", True),
        ("nl", "Wie zijn Frieze en Roy vandaag?", "Frieze en Roy", "Fries en Roy", "Frieze and Roy", True),
        # half a name, a function word too many, another word at an end, a capital beside it
        ("nl", "Waar is de interactie van Dirac?", "de interactie", "Diracs interactie", "Dirac's interaction", False),
        ("es", "¿Cuándo acabó la Asociación Sur de Lugo?", "Asociación Sur de", "Asociación Sur Gala", "x", False),
        ("fr", "Où se trouve le quartier de Nantes ?", "trouve le quartier de Nantes", "quartier Nantes", "x", False),
        ("pt", "Quem escreveu Cada dia é festa?", "dia é festa", "Dia é festa", "x", False),
        ("fr", "Qui a fait Vive le roi ! ?", "Vive le roi", "Vive le roy !", "x", False),
    ],
)
def test_closest_span_is_kept_where_it_is_the_whole_subject(
    lang: str, prompt: str, found: str, subject: str, english: str, whole: bool
) -> None:
    start = prompt.index(found)
    assert is_whole(prompt, Span(start, start + len(found), "closest"), (subject, english), lang) is whole
