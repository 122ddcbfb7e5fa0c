"""Which tables a report holds and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from babel import Locale, UnknownLocaleError

from bench.config.run import ALL
from bench.config.variants import base_of
from reports.numbers.aggregate import UNEDITED, Panel, Standing, Summary, languages, per_language, per_task, summaries
from reports.numbers.measures import CORE, EFFICACY, FURTHER, MAIN, SCORE, XTREME, Measure
from reports.numbers.significance import Comparison, Unit, beats_all
from reports.numbers.upper import UPPER, competes
from reports.parts.fonts import has_letters
from reports.parts.tables import DASH, Cell, Column, Table, ranks

DISPLAY = {
    UNEDITED: "Unedited",
    "ft": "FT",
    "rome": "ROME",
    "memit": "MEMIT",
    "prune": "PRUNE",
    "rect": "RECT",
    "alphaedit": "AlphaEdit",
    "langedit": "LangEdit (paper, Eq. 10)",
    "langedit-released": "LangEdit (released code)",
    "mend": "MEND (saw practice facts)",
    "ke": "KE (saw practice facts)",
    "ft-inner": "FT (all MLP matrices)",
    "memit-seq": "MEMIT-seq",
    "memit-seq-nas": "MEMIT-seq + NAS (saw practice facts)",
    "alphaedit-nas": "AlphaEdit + NAS (saw practice facts)",
    "rect-seq": "RECT-seq",
    "prune-seq": "PRUNE-seq",
    "encore": "ENCORE",
    "sphere": "SPHERE",
    "emmet": "EMMET",
    "ultraedit": "UltraEdit",
    "stableedit": "StableEdit (saw practice facts)",
    "locft-bf": "LocFT-BF",
    UPPER: "LocFT-BF on all facts at once (upper line)",
    "lora": "LoRA",
    "retrieval": "Retrieval (saw practice facts)",
    "memoir": "MEMOIR (saw practice facts)",
    "grace": "GRACE",
}
FAMILIES = {**DISPLAY, "langedit": "LangEdit"}
"""How the names of variants begin."""

SHORT = {
    "langedit": "LangEdit (paper)",
    "langedit-released": "LangEdit (code)",
    "mend": "MEND",
    "ke": "KE",
    "ft-inner": "FT (MLPs)",
    "memit-seq-nas": "MEMIT-seq + NAS",
    "alphaedit-nas": "AlphaEdit + NAS",
    "stableedit": "StableEdit",
    UPPER: "LocFT-BF (all at once)",
    "retrieval": "Retrieval",
    "memoir": "MEMOIR",
}
"""In pictures, where names stand at the ends of lines."""

TWO_FORMS = (
    f"{DISPLAY['langedit']}: after the paper's equations, without a term for earlier keys. "
    f"{DISPLAY['langedit-released']}: as its repository computes it, with AlphaEdit's term for earlier keys and other "
    "weights; most likely what the published numbers come from."
)

TASKS = {"xnli": "XNLI", "pawsx": "PAWS-X", "mlqa": "MLQA", "wikiann": "WikiANN"}

METHOD = Column("method", "Method", "text")
NOTE = Column("note", "Note", "text")

OVER_FACTS, OVER_SEEDS = "*", "†"


def display_name(method: str) -> str:
    """A method's name for people; "alphaedit-multilingual" is "AlphaEdit (multilingual)"."""
    if (plain := base_of(method)) != method:
        return f"{display_name(plain)} {method.removeprefix(plain)}"
    base, _, variant = method.partition("-")
    if method not in DISPLAY and base in FAMILIES and variant:
        return f"{FAMILIES[base]} ({variant})"
    return DISPLAY.get(method, method)


def short_name(method: str) -> str:
    """A method's name in pictures."""
    if (plain := base_of(method)) != method:
        return f"{short_name(plain)} {method.removeprefix(plain)}"
    return SHORT.get(method, display_name(method))


def language_name(code: str) -> str:
    """A language's name in itself, or the code where it has none."""
    try:
        name = Locale.parse(code.replace("-", "_")).get_language_name()
    except (UnknownLocaleError, ValueError):
        name = None
    return name[:1].upper() + name[1:] if name else code


def language_cell(code: str) -> Cell:
    """A language's name as a cell."""
    return Cell(language_name(code), code=code)


def language_label(code: str) -> str:
    """A language's name, or its code where no font has the name's letters."""
    name = language_name(code)
    return name if has_letters(name) else code


def table1(panel: Panel, comparisons: Sequence[Comparison]) -> Table:
    """Table 1: every method with the main measures, means and standard deviations over seeds.

    XTREME F1, which a run may leave out, is a column only where it was measured.
    """
    measures = [measure for measure in MAIN if measure != XTREME or len(panel.values(XTREME))]
    columns = [_measure_column(panel, measure, comparisons) for measure in measures]
    notes = [standing_note(panel, standing) for standing in panel.standings]
    noted = any(notes)
    rows = []
    for i, standing in enumerate(panel.standings):
        method = Cell(display_name(standing.method))
        rows.append((method, *(cells[i] for cells in columns), *((Cell(notes[i]),) if noted else ())))
    header = (METHOD, *(Column(m.key, m.title) for m in measures), *((NOTE,) if noted else ()))
    return Table("table1", header, tuple(rows), _caption(panel), tuple(_legend(panel, comparisons)), "Table 1")


def further(panel: Panel) -> Table:
    """What else was measured; columns that no cell has are left out."""
    present = [measure for measure in FURTHER if len(panel.values(measure))]
    columns = [_measure_column(panel, measure, ()) for measure in present]
    rows = [
        (Cell(display_name(standing.method)), *(cells[i] for cells in columns))
        for i, standing in enumerate(panel.standings)
    ]
    header = (METHOD, *(Column(measure.key, measure.title) for measure in present))
    return Table("measures", header, tuple(rows), "Further measures, mean ± standard deviation over seeds, percent.")


def by_language(panel: Panel, measure: Measure) -> Table:
    """One measure by language of the edit, the numbers behind the chart."""
    codes = languages(panel)
    numbers = per_language(panel, measure)
    cells = {
        code: column_cells(panel, {s.method: numbers[s.method, code] for s in panel.standings}, 1) for code in codes
    }
    rows = [
        (Cell(display_name(standing.method)), *(cells[code][i] for code in codes))
        for i, standing in enumerate(panel.standings)
    ]
    header = (METHOD, *(Column(code, language_name(code), digits=1) for code in codes))
    return Table(f"languages-{measure.key}", header, tuple(rows), f"{measure.title} by language of the edit, percent.")


def xtreme(panel: Panel, measure: Measure) -> Table:
    """XTREME F1 by task under one protocol; no rows where nothing was measured."""
    numbers = per_task(panel, measure)
    found = {task for _, task in numbers}
    tasks = sorted(found, key=lambda task: ([*TASKS, task].index(task), task))
    cells = {
        task: column_cells(panel, {s.method: numbers[s.method, task] for s in panel.standings}, 2) for task in tasks
    }
    average = column_cells(panel, summaries(panel, measure), 2)
    rows = [
        (Cell(display_name(standing.method)), *(cells[task][i] for task in tasks), average[i])
        for i, standing in enumerate(panel.standings)
        if tasks
    ]
    header = (METHOD, *(Column(task, TASKS.get(task, task)) for task in tasks), Column("average", "Average"))
    caption = f"XTREME F1 by task, protocol {measure.protocol}: each is the mean over languages, percent."
    return Table(f"xtreme-{measure.protocol}", header, tuple(rows), caption)


def languages_long(panel: Panel) -> Table:
    """The tables `by_language` in one, a row per method, measure and language; for csv."""
    rows = []
    for measure in CORE:
        for (method, code), summary in per_language(panel, measure).items():
            rows.append((Cell(method), Cell(measure.key), Cell(code), summary_cell(summary, seen=True)))
    header = (METHOD, Column("measure", "Measure", "text"), Column("language", "Language", "text"))
    return Table("languages", (*header, Column("percent", "Percent")), tuple(rows))


def _measure_column(panel: Panel, measure: Measure, comparisons: Sequence[Comparison]) -> list[Cell]:
    numbers = summaries(panel, measure)
    signs: tuple[tuple[str, Unit], ...] = ((OVER_FACTS, "facts"), (OVER_SEEDS, "seeds"))
    marks = "".join(sign for sign, unit in signs if beats_all(comparisons, measure, unit))
    winners = {c.best for c in comparisons if c.measure == measure}
    return column_cells(panel, numbers, 2, dict.fromkeys(winners, marks))


def column_cells(
    panel: Panel, numbers: Mapping[str, Summary], digits: int, marks: Mapping[str, str] | None = None
) -> list[Cell]:
    """A cell per method, best and second marked."""
    seen = any(summary.have for summary in numbers.values())
    competing = [numbers[s.method].mean if competes(s.method) else None for s in panel.standings]
    places = ranks(competing, digits)
    return [
        summary_cell(numbers[s.method], seen, rank=place, marks=(marks or {}).get(s.method, ""))
        for s, place in zip(panel.standings, places, strict=True)
    ]


def summary_cell(summary: Summary, seen: bool = True, **styles: Any) -> Cell:
    """A mean with its deviation, or a dash; with how many seeds there are where the column has any."""
    if summary.mean is None:
        return Cell(f"{DASH} ({summary.have}/{summary.planned})" if seen else DASH)
    return Cell(mean=summary.mean, std=summary.std, **styles)


def standing_note(panel: Panel, standing: Standing) -> str:
    """What a reader must know of a method beside its numbers: seeds that diverged or are missing."""
    n = len(standing.seeds)
    parts = []
    if standing.diverged:
        parts.append(f"diverged {len(standing.diverged)}/{n}")
    if not standing.complete:
        parts.append(f"missing {n - len(standing.scored)}/{n}")
    if len({steps for other in panel.standings for steps in other.steps}) > 1 and standing.steps:
        parts.append(f"after {'/'.join(map(str, standing.steps))} steps")
    return ", ".join(parts)


def _caption(panel: Panel) -> str:
    counts = panel.values(EFFICACY).groupby(["method", "seed"]).size()
    edits = f" after {counts.max()} edits" if len(counts) else ""
    seeds = len(panel.standings[0].seeds)
    of_seeds = "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"
    setting = panel.setting
    alone = f", languages edited: {setting.edited}" if setting.edited != ALL else ""
    return f"{setting.model} on {setting.data}{edits}, order {setting.order}{alone}; {of_seeds}, percent."


def _legend(panel: Panel, comparisons: Sequence[Comparison]) -> Iterable[str]:
    has_xtreme = len(panel.values(XTREME)) > 0
    yield (
        "Best bold, second underlined; the unedited model does not compete. "
        f"{SCORE.title}: harmonic mean of efficacy, generality and specificity of a seed."
    )
    if any(base_of(standing.method) == UPPER for standing in panel.standings):
        yield f"{DISPLAY[UPPER]}: trained anew on every fact so far, as no editor of a stream is; it does not compete."
    if {standing.method for standing in panel.standings} & {"langedit", "langedit-released"}:
        yield TWO_FORMS
    if comparisons:
        family = sum(c.outcome.p_holm is not None for c in comparisons if c.unit == "facts")
        n = max(c.outcome.n for c in comparisons if c.unit == "seeds")
        over_seeds = f"n = {n}, {n - 1} degrees of freedom" if n > 1 else "one seed: no test"
        over_items = f", for {XTREME.title} paired permutation test of F1 over items" if has_xtreme else ""
        yield (
            f"{OVER_FACTS} better than every other method, p < 0.05: paired t-test over facts{over_items}, "
            f"Holm-corrected over {family} comparisons. {OVER_SEEDS} a paired t-test over seeds as in the LangEdit "
            f"paper ({over_seeds}), not corrected."
        )
    if has_xtreme:
        yield (
            f"{XTREME.title}: mean over tasks of the mean over languages, by LangEdit's published protocol; a model "
            "that says nothing has more than zero, as WikiANN counts words outside entities."
        )
    if any(not standing.complete for standing in panel.standings):
        yield f"{DASH} (k/n): only k of n seeds have finished, so there is no mean."
    if any(standing.diverged for standing in panel.standings):
        yield (
            "diverged k/n: in k of n seeds the weights stopped being finite or a system had no solution; editing ended "
            "there, and the mean counts these seeds as the model then was."
        )
