"""XME: our means beside those that the paper published, where the model is the same."""

from __future__ import annotations

from reports.experiments.common import with_reasons
from reports.experiments.xme_maps import number_cell
from reports.experiments.xme_study import G, S, Study, by_relation, pairs
from reports.experiments.xme_tables import LAYERS_NOTE, NAMED, SCRIPTS_NOTE, names
from reports.numbers.scripts import MAIN, RELATIONS
from reports.numbers.variants import MIXED
from reports.numbers.xme_published import ELEVEN, LANGUAGES, METHODS, MODELS, SOURCE, Published, blocks, known_as
from reports.parts.tables import DASH, Cell, Column, Table

DOUBTFUL, LATER = "?", "‡"
COLUMNS = [(what, key) for what in (G, S) for key in RELATIONS]


def table(found: Study) -> Table | str:
    """Our row and the published ones for every method that the paper has; why there is none."""
    model = found.panel.setting.model
    if not known_as(model):
        return (
            f"The paper has no numbers of {model}; it has {', '.join(MODELS)}, which "
            "are known by the last part of a model's name."
        )
    if missing := [code for code in LANGUAGES if code not in found.languages]:
        return f"Without {', '.join(missing)} our means are not those of the paper: it has {', '.join(LANGUAGES)}."
    numbers = by_relation(found, pairs(found, languages=LANGUAGES))
    practised = {each.practice for each in found.variants if each.practice} or {MIXED}
    rows, doubts, later = [], dict[str, None](), False
    for variant in found.variants:
        if variant.base not in METHODS:
            continue
        ours = (number_cell(numbers.get((variant.method, MAIN, what, key))) for what, key in COLUMNS)
        rows.append((*names(variant), Cell("ours"), *ours))
        for block in blocks(model, variant, practised):
            rows.append((*names(variant), Cell(f"published, {block.finetuned_on}{_marks(block)}"), *_cells(block)))
            doubts |= dict.fromkeys(block.doubts)
            later |= block.later
    if not rows:
        return f"None of the run's methods is among those of the paper: {', '.join(METHODS)}."
    header = (
        *NAMED,
        Column("source", "Source, fine-tuned on", "text"),
        *(Column(f"{what}_{key}", f"{what}, {RELATIONS[key]}", digits=1) for what, key in COLUMNS),
    )
    notes = [LAYERS_NOTE, SCRIPTS_NOTE, SOURCE]
    notes += [f"{DOUBTFUL} doubtful, {'; '.join(doubts)}."] if doubts else []
    notes += [f"{LATER} {ELEVEN}"] if later else []
    caption = f"{found.group.name}: ours, {', '.join(LANGUAGES)}, beside the published means, percent."
    name = f"xme-published{found.group.suffix}"
    return with_reasons(Table(name, header, tuple(rows), caption, tuple(notes)), [found.panel])


def _marks(block: Published) -> str:
    return f"{f' {DOUBTFUL}' if block.doubts else ''}{f' {LATER}' if block.later else ''}"


def _cells(block: Published) -> list[Cell]:
    return [Cell(mean=block.means[each]) if each in block.means else Cell(DASH) for each in COLUMNS]
