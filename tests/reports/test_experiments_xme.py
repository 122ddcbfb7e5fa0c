"""XME from hand-made edits: matrices, harmonic means, scripts, flipped edits, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from bench.store.results import Results
from reports.experiments import of_panel, of_run, xme, xme_maps, xme_tables
from reports.experiments.xme_study import harmonic_difference, harmonics
from reports.numbers.aggregate import panels, records_of
from reports.numbers.scripts import relation
from reports.parts.sections import Picture, Section
from reports.parts.tables import Table
from reports.render import build_report
from tests.reports.world import by_key, hand_made
from tests.reports.xme_world import Edits

MEND, FT = "mend[layers=LL]", "ft-inner[layers=LL]"
EVEN = {"same": 1.0, "script": 0.6, "other": 0.0}


def generality(method: str, edited: str, asked: str, fact: int) -> float:
    """What is said already stays said; MEND carries other edits as far as `EVEN`, FT half as far."""
    if fact % 2:
        return 1.0
    return {"none": 0.0, MEND: 1.0}.get(method, 0.5) * EVEN[relation(edited, asked)]


def specificity(method: str, edited: str, asked: str, fact: int) -> float:
    return 1.0 if method == "none" else 0.9


EDITS = Edits(("none", MEND, FT), generality, specificity)


def sections(given: Results) -> list[Section]:
    return list(xme.sections(given, panels(given)))


def test_a_matrix_has_the_edits_in_rows_and_the_questions_in_columns() -> None:
    maps = {pictures[0].stem: table for pictures, table in xme_maps.parts(EDITS.study())}
    assert list(maps) == ["xme-own", "xme-mend-all", "xme-ft-inner"]
    rows = by_key(maps["xme-mend-all"], 3)
    english = rows["G_S", "LL, last", "English"]
    assert [english[code].mean for code in ("en", "fr", "hi")] == [100, pytest.approx(80), 50]
    assert rows["S_S", "LL, last", "हिन्दी"]["fr"].mean == pytest.approx(90)
    assert by_key(maps["xme-own"], 3)["G_S", "Unedited", "English"]["hi"].mean == 50


def test_groups_of_layers_stand_side_by_side_with_their_numbers_in_them() -> None:
    methods = tuple(f"mend[layers={group},practice=en]" for group in ("RL", "LL", "ML", "IL"))
    ((pictures, _),) = xme_maps.parts(replace(EDITS, methods=methods).study())
    (picture,) = pictures
    axes = picture.figure.axes
    titles = [f"{what} {group}" for what in ("G_S", "S_S") for group in ("IL", "ML", "LL", "RL")]
    assert [each.get_title(loc="left").partition(",")[0] for each in axes] == titles
    assert {each.images[0].get_clim() for each in axes} == {(0, 100)}
    assert [text.get_text() for text in axes[4].texts] == ["90"] * 9
    tops = [round(each.get_position().y1, 3) for each in axes]
    assert len(set(tops[:4])) == len(set(tops[4:])) == 1


def test_of_eleven_languages_each_measure_has_a_figure_of_two_maps_a_line() -> None:
    codes = ("en", "fr", "es", "hi", "gu", "bn", "ta", "ml", "kn", "ar", "zh")
    methods = tuple(f"mend[layers={group}]" for group in ("IL", "ML", "LL"))
    ((pictures, _),) = xme_maps.parts(replace(EDITS, methods=methods, languages=codes, facts=1).study())
    assert [picture.stem for picture in pictures] == ["xme-mend-all-G_S", "xme-mend-all-S_S"]
    assert len({round(each.get_position().y1, 3) for each in pictures[0].figure.axes}) == 2


def test_harmonic_means_are_of_the_means_over_the_matrix() -> None:
    rows = by_key(xme_tables.harmonic_table(EDITS.study()), 2)
    mend, plain = rows["MEND", "LL"], rows["FT (MLPs)", "LL"]
    # of nine pairs three are the same language, two the same script, four another
    g = 100 * (3 * 1 + 2 * 0.8 + 4 * 0.5) / 9
    assert (mend["g"].mean, mend["s"].mean) == (pytest.approx(g), pytest.approx(90))
    assert mend["harmonic"].mean == pytest.approx(2 * g * 90 / (g + 90))
    assert (mend["harmonic"].rank, plain["harmonic"].rank, rows["Unedited", "–"]["harmonic"].rank) == (
        "best", "second", None,
    )  # fmt: skip
    assert mend["practice"].text == "mixed"
    assert mend["facts"].mean == 4


def test_the_interval_is_that_of_the_harmonic_mean_over_claims() -> None:
    found = EDITS.study()
    numbers = {method: number.mean for method, number in harmonics(found).items()}
    alone = harmonic_difference(found, MEND)
    assert (alone.difference, alone.n) == (pytest.approx(numbers[MEND]), 4)
    # two claims at 46.67 and two at 100: deviation 30.79, weighed by H^2 / (2 G^2)
    g = 220 / 3
    error = 30.792 / 2 * (numbers[MEND] or 0) ** 2 / (2 * g**2)
    assert alone.high is not None and alone.low is not None
    assert alone.high - alone.low == pytest.approx(2 * 3.18245 * error, rel=1e-4)
    between = harmonic_difference(found, MEND, FT)
    assert between.difference == pytest.approx((numbers[MEND] or 0) - (numbers[FT] or 0))


def test_claims_that_are_asked_are_a_sample_of_their_own() -> None:
    def varied(method: str, edited: str, asked: str, fact: int) -> float:
        return (0.5, 1.0, 0.75)[fact % 3]

    found = replace(EDITS, specificity=varied, asked=True, facts=6).study()
    plain = replace(EDITS, specificity=varied, facts=6).study()
    assert set(found.asked["fact"]) == {"q0", "q1", "q2"}
    outcomes = [harmonic_difference(each, MEND) for each in (found, plain)]
    assert outcomes[0].difference == pytest.approx(outcomes[1].difference)
    assert outcomes[0].df != outcomes[1].df


def test_means_by_script_stand_beside_the_line_without_an_edit() -> None:
    found = replace(EDITS, languages=("en", "fr", "hi", "ar", "zh")).study()
    rows = by_key(xme_tables.script_table(found), 4)
    keys = ("G_S_same", "G_S_script", "G_S_other")
    main = rows["MEND", "LL", "mixed", "Latin and Indic"]
    assert [main[key].mean for key in keys] == [100, pytest.approx(80), 50]
    arabic = rows["MEND", "LL", "mixed", "Arabic"]
    assert [arabic[key].text for key in keys] == ["", "–", ""]
    assert (arabic["G_S_same"].mean, arabic["G_S_other"].mean) == (100, 50)
    assert ("MEND", "LL", "mixed", "Chinese") in rows
    assert rows["Unedited", "–", "–", "Latin and Indic"]["G_S_other"].mean == 50


def test_bars_are_as_high_as_the_means_and_lines_lie_where_nothing_is_edited() -> None:
    axes = xme_tables.bars(EDITS.study()).figure.axes
    assert [each.get_title(loc="left") for each in axes[:2]] == ["MEND, practice mixed", "FT (MLPs)"]
    assert [bar.get_height() for bar in axes[0].patches] == [100, pytest.approx(80), 50]
    assert [set(line.get_ydata()) for line in axes[0].lines if len(line.get_ydata()) == 2] == [{50.0}] * 3


def test_flipped_edits_stand_beside_all_edits() -> None:
    table = xme_tables.flipped_table(EDITS.study())
    assert isinstance(table, Table)
    mend = by_key(table)["MEND",]
    assert [mend[f"all_{key}"].mean for key in ("same", "script", "other")] == [100, pytest.approx(80), 50]
    assert [mend[f"flipped_{key}"].mean for key in ("same", "script", "other")] == [100, pytest.approx(60), 0]
    assert mend["flipped_mean"].mean == pytest.approx(100 * (3 + 2 * 0.6) / 9)
    assert by_key(table)["Unedited",]["flipped_mean"].mean == 0
    assert any("6 of 12 edits flip" in note for note in table.notes)


def test_where_no_edit_flips_there_is_no_mean_of_flipped_edits() -> None:
    table = xme_tables.flipped_table(replace(EDITS, says=lambda fact: True).study())
    assert isinstance(table, Table)
    row = by_key(table)["MEND",]
    assert (row["flipped_mean"].text, row["flipped_same"].text, row["all_same"].mean) == ("–", "–", 100)


def test_without_cells_of_the_unedited_model_that_is_said() -> None:
    given = replace(EDITS, methods=(MEND,), languages=("en", "hi"), facts=2).results()
    maps, layers, _ = sections(given)
    assert any(isinstance(part, str) and "no cells of the method none" in part for part in maps.parts)
    assert any(isinstance(part, str) and "flipped edits cannot" in part for part in layers.parts)
    (chart,) = [part for part in layers.parts if isinstance(part, Picture)]
    assert "lines" not in chart.caption
    assert not [line for line in chart.figure.axes[0].lines if len(line.get_ydata()) == 2]


def test_one_language_only() -> None:
    found = replace(EDITS, languages=("en",), facts=2)
    rows = by_key(xme_tables.script_table(found.study()))
    assert (rows["MEND",]["G_S_same"].mean, rows["MEND",]["G_S_script"].text) == (100, "–")
    assert len(sections(found.results())) == 3


def test_no_mean_is_made_of_a_matrix_with_gaps() -> None:
    def broken(method: str, edited: str, asked: str, fact: int) -> float:
        is_hole = method == MEND and (edited, asked, fact) == ("en", "hi", 2)
        return nan if is_hole else generality(method, edited, asked, fact)

    found = replace(EDITS, generality=broken).study()
    maps = {pictures[0].stem: table for pictures, table in xme_maps.parts(found)}
    row = by_key(maps["xme-mend-all"], 3)["G_S", "LL, last", "English"]
    assert (row["en"].mean, row["hi"].text) == (100, "– (0/1)")
    mend = by_key(xme_tables.harmonic_table(found))["MEND",]
    assert (mend["g"].text, mend["s"].mean) == ("– (0/1)", pytest.approx(90))
    assert mend["harmonic"].text.startswith("–")
    assert (mend["ci95_low"].text, mend["ci95_high"].text) == ("–", "–")
    assert by_key(xme_tables.script_table(found))["MEND",]["G_S_other"].text == "– (0/1)"
    assert by_key(xme_tables.harmonic_table(found))["FT (MLPs)",]["harmonic"].mean is not None


def test_only_runs_of_independent_edits_have_these_sections() -> None:
    given = replace(EDITS, languages=("en",), methods=(MEND, "mend[layers=IL]"), facts=1).results()
    assert [section.title for section in of_run(given, panels(given))] == [
        "Edits across languages (XME)",
        "Layers, languages and practice (XME)",
        "What agrees with the paper (XME)",
    ]
    in_sequence = replace(given, run={})
    assert [section.title for section in of_run(in_sequence, panels(in_sequence))] == ["Variants (Table 5)"]


def test_independent_edits_have_no_course() -> None:
    edits = replace(EDITS, languages=("en", "fr", "hi", "es"))
    given = edits.results()
    costs = hand_made(
        [], [], [{"cell": m, "step": s, "quantity": "edits", "value": 4.0} for m in edits.methods for s in (1, 2, 3, 4)]
    ).costs
    given = replace(given, costs=costs)
    titles = [section.title for section in of_panel(given, panels(given)[0])]
    assert "Over the number of edits" not in titles
    sequence = replace(given, run={})
    assert "Over the number of edits" in [s.title for s in of_panel(sequence, panels(sequence)[0])]


def test_what_an_edit_asks_is_not_superseded_by_what_a_later_one_asks() -> None:
    rows = [
        {"cell": "c", "step": 1, "fact": "x", "metric": "efficacy", "value": 1.0},
        {"cell": "c", "step": 1, "fact": "y", "metric": "specificity_asked", "value": 1.0},
        {"cell": "c", "step": 2, "fact": "x", "metric": "specificity_asked", "value": 0.0},
        {"cell": "c", "step": 2, "fact": "y", "metric": "specificity_asked", "value": 0.0},
    ]
    given = replace(hand_made(rows, [{"cell": "c", "method": "mend"}]), run={"independent": True})
    records = records_of(given).set_index(["metric", "fact"])["value"]
    assert records["efficacy", "x"] == 100
    assert records["specificity_asked", "y"] == 50


def test_the_report_holds_every_map_as_a_file(tmp_path: Path) -> None:
    run = replace(EDITS, methods=("none", MEND), languages=("en", "hi"), facts=1).write(tmp_path / "run")
    out = build_report(run, tmp_path / "report", ("md", "csv"))
    names = {path.name for path in out.iterdir()}
    assert {"xme-own.csv", "xme-own.png", "xme-mend-all.csv", "xme-mend-all.svg", "xme-scripts.png"} <= names
    assert {"xme-harmonic.csv", "xme-scripts.csv", "xme-flipped.csv", "xme-claims.csv", "xme-covariates.csv"} <= names
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "What agrees with the paper (XME)" in text
    assert "Variants (Table 5)" not in text
