"""The two XTREME protocols on responses written by hand."""

from __future__ import annotations

import math

import pytest

from evaluators._xtreme import langedit, likelihood
from evaluators._xtreme.protocol import Form, Response, Verdict

WORDS = {"en": ("No", "Yes"), "es": ("No", "Sí"), "zh": ("否", "是")}
TYPES = ("PER", "LOC", "ORG")


def pair(lang: str = "en", cue: str = "Answer:") -> Form:
    return Form(f"xnli_{lang}", "xnli", lang, cue, WORDS[lang])


def question(lang: str = "en") -> Form:
    return Form(f"mlqa_{lang}", "mlqa", lang, "Answer:")


TAGGING = Form("wikiann_en", "wikiann", "en", "Answer:", types=TYPES)


def said(form: Form, text: str) -> int:
    verdict = langedit.judge(form, {"label": form.words[1]}, Response(text), str.split)
    assert verdict.gold == (1,)
    assert verdict.answered == (verdict.said != (-1,))
    return verdict.said[0]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", " Yes\nNext", 1),
        ("en", " no", 0),
        ("en", " Not that I know, yes", 1),  # the positive word is looked for first, wherever it stands
        ("en", " I know", 0),  # "no" inside a word
        ("en", " maybe", -1),
        ("en", "", -1),
        ("zh", "不是", 1),  # "is not" holds the word for yes
        ("zh", "否", 0),
        ("es", " Si", -1),  # without its accent
        ("es", " SÍ", 1),
    ],
)
def test_label_words_are_read_as_published(lang: str, text: str, expected: int) -> None:
    assert said(pair(lang), text) == expected


def test_the_answer_is_what_follows_the_last_cue() -> None:
    assert said(pair(), " Yes\nAnswer: No") == 0
    # a cue that begins in the prompt
    assert langedit.after_cue("aa:", "a aa:x ") == "x"


def test_weighted_f1_counts_no_answer_as_wrong_but_not_as_a_class() -> None:
    golds, answers = (1, 1, 0, 0), (1, -1, 0, 0)
    verdicts = [Verdict(float(g == s), s >= 0, (g,), (s,)) for g, s in zip(golds, answers, strict=True)]
    # class 1: precision 1, recall 1/2; class 0: all right
    assert langedit.f1("xnli", verdicts) == pytest.approx((2 * (2 / 3) + 2 * 1) / 4)
    assert likelihood.f1("pawsx", verdicts) == langedit.f1("pawsx", verdicts)


def value(protocol: str, lang: str, gold: str, text: str) -> float:
    form, item, response = question(lang), {"answer": gold}, Response(text)
    if protocol == "langedit":
        return langedit.judge(form, item, response, list).value
    return likelihood.judge(form, item, response).value


def test_the_published_f1_deletes_accented_letters_and_other_scripts() -> None:
    assert value("langedit", "de", "Köln", " Kln") == 1
    assert value("langedit", "de", "Öl", " L") == 1
    assert value("langedit", "de", "Ä", " Ä") == 0
    assert value("langedit", "de", "der An Fang", " der Fang") == 1  # English articles in German
    assert value("likelihood", "de", "Köln", " Kln") == 0
    assert value("likelihood", "de", "Ä", " ä") == 1


def test_answers_of_questions_are_first_lines() -> None:
    for protocol in ("langedit", "likelihood"):
        assert value(protocol, "en", "the red house", "\n\n Red house\nblue") == 1
        assert value(protocol, "en", "red house", " a red door, the big one") == pytest.approx(2 * 1 / (2 + 4))
        assert value(protocol, "en", "red", "") == 0


def test_likelihood_normalises_all_scripts() -> None:
    assert value("likelihood", "es", "los años", " «Años».") == 1
    assert value("likelihood", "de", "des Straße", " STRASSE") == 0
    assert value("likelihood", "en", "ﬁve", " five") == 1  # a ligature
    assert value("likelihood", "zh", "北京市", "北京。") == pytest.approx(2 * 2 / (3 + 2))
    # the published protocol compares whole segments, here characters, and keeps punctuation
    assert value("langedit", "zh", "北京市", "北京。") == pytest.approx(2 * 2 / (3 + 3))


def tagged(text: str, label: str, answer: str) -> tuple[Verdict, Verdict]:
    item, response = {"text": text, "label": label}, Response(answer)
    return langedit.judge(TAGGING, item, response, str.split), likelihood.judge(TAGGING, item, response)


def test_macro_f1_of_tags_by_hand() -> None:
    published, _ = tagged("a b Ann Rome", "PER: Ann\nLOC: Rome\n", " PER: b@Ann\n")
    assert published.gold == ("O", "O", "PER", "LOC")
    assert published.said == ("O", "PER", "PER", "O")
    assert published.value == 0.5
    # O: one right of two and two; PER: one of one and two; LOC: none; ORG is in neither and does not count
    assert langedit.f1("wikiann", [published]) == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)


def test_tags_stand_at_the_first_occurrence_and_later_types_overwrite() -> None:
    published, _ = tagged("Ann saw Ann", "PER: Ann@Ann\n", "noise PER: Ann\nORG: saw Ann\nPER: saw")
    assert published.gold == ("PER", "O", "O")
    assert published.said == ("PER", "ORG", "ORG")
    assert published.answered


def test_an_answer_without_types_is_all_outside() -> None:
    published, ours = tagged("Ann saw Rome", "PER: Ann\n", "")
    assert published.said == ("O", "O", "O")
    assert not published.answered
    assert not ours.answered
    assert langedit.f1("wikiann", [published]) == pytest.approx((2 * 2 / (2 + 3) + 0) / 2)
    assert likelihood.f1("wikiann", [ours]) == 0


def test_entities_are_right_as_a_whole_and_invented_ones_are_wrong() -> None:
    text, label = "Ann Lee saw Rome and Ann Lee", "PER: Ann Lee@Ann Lee\nLOC: Rome\n"
    _, ours = tagged(text, label, label)
    assert ours.value == 1
    assert len(ours.gold) == 3
    _, half = tagged(text, label, " PER: Ann\nLOC: Rome@Paris\n\nPER: Ann Lee")
    # one right; gold has three, three were said; what follows the blank line is not read
    assert half.value == pytest.approx(2 * 1 / (3 + 3))


def test_the_likelier_word_wins_and_a_diverged_model_says_nothing() -> None:
    def judged(negative: float, positive: float) -> Verdict:
        return likelihood.judge(pair(), {"label": "Yes"}, Response(" No", (negative, positive)))

    assert judged(-2, -1).said == (1,)
    assert judged(-1, -2).said == (0,)
    for bad in (math.nan, -math.inf):
        assert judged(bad, -1).said == (-1,)
        assert not judged(-1, bad).answered
