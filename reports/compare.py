"""Two runs side by side: is it the same code on two machines, and what did a change of a method change?

Cells are joined by their place in tables (method, model, data, order, edited languages, seed). Differences are second
run less first, paired over facts and over seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.ground.atomic import write_text
from bench.store.results import PLACE
from reports.documents.answers import write_answers
from reports.documents.html import ANSWERS, to_report_html
from reports.documents.markdown import to_report_markdown
from reports.documents.tables import to_csv, to_text
from reports.numbers.aggregate import Panel, Setting, Standing, Summary, panels, summaries
from reports.numbers.measures import EFFICACY, FURTHER, MAIN, XTREME, Measure
from reports.numbers.pairing import over_seeds
from reports.numbers.rounding import told, tolerance
from reports.numbers.significance import Outcome, holm, paired, paired_over_facts
from reports.parts import provenance
from reports.parts.arranging import arranged
from reports.parts.contents import METHOD, display_name, summary_cell
from reports.parts.flips import EACH, flip_section, flipped
from reports.parts.joining import OTHER_QUESTIONS, Runs, Sameness, join, sameness
from reports.parts.sections import Chapter, Section
from reports.parts.tables import DASH, Cell, Column, Table, p_text

MEASURES = (*MAIN, *FURTHER)
A, B = "first", "second"


@dataclass(frozen=True, slots=True)
class Difference:
    """One method's number in both runs, over the seeds that both have finished; second less first."""

    setting: Setting
    method: str
    measure: Measure
    numbers: tuple[Summary, Summary]
    facts: Outcome
    seeds: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two runs differ in.

    Attributes:
        chapter: in tables.
        folders: of the runs.
        flipped: facts that one has right and the other wrong.
    """

    chapter: Chapter
    folders: tuple[Path, Path]
    flipped: frozenset[str]


def compare_runs(first: Path, second: Path) -> Comparison:
    """Compare two runs.

    Raises:
        BenchError: a run cannot be read, or they have no cell in common.
    """
    runs = join(first, second)
    same = {row["cell_a"]: sameness(runs, row) for row in runs.cells.to_dict("records")}
    differences = list(_differences(runs))
    identical = sum(each.same for each in same.values())
    headline = (
        f"{len(same)} cells in common, {identical} of them identical bit for bit; "
        f"{len(runs.only[0])} only in {runs.names[0]}, {len(runs.only[1])} only in {runs.names[1]}"
    )
    flips = flipped(runs)
    facts = flip_section(runs, flips, _fields(runs), ANSWERS)
    sections = [
        Section("Differences", (_table(runs, differences, same),)),
        *([facts] if facts else []),
        Section("Cells", (_cells(runs, same),)),
        *([Section("In one run only", (_only(runs),))] if any(map(len, runs.only)) else []),
        Section("Where they ran", (_places(runs),)),
    ]
    chapter = arranged(Chapter(f"langedit-bench: {runs.names[0]} and {runs.names[1]}", headline, tuple(sections)))
    return Comparison(chapter, runs.folders, frozenset(flips["fact"]))


def comparison_text(comparison: Comparison) -> str:
    """The comparison for a terminal, without what only pages are long enough for."""
    parts = (part for section in comparison.chapter.sections() for part in section.parts)
    tables = (part for part in parts if isinstance(part, Table) and part.name != EACH)
    return "\n".join([comparison.chapter.headline, "", *map(to_text, tables)]).rstrip()


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write compare.md, compare.html, the page of answers to facts that flipped, and every table as csv."""
    chapter = comparison.chapter
    write_answers(comparison.folders, out, comparison.flipped)
    write_text(out / "compare.md", to_report_markdown(chapter))
    write_text(out / "compare.html", to_report_html(chapter, out))
    for section in chapter.sections():
        for table in (part for part in (*section.parts, *section.tables) if isinstance(part, Table)):
            write_text(out / f"{table.name}.csv", to_csv(table))


# ---------------------------------------------------------------------------- numbers
def _differences(runs: Runs) -> Iterator[Difference]:
    sides = [{panel.setting: panel for panel in panels(results)} for results in runs.results]
    for setting in (setting for setting in sides[0] if setting in sides[1]):
        first, second = sides[0][setting], sides[1][setting]
        for method in (standing.method for standing in first.standings):
            panel = _together(first, second, method)
            if panel is None:
                continue
            for measure in MEASURES:
                numbers = summaries(panel, measure)
                if numbers[A].have and numbers[B].have:
                    facts = paired_over_facts(panel, measure, B, A)
                    seeds = paired(*over_seeds(panel, measure, B, A))
                    yield Difference(setting, method, measure, (numbers[A], numbers[B]), facts, seeds)


def _together(first: Panel, second: Panel, method: str) -> Panel | None:
    """A panel in which one method of two runs is two methods; of the seeds that both have finished."""
    found = [[each for each in panel.standings if each.method == method] for panel in (first, second)]
    if not all(found):
        return None
    seeds = tuple(seed for seed in found[0][0].scored if seed in found[1][0].scored)
    if not seeds:
        return None
    records = []
    for panel, name in ((first, A), (second, B)):
        mine = (panel.records["method"] == method) & panel.records["seed"].isin(seeds)
        records.append(panel.records[mine].assign(method=name))
    standings = tuple(Standing(name, seeds, seeds, (), ()) for name in (A, B))
    return Panel(first.setting, standings, pd.concat(records, ignore_index=True))


# ---------------------------------------------------------------------------- tables
def _table(runs: Runs, differences: Sequence[Difference], same: Mapping[str, Sameness]) -> Table:
    fields = _fields(runs)
    p_values = {i: each.facts.p for i, each in enumerate(differences)}
    family = {i: p for i, p in p_values.items() if p is not None}
    corrected = dict(zip(family, holm(list(family.values())), strict=True))
    rows = []
    for i, each in enumerate(differences):
        o, s = each.facts, each.seeds
        rows.append((
            *(Cell(getattr(each.setting, name)) for name in fields),
            Cell(display_name(each.method)),
            Cell(each.measure.title),
            *(summary_cell(number, seen=True) for number in each.numbers),
            Cell(str(o.n)), _number(o.difference), Cell(_interval(o)), Cell(p_text(corrected.get(i))),
            Cell(str(s.n)), _number(s.difference), Cell(_interval(s)),
            Cell(_identical(runs, each, same)), Cell(_told(each)),
        ))  # fmt: skip
    names = ("Facts", "Difference", "95 % CI", "p (Holm)", "Seeds", "Difference (seeds)", "95 % CI (seeds)")
    header = [*(Column(name, name.title(), "text") for name in fields), METHOD, Column("measure", "Measure", "text")]
    header += [Column(key, name) for key, name in zip(("first", "second"), runs.names, strict=True)]
    header += [Column(name, name, "number") for name in names]
    header += [Column("identical", "Identical cells", "number"), Column("told", "Difference is", "text")]
    caption = (
        f"{runs.names[1]} less {runs.names[0]}, percentage points, over the seeds that both have finished. Paired "
        f"t-tests over facts, for XTREME F1 permutation tests of F1 over items, Holm-corrected over {len(family)} "
        "comparisons, and intervals over facts and over seeds."
    )
    reasons = sorted({f"{DASH}: {o.note}." for each in differences for o in (each.facts, each.seeds) if o.note})
    reasons.append(
        f"Difference is: rounding, at most {tolerance(EFFICACY, 1):g} points, for XTREME F1 {tolerance(XTREME, 1):g} "
        f"(of RECT {tolerance(EFFICACY, 1, 'rect'):g} and {tolerance(XTREME, 1, 'rect'):g}), over the square root of "
        "the number of seeds: more than rounding was seen to make of it (reports.numbers.rounding); what is beyond it, "
        "other code, settings or data made."
    )
    if any(each.scores.startswith(OTHER_QUESTIONS) for each in same.values()):
        reasons.append(
            "Not all questions are the same in both: over facts, only those count that both runs have edited."
        )
    return Table("differences", tuple(header), tuple(rows), caption, tuple(reasons))


def _told(difference: Difference) -> str:
    first, second = (number.mean for number in difference.numbers)
    moved = None if first is None or second is None else second - first
    return told(moved, difference.measure, difference.numbers[0].have, difference.method)


def _identical(runs: Runs, difference: Difference, same: Mapping[str, Sameness]) -> str:
    mine = runs.cells["method"] == difference.method
    for name, value in difference.setting._asdict().items():
        mine &= runs.cells[name] == value
    cells = runs.cells.loc[mine, "cell_a"]
    return f"{sum(same[cell].same for cell in cells)}/{len(cells)}"


def _cells(runs: Runs, same: Mapping[str, Sameness]) -> Table:
    fields = _fields(runs)
    rows = []
    for row in runs.cells.to_dict("records"):
        found = same[row["cell_a"]]
        status = " / ".join(dict.fromkeys((row["status_a"], row["status_b"])))
        texts = (*(row[name] for name in fields), display_name(row["method"]), str(row["seed"]), status)
        rows.append(tuple(map(Cell, (*texts, found.settings or "same", found.scores))))
    names = ("Seed", "Status", "Settings", "Scores")
    header = (*(Column(name, name.title(), "text") for name in fields), METHOD)
    header += tuple(Column(name.lower(), name, "text") for name in names)
    caption = "Cells that both runs hold. Identical: every score of every question is the same number, bit for bit."
    return Table("cells", header, tuple(rows), caption)


def _only(runs: Runs) -> Table:
    rows = [
        tuple(map(Cell, (name, *(str(row[field]) for field in PLACE), row[f"status_{side}"])))
        for name, cells, side in zip(runs.names, runs.only, "ab", strict=True)
        for row in cells.to_dict("records")
    ]
    header = tuple(Column(name, name.title(), "text") for name in ("run", *PLACE, "status"))
    return Table("only", header, tuple(rows), "Cells that one run holds and the other does not.")


def _places(runs: Runs) -> Table:
    """What the two runs' own tables of model, software and machine have, the rows that differ marked."""
    sides = []
    for folder, results in zip(runs.folders, runs.results, strict=True):
        table = provenance.what_was_run(provenance.cell_records(folder, results.cells))
        sides.append({row[0].text: row[1].text for row in table.rows})
    rows = [
        tuple(map(Cell, (what, first, second, "" if first == second else "differs")))
        for what in dict.fromkeys((*sides[0], *sides[1]))
        for first, second in [(sides[0].get(what, DASH), sides[1].get(what, DASH))]
    ]
    titles = (("what", "What"), *zip(("first", "second"), runs.names, strict=True), ("differs", "Differs"))
    header = tuple(Column(key, title, "text") for key, title in titles)
    return Table("runs", header, tuple(rows), "Models, schedules, software and machines of the two runs.")


def _fields(runs: Runs) -> list[str]:
    return [name for name in Setting._fields if runs.cells[name].nunique() > 1]


def _number(value: float | None) -> Cell:
    return Cell(DASH) if value is None else Cell(mean=value)


def _interval(outcome: Outcome) -> str:
    if outcome.low is None or outcome.high is None:
        return DASH
    return f"{round(outcome.low, 2) + 0.0:.2f} to {round(outcome.high, 2) + 0.0:.2f}"
