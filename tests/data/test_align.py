from __future__ import annotations

import pytest

from bench.data.sources.align import align


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
