"""Does one model predict another? The courses of both side by side, and how far they order the methods alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scipy.stats import kendalltau

from bench.store.results import Results
from reports.experiments.common import groups, methods_of, setting_name, titled, with_reasons
from reports.experiments.horizon import FEWEST, Course, course
from reports.numbers.aggregate import UNEDITED, Panel
from reports.numbers.measures import CORE, Measure
from reports.parts.contents import short_name
from reports.parts.sections import Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.curves import Chart, draw_curves

FEWEST_ORDERED = 3
"""Methods from which on their order says something."""


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per order and edited languages that hold the courses of several models."""
    for group in groups(panels, ("order", "edited"), "model"):
        found = {model: course(results, panel) for model, panel in group.panels.items()}
        courses = {model: each for model, each in found.items() if each and len(each.edits) >= FEWEST}
        if len(courses) < 2:
            continue
        first, *others = courses
        names = [setting_name(group.panels[model].setting) for model in courses]
        methods = methods_of(group.panels.values())
        text = (
            f"{' and '.join(names)}: all facts edited so far are asked after so many edits. Agreement is Kendall's tau "
            f"between the methods' means of {first} and of the other model at the same number of edits: 1 where both "
            "put the methods into the same order, -1 where into the opposite one; the unedited model is left out."
        )
        # side by side, so that a line has room beside its name
        charts = [chart(each, measure, model) for measure in CORE for model, each in courses.items()]
        picture = Picture(
            f"prediction{group.suffix}",
            "Scores over the number of edits, a column per model, percent.",
            f"Scores of {len(methods)} methods over the number of edits, a column of panels a model: {len(names)}",
            draw_curves(methods, charts, columns=len(courses)),
        )
        table = agreement(group.suffix, courses[first], {model: courses[model] for model in others})
        title = titled("Does the embedded model predict a real one?", group.where)
        yield Section(title, (text, picture, with_reasons(table, group.panels.values())))


def chart(found: Course, measure: Measure, model: str) -> Chart:
    """One measure of one model."""
    lines = {method: found.points(method, measure.metric, found.edits) for method in found.methods}
    return Chart(f"{measure.title}, {model}", lines, level=False)


def agreement(suffix: str, first: Course, others: Mapping[str, Course]) -> Table:
    """A row per other model, measure and number of edits that both have: both orders, and how far they agree."""
    rows = []
    for model, other in others.items():
        for measure in CORE:
            for edits in [each for each in first.edits if each in other.edits]:
                mine, theirs = means(first, measure, edits), means(other, measure, edits)
                both = [method for method in mine if method in theirs]
                rows.append(
                    (
                        Cell(model),
                        Cell(measure.title),
                        Cell(mean=float(edits)),
                        Cell(ordered({method: mine[method] for method in both})),
                        Cell(ordered({method: theirs[method] for method in both})),
                        tau([mine[method] for method in both], [theirs[method] for method in both]),
                    )
                )
    header = (
        Column("model", "Other model", "text"),
        Column("measure", "Measure", "text"),
        Column("edits", "Edits", "number", 0),
        Column("first", "Order, first model", "text"),
        Column("other", "Order, other model", "text"),
        Column("tau", "Agreement", "number"),
    )
    return Table(f"prediction{suffix}", header, tuple(rows), "Order of the methods, best first, and Kendall's tau.")


def means(found: Course, measure: Measure, edits: int) -> dict[str, float]:
    """Mean of every edited model, in percent, by method."""
    numbers = {method: found.numbers.get((method, measure.metric, edits)) for method in found.methods}
    return {m: n.mean for m, n in numbers.items() if m != UNEDITED and n is not None and n.mean is not None}


def ordered(numbers: Mapping[str, float]) -> str:
    """Methods with their rounded numbers, the best first."""
    best_first = sorted(numbers, key=lambda method: -numbers[method])
    return ", ".join(f"{short_name(method)} {numbers[method]:.0f}" for method in best_first)


def tau(first: Sequence[float], second: Sequence[float]) -> Cell:
    """Kendall's tau-b; none of fewer than `FEWEST_ORDERED` methods, or where all are equal."""
    if len(first) < FEWEST_ORDERED or len(set(first)) == 1 or len(set(second)) == 1:
        return Cell(DASH)
    return Cell(mean=float(kendalltau(first, second).statistic))
