"""What the edited model says by itself, beside teacher forcing of the same probes and what chance would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.store.results import Results
from bench.store.shards import JUDGED
from reports.experiments.common import seeds_of, with_reasons
from reports.numbers.aggregate import UNEDITED, Panel, Summary, summaries
from reports.numbers.measures import Measure
from reports.parts.contents import display_name, summary_cell
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

KINDS = {
    "efficacy": "Efficacy",
    "generality": "Generality",
    "crosslingual": "Other languages",
    "portability": "Portability",
    "specificity": "Specificity",
    "replaced": "What was replaced",
}
RULES = {
    "generation": "An answer ends with its sentence by the rules of its language, or by the model's own token, and is "
    "compared without case, punctuation and articles of the language",
    "generation_wild": "As WILD has it: an answer ends before the first full stop or line break, and is compared as "
    "SQuAD does for English",
}
ANSWERS = {"": "edited model's", "_unedited": "unedited model's", "_shuffled": "by another fact's target"}
FORCED = (("", "Teacher-forced", "teacher_forced"), ("_exact", "All tokens right", "greedy_exact"))
FREE = (("match", "Match"), ("contained", "Contained"), ("f1", "F1"))
LENGTH = "length"


def section(results: Results, panel: Panel) -> Section | None:
    """A table per set of rules; None where nothing was generated."""
    there = set(panel.records["protocol"])
    tables = [table(panel, protocol) for protocol in RULES if protocol in there]
    if not tables:
        return None
    text = (
        "The model answers the bare question by itself, the likeliest token after the other. Match: the answer is the "
        "target or an alias; contained: it holds one; F1: of its words; tokens: its length. The unedited model's "
        f"answers and the targets of other facts, drawn by seed, say what chance gives. {seeds_of(panel)}."
    )
    return Section("What the edited model says", (text, *tables))


def table(panel: Panel, protocol: str) -> Table:
    """Three rows per kind of question and method: the answers, the unedited model's, and those of chance."""
    judges = sorted(each for each in set(panel.records["protocol"]) if each.startswith(JUDGED))
    header = (
        Column("asked", "Asked", "text"),
        Column("method", "Method", "text"),
        Column("answers", "Answers", "text"),
        *(Column(name, title, digits=1) for _, title, name in FORCED),
        *(Column(name, title, digits=1) for name, title in FREE),
        Column("tokens", "Tokens", digits=1),
        *(Column(judge, f"Judge {judge.removeprefix(JUDGED)}", digits=1) for judge in judges),
    )
    rows = [row for kind in KINDS for row in _rows(panel, protocol, kind, judges)]
    caption = f"Free answers, protocol {protocol}; mean ± standard deviation over seeds, percent, tokens as they are."
    notes = (f"{RULES[protocol]}.", *(("Answers whose verdict is missing do not count.",) if judges else ()))
    return with_reasons(Table(protocol.replace("_", "-"), header, tuple(rows), caption, notes), [panel])


def _rows(panel: Panel, protocol: str, kind: str, judges: list[str]) -> Iterator[tuple[Cell, ...]]:
    free = {after: _numbers(panel, kind, f"{protocol}{after}", [name for name, _ in FREE]) for after in ANSWERS}
    if not any(each.have for each in free[""][FREE[0][0]].values()):
        return
    forced = [summaries(panel, Measure("", "", f"{kind}{more}", name)) for more, _, name in FORCED]
    lengths = {after: _numbers(panel, kind, f"{protocol}{after}", [LENGTH])[LENGTH] for after in ANSWERS}
    judged = [summaries(panel, Measure("", "", f"{kind}_judged", judge)) for judge in judges]
    for standing in panel.standings:
        method = standing.method
        for after, whose in ANSWERS.items():
            if after == "_unedited" and method == UNEDITED:
                continue
            only = after == ""
            yield (
                Cell(KINDS[kind]),
                Cell(display_name(method)),
                Cell(whose),
                *(_cell(each, method) if only else Cell() for each in forced),
                *(_cell(free[after][name], method) for name, _ in FREE),
                summary_cell(lengths[after][method].as_scored()) if lengths[after][method].have else Cell(),
                *(_cell(each, method) if only else Cell() for each in judged),
            )


def _cell(numbers: Mapping[str, Summary], method: str) -> Cell:
    # all tokens are told right or wrong for what is edited and its rephrases only
    return summary_cell(numbers[method], seen=any(each.have for each in numbers.values()))


def _numbers(panel: Panel, kind: str, protocol: str, names: list[str]) -> dict[str, dict[str, Summary]]:
    return {name: summaries(panel, Measure("", "", f"{kind}_{name}", protocol)) for name in names}
