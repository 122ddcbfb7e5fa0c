"""Published numbers beside ours, costs, variants, hops; and what a run without data gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import Cell
from bench.model.catalog import known_models
from bench.store.results import Results, load_results
from reports.documents.tables import to_csv
from reports.experiments import of_panel, of_run, table1, table5, table8, tables2
from reports.numbers import paper
from reports.numbers.aggregate import Setting, panels
from reports.parts.sections import Picture
from reports.parts.tables import Table
from tests.reports.world import World, by_key, hand_made, table_named

LLAMA = "meta-llama/Meta-Llama-3-8B-Instruct"


# ---------------------------------------------------------------------------- published
def test_published_models_are_those_we_know() -> None:
    known = {name: entry.location for name, entry in known_models().items()}
    models = paper.read("models.csv")
    assert all(known[name] == hub for name, hub in models.itertuples(index=False, name=None))
    assert set(paper.read("table1.csv")["model"]) == set(models["model"])


@pytest.mark.parametrize("model", ["llama3-8b", LLAMA, LLAMA.lower()])
def test_published_numbers_stand_beside_the_same_model_and_data(model: str) -> None:
    rows = [{"cell": "a", "metric": m, "value": 0.5} for m in ("efficacy", "generality", "specificity")]
    rows += [{**row, "cell": "b", "value": 0.4} for row in rows]
    cells = [{"cell": c, "model": model, "data": "mzsre"} for c in "ab"]
    names = ("langedit-released", "langedit")
    given = hand_made(rows, [{**cell, "method": name} for cell, name in zip(cells, names, strict=True)])
    section = table1.section(given, panels(given)[0])
    assert section is not None
    table = table_named(section, "published")
    found, code = by_key(table, 2), "LangEdit (released code)"
    assert list(found) == [("LangEdit (paper, Eq. 10)", "ours"), (code, "ours"), (code, "published")]
    assert found[code, "ours"]["efficacy"].mean == 50
    assert [found[code, "published"][m.key].mean for m in paper.MEASURES] == [82.54, 77.53, 31.90, 66.24]
    assert found[code, "ours"]["xtreme_f1"].text == "–"
    assert any("stands beside the released code" in note for note in table.notes)
    assert any("k/(k+1)" in note for note in table.notes)


def test_only_llama_counted_the_beginning_of_text() -> None:
    notes = [paper.notes(Setting(model, "mzsre", "cycle"), ["memit"]) for model in ("gpt-j-6b", "qwen2.5-7b", LLAMA)]
    assert notes == [(), (), (paper.BOS,)]


@pytest.mark.parametrize(
    "other", [{"model": "polyglot-tiny"}, {"data": "cldr"}, {"order": "blocked"}, {"edited": "en"}]
)
def test_other_settings_have_no_published_numbers(other: dict[str, str]) -> None:
    cell = {"cell": "a", "method": "langedit", "model": "llama3-8b", "data": "mzsre", **other}
    given = hand_made([{"cell": "a", "value": 0.5}], [cell])
    assert table1.section(given, panels(given)[0]) is None


def test_shuffled_facts_have_their_own_published_numbers() -> None:
    found = paper.scores(Setting("llama3-8b", "mzsre", "shuffled"))
    assert found["langedit-released"]["efficacy"] == 81.69
    assert found["none"]["efficacy"] == 31.15
    assert "alphaedit" not in found


# ---------------------------------------------------------------------------- cost
def costs() -> list[dict[str, Any]]:
    values = {"seconds.total": (3.0, 1.0), "edits": (4.0, 2.0), "memory.peak_bytes": (2e9, 1e9), "diverged": (0.0, 0.0)}
    return [
        {"cell": "a", "step": step, "quantity": quantity, "value": pair[step - 1]}
        for quantity, pair in values.items()
        for step in (1, 2)
    ]


def test_cost_per_step_and_edit() -> None:
    preparing = [
        {"cell": cell, "step": 0, "quantity": "seconds.preparing", "value": v} for cell, v in (("a", 7), ("b", 1))
    ]
    cells = [{"cell": cell, "method": "memit", "seed": seed} for seed, cell in enumerate("ab")]
    given = hand_made([{"cell": "a", "value": 0.5}], cells, costs() + preparing)
    section = tables2.section(given, panels(given)[0])
    assert section is not None
    table = table_named(section, "tables2-4")
    row = by_key(table)[("MEMIT",)]
    assert [row[key].mean for key in ("steps", "edits", "seconds", "seconds_per_edit", "gigabytes", "preparing")] == [
        2, 3, 2, pytest.approx(4 / 6), 2, 7,
    ]  # fmt: skip
    assert "published_seconds" not in row


def test_published_costs_stand_beside_the_same_model() -> None:
    cells = [{"cell": "a", "method": "memit", "model": LLAMA}, {"cell": "b", "method": "mine", "model": LLAMA}]
    given = hand_made([{"cell": c, "value": 0.5} for c in "ab"], cells, costs())
    section = tables2.section(given, panels(given)[0])
    assert section is not None
    rows = by_key(table_named(section, "tables2-4"))
    assert "preparing" not in rows[("MEMIT",)], "recorded nowhere, so no column of dashes"
    assert (rows[("MEMIT",)]["published_seconds"].mean, rows[("MEMIT",)]["published_gigabytes"].mean) == (974, 35.8)
    assert paper.costs(LLAMA).keys() == {"ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit-released"}
    assert (rows[("mine",)]["published_seconds"].text, rows[("mine",)]["seconds"].text) == ("–", "–")


# ---------------------------------------------------------------------------- variants
def orders(**cells: Any) -> Results:
    given = [
        {"cell": "a", "method": "langedit"},
        {"cell": "b", "method": "langedit", "order": "shuffled", **cells},
        {"cell": "c", "method": "langedit-released"},
        {"cell": "m", "method": "memit"},
    ]
    level = {"a": (0.9, 0.8), "b": (0.8, 0.5), "c": (1.0, 1.0), "m": (0.1, 0.1)}
    rows = [
        {"cell": cell, "fact": fact, "metric": metric, "value": value}
        for cell, values in level.items()
        for fact, value in zip("xy", values, strict=True)
        for metric in ("efficacy", "generality", "specificity")
    ]
    return hand_made(rows, given)


def test_variants_are_paired_with_their_method() -> None:
    section = next(iter(table5.sections(orders(), panels(orders()))))
    rows = by_key(table_named(section, "table5"))
    assert list(rows) == [
        ("LangEdit (paper, Eq. 10)",),
        ("LangEdit (released code)",),
        ("LangEdit (paper, Eq. 10, shuffled)",),
    ]
    assert rows[("LangEdit (paper, Eq. 10, shuffled)",)]["efficacy"].mean == pytest.approx(65)
    found = by_key(table_named(section, "table5-difference"), 3)
    assert found["LangEdit (paper, Eq. 10, shuffled)", "LangEdit (paper, Eq. 10)", "Efficacy"][
        "difference"
    ].mean == pytest.approx(-20)
    assert found["LangEdit (released code)", "LangEdit (paper, Eq. 10)", "Efficacy"][
        "difference"
    ].mean == pytest.approx(15)


def test_the_two_forms_of_translation_are_told_apart() -> None:
    names = ("alphaedit", "alphaedit-translation", "alphaedit-all-translations")
    cells = [{"cell": name, "method": name} for name in names]
    given = hand_made([{"cell": name, "value": 0.5} for name in names], cells)
    table = table_named(next(iter(table5.sections(given, panels(given)))), "table5")
    assert {row[0].text for row in table.rows} >= {"AlphaEdit (translation)", "AlphaEdit (all-translations)"}
    assert table5.TRANSLATED in table.notes
    assert table5.TRANSLATED not in table_named(next(iter(table5.sections(orders(), panels(orders())))), "table5").notes


def test_an_unfinished_variant_is_a_dash() -> None:
    given = orders(status="failed")
    section = next(iter(table5.sections(given, panels(given))))
    table = table_named(section, "table5")
    assert "xtreme_f1" not in {column.key for column in table.columns}, "asked nowhere, so no column of dashes"
    assert by_key(table)[("LangEdit (paper, Eq. 10, shuffled)",)]["efficacy"].text == "– (0/1)"
    assert any("LangEdit (paper, Eq. 10) missing 1/1" in note and "shuffled" in note for note in table.notes)


def test_one_order_and_no_variant_is_no_section(complete: Path) -> None:
    given = load_results(complete)
    assert not list(table5.sections(given, panels(given)))


# ---------------------------------------------------------------------------- hops
def test_the_average_of_hops_is_over_languages() -> None:
    facts = (("x", "en", 1.0, 0.6), ("y", "en", 0.8, 0.4), ("z", "de", 0.5, 0.1))
    rows = [
        {"cell": "a", "fact": fact, "edit_lang": lang, "metric": metric, "value": value}
        for fact, lang, *values in facts
        for metric, value in zip(("efficacy", "portability"), values, strict=True)
    ]
    given = hand_made(rows, [{"cell": "a", "method": "memit"}])
    section = table8.section(given, panels(given)[0])
    assert section is not None
    found = by_key(table_named(section, "table8"), 2)
    assert found["MEMIT", "Single hop"]["average"].mean == pytest.approx((90 + 50) / 2)
    assert found["MEMIT", "Multi hop"]["average"].mean == pytest.approx((50 + 10) / 2)
    assert found["MEMIT", "Multi hop"]["en"].mean == pytest.approx(50)


# ---------------------------------------------------------------------------- everything at once
STATUS: dict[Any, Any] = {
    ("rome", 1): "diverged", ("rect", 1): "failed", ("memit", 0): "missing", ("memit", 1): "interrupted",
}  # fmt: skip
GRID: dict[str, Any] = {
    "facts": 2, "languages": ("en", "de", "zh"), "xtreme": True, "scored": (1, 3), "asked": True, "hops": True,
    "edited": ((), ("en",), ("en", "de")), "data": "mzsre", "orders": ("cycle", "shuffled"),
}  # fmt: skip


@dataclass
class OneShuffled(World):
    """Groups of languages in one order; all of them in the other, too."""

    def planned(self, model: str) -> list[Cell]:
        every = super().planned(model)
        return [cell for cell in every if cell.schedule.order == "cycle" or not cell.schedule.edited]


@pytest.mark.parametrize(
    ("kind", "methods", "seeds"),
    [
        (OneShuffled, ("none", "rome", "memit", "rect", "langedit"), (0, 1)),
        pytest.param(World, ("none", "memit", "langedit"), (0,), marks=pytest.mark.soak),
        pytest.param(World, ("memit",), (0, 1), marks=pytest.mark.soak),
        pytest.param(World, ("none",), (0,), marks=pytest.mark.soak),
    ],
)
def test_half_a_grid_gives_what_is_there(
    kind: type[World], methods: tuple[str, ...], seeds: tuple[int, ...], tmp_path: Path
) -> None:
    world = kind(methods=methods, seeds=seeds, status=STATUS, **GRID)
    given = load_results(world.write(tmp_path / "run", model="llama3-8b"))
    parts = panels(given)
    of_all = of_run(given, parts)
    sections = [section for panel in parts for section in of_panel(given, panel)] + of_all
    assert all(isinstance(section.parts[0], str) for section in sections)
    for section in sections:
        tables = [part for part in section.parts if isinstance(part, Table)]
        assert tables
        for table in tables:
            assert "nan" not in to_csv(table).lower()
            assert all(len(row) == len(table.columns) for row in table.rows)
        for picture in (part for part in section.parts if isinstance(part, Picture)):
            assert picture.figure.get_figwidth() == 7
            picture.figure.draw_without_rendering()
    names = [p.name for s in of_all for p in s.parts if isinstance(p, Table)]
    assert len(set(names)) == len(names)


def test_nothing_finished_is_nothing_to_show(tmp_path: Path) -> None:
    status: Any = {("memit", 0): "failed"}
    world = World(methods=("memit",), seeds=(0,), status=status, **{**GRID, "data": "cldr", "orders": ("cycle",)})
    given = load_results(world.write(tmp_path / "run"))
    assert [section for panel in panels(given) for section in of_panel(given, panel)] == []
