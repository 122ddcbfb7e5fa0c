"""XME: what agrees with the paper, what goes with hearing an edit elsewhere, and the published numbers beside ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.experiments import xme_claims, xme_covariates, xme_published
from reports.experiments.xme_claims import NO, OPEN, YES, Finding, above, kind_of, within
from reports.numbers.scripts import relation
from reports.numbers.significance import Outcome
from reports.numbers.variants import variant_of
from reports.numbers.xme_published import blocks, known_as
from reports.parts.tables import Table
from tests.reports.world import by_key
from tests.reports.xme_world import Edits

LAST = {"IL": 0.2, "ML": 0.4, "LL": 0.8, "RL": 0.9}
"""How far each group of layers carries an edit."""


def generality(method: str, edited: str, asked: str, fact: int) -> float:
    """Claims differ a little, the same in every method but for how far it carries."""
    reach = LAST.get(variant_of(method).layers, 0.5)
    spoilt = 0.02 * (fact % 3) * (1 + reach)
    return reach * {"same": 1.0, "script": 0.9, "other": 0.7}[relation(edited, asked)] - spoilt


def edits(*methods: str, model: str = "claims-bert-tiny") -> Edits:
    return Edits(methods, generality, facts=6, model=model)


def only(findings: list[Finding], method: str) -> Finding:
    return next(each for each in findings if each.method == method)


def test_last_layers_are_held_against_the_best_of_the_others() -> None:
    mend = [f"mend[layers={group}]" for group in LAST]
    finding = only(list(xme_claims.layers(edits(*mend).study())), "MEND, practice mixed")
    assert (finding.answer, finding.outcome.n) == (YES, 6)
    assert finding.ours.startswith("harmonic mean LL ")
    assert ", ML " in finding.ours  # those at random are better, and none of the claim


def test_a_decoder_should_be_best_in_the_middle() -> None:
    mend = [f"mend[layers={group}]" for group in LAST]
    finding = only(list(xme_claims.layers(edits(*mend, model="claims-bloom-tiny").study())), "MEND, practice mixed")
    assert finding.answer == NO
    assert finding.outcome.high is not None and finding.outcome.high < 0


def test_what_needs_a_cell_that_is_missing_says_which() -> None:
    found = edits("mend[layers=IL]", "mend[layers=ML]").study()
    assert all(each.answer == OPEN for each in xme_claims.layers(found))
    assert only(list(xme_claims.layers(found)), "MEND, practice mixed").why == (
        "needs cells with layers=LL and others of IL, ML, LL"
    )
    assert only(list(xme_claims.layers(found)), "KE").answer == OPEN
    assert {each.why for each in xme_claims.finetuning(found)} == {"needs cells of ft-inner"}
    assert {each.why for each in xme_claims.practice(found)} == {"needs cells with practice in one language and in all"}
    other = edits("mend[layers=IL]", "mend[layers=LL]", model="my-model").study()
    assert "does not say what kind" in only(list(xme_claims.layers(other)), "MEND, practice mixed").why


def test_fine_tuning_is_comparable_within_the_published_margin() -> None:
    def noisy(method: str, edited: str, asked: str, fact: int) -> float:
        return generality(method, edited, asked, fact) - 0.01 * (fact % 2) * ("ft" in method)

    near = replace(edits("mend[layers=LL]", "ke[layers=ML]", "ft-inner[layers=LL]"), generality=noisy)
    findings = list(xme_claims.finetuning(near.study()))
    assert [each.answer for each in findings] == [YES, NO]  # as good as MEND; far better than KE
    assert -1 < (findings[0].outcome.difference or 0) < 0


def test_the_order_of_languages() -> None:
    findings = list(xme_claims.order(edits("mend[layers=LL]").study()))
    mine = [each for each in findings if each.method == "MEND, practice mixed"]
    # no claim varies in the difference, so there is no interval
    assert [each.outcome.difference for each in mine] == [pytest.approx(8), pytest.approx(16)]
    assert [each.answer for each in mine] == [OPEN, OPEN]


def test_practice_in_english_is_held_against_practice_in_all() -> None:
    def nearer(method: str, edited: str, asked: str, fact: int) -> float:
        helped = "practice=en" in method and asked in ("en", "fr")
        return 0.5 + (0.3 - 0.01 * fact) * helped

    methods = ("mend[layers=LL]", "mend[layers=LL,practice=en]", "ke[layers=LL]")
    found = replace(edits(*methods), generality=nearer).study()
    mend, ke = xme_claims.practice(found)
    assert (mend.answer, mend.outcome.difference) == (YES, pytest.approx(30 - 2.5))
    assert mend.method == "MEND, practice English"
    assert ke.answer == OPEN


def test_answers_follow_the_interval() -> None:
    assert above(Outcome(5, 2.0, 0.1, 3.9))[0] == YES
    assert above(Outcome(5, -2.0, -3.9, -0.1))[0] == NO
    assert above(Outcome(5, 1.0, -1.0, 3.0)) == (OPEN, "the interval holds 0")
    assert above(Outcome(1, 1.0, note="1 pair, needs two")) == (OPEN, "1 pair, needs two")
    assert [within(Outcome(5, 0.0, low, high), 6)[0] for low, high in ((-5, 5), (-9, 1), (7, 9), (-9, -7))] == [
        YES, OPEN, NO, NO,
    ]  # fmt: skip


def test_what_a_model_is_stands_in_its_name() -> None:
    assert [kind_of(name) for name in ("models/xlm-roberta-base-fever", "bloom-560m/", "bert/llama")] == [
        "encoder", "decoder", "",
    ]  # fmt: skip


def test_all_claims_are_one_table() -> None:
    table = xme_claims.table(edits("none", "mend[layers=LL]").study())
    assert {row[-1].text.split(":")[0] for row in table.rows} <= {YES, NO, OPEN}
    assert len({row[0].text for row in table.rows}) == 5


# ---------------------------------------------------------------------------- covariates
def test_correlations_are_over_pairs_of_different_languages() -> None:
    table, overlap = xme_covariates.tables(edits("mend[layers=LL]").study())
    row = by_key(table)["MEND",]
    assert (row["pairs"].mean, row["script"].mean) == (6, pytest.approx(1))
    assert row["names"].mean is not None and row["names"].mean > 0.8
    english = by_key(overlap, 2)["Overlap of names", "English"]
    assert english["en"].mean == 100
    assert (english["fr"].mean or 0) > 40 > 1 > (english["hi"].mean or 0)


def test_names_are_known_of_the_embedded_claims_only() -> None:
    (table,) = xme_covariates.tables(replace(edits("mend[layers=LL]"), data="xfever").study())
    row = by_key(table)["MEND",]
    assert (row["names"].text, row["script"].mean) == ("–", pytest.approx(1))
    assert any("data set claims only" in note for note in table.notes)


def test_two_pairs_correlate_with_nothing() -> None:
    tables = xme_covariates.tables(replace(edits("mend[layers=LL]"), languages=("en", "hi")).study())
    assert by_key(tables[0])["MEND",]["script"].text == "–"


# ---------------------------------------------------------------------------- published
SIX = ("en", "fr", "es", "hi", "gu", "bn")


def test_published_means_stand_under_ours() -> None:
    given = replace(
        edits("mend[layers=LL,practice=en]", "ft-inner[layers=LL]"),
        languages=(*SIX, "ar"),
        facts=2,
        model="me/bert-base-multilingual-uncased-fever",
    )
    table = xme_published.table(given.study())
    assert isinstance(table, Table)
    rows = by_key(table, 4)
    published = rows["MEND", "LL", "English", "published, en"]
    values = [published[f"{what}_{key}"].mean for what in ("G_S", "S_S") for key in ("same", "script", "other")]
    assert values == [pytest.approx(each, abs=0.05) for each in (98.8, 91.2, 63.7, 84.8, 93.4, 98.4)]
    # fine-tuning practises in nothing: what the other methods of the run practise in stands for it
    assert [key[3] for key in rows if key[0] == "FT (MLPs)"] == ["ours", "published, en"]
    # without Arabic: fact 0 gives 80, fact 1 3.6 less
    assert rows["MEND", "LL", "English", "ours"]["G_S_same"].mean == pytest.approx(78.2)


def test_other_models_and_other_languages_have_no_published_numbers() -> None:
    assert "no numbers of claims-bert-tiny" in str(xme_published.table(edits("mend[layers=LL]").study()))
    some = edits("mend[layers=LL]", model="bloom-560m").study()
    assert "Without es, gu, bn" in str(xme_published.table(some))
    assert [known_as(name) for name in ("FacebookAI/XLM-RoBERTa-base", "bloom-560m-fever", "bloomz-7b")] == [
        "xlm-r", "bloom-560m", "",
    ]  # fmt: skip


def test_doubtful_blocks_are_left_out_or_marked() -> None:
    plain = {each.finetuned_on: each for each in blocks("bloom-560m", variant_of("ft-inner[layers=IL]"), SIX)}
    # that run's English block is of nobody knows which language: the later one stands for it
    assert plain["en"].later
    assert plain["en"].means["G_S", "same"] == pytest.approx(83.28)
    assert ("G_S", "same") not in plain["hi"].means
    assert plain["hi"].doubts == ("G_S: whose numbers these are is not known",)
    assert not plain["fr"].doubts
    (copied,) = blocks("bloom-560m", variant_of("ke[layers=RL,practice=fr]"))
    assert copied.doubts == ("G_S: a copy of another block",)
    (ones,) = blocks("xlm-roberta-base", variant_of("ke[layers=RL,practice=es]"))
    assert (ones.means["G_S", "same"], ones.doubts) == (100, ("G_S: every number is 1",))
    (mixed,) = blocks("xlm-roberta-base", variant_of("mend[layers=LL]"))
    assert mixed.later and mixed.means["G_S", "same"] == pytest.approx(99.14)
