"""Cells sorted by what may be compared: a column holds only what was asked of the same model in the same way.

Two cells stand in one column if they agree in everything that determines numbers but the method and the seed: weights
and tokenizer, precision, chat template, data by their hash, schedule, versions of the code, and the text behind the
statistics. Methods that read no such text have no place to disagree about it, and stand in every column of their
setting. What an evaluator was told to ask (its limit, its items by their hash) is part of the columns of its measures.

A row is a method with all its settings. Cells of one row and seed that several runs hold are checked against each
other: where all scores agree bit for bit the runs share the row, else each has its own and the board says how far they
differ.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from pydantic import ValidationError

from bench.config.cell import Cell, Schedule
from bench.ground.digests import text_digest
from reports.board.entries import METRICS, Computed, Entry
from reports.numbers.aggregate import ordered
from reports.parts.contents import display_name

Part = tuple[int, str, str]
"""Seed, evaluator, and what it was told to ask."""


Place = tuple[str, ...]
"""A run, and what it calls cells that differ in the seed only."""


@dataclass(slots=True)
class Row:
    """A method with its settings.

    Attributes:
        method: by name, as its run has it.
        cells: as runs hold them, one of several where they agree.
        missing: seeds that a run plans and has not begun.
        told: of every part the cell and a hash of its scores.
        label: for people, unlike that of any other row of the column.
    """

    method: str
    spec: str
    cells: list[Computed] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)
    told: dict[Part, tuple[str, int]] = field(default_factory=dict)
    label: str = ""

    @property
    def runs(self) -> list[str]:
        """Runs that hold it."""
        return list(dict.fromkeys(cell.run for cell in self.cells))


@dataclass(frozen=True, slots=True)
class Column:
    """What was asked of one model in one way.

    Attributes:
        identity: what all its cells agree in, as JSON.
        about: the same for people: what, and its value.
        schedule: how facts arrived.
    """

    identity: str
    about: Mapping[str, str]
    schedule: Schedule
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        """Names it, whatever else is on the board."""
        return text_digest(self.identity)

    @property
    def edits(self) -> int:
        """Facts that are edited one after the other."""
        return self.schedule.edits()


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two runs hold a cell and other numbers of it.

    Attributes:
        points: by how much a mean of it differs at most, in percentage points.
        measure: which mean that is.
    """

    cell: str
    label: str
    first: str
    second: str
    points: float
    measure: str


def columns_of(entries: Sequence[Entry]) -> tuple[list[Column], list[Disagreement]]:
    """All columns of some runs, and where runs disagree about a cell."""
    planned: dict[Place, set[int]] = {}
    for entry in entries:
        for place in entry.missing:
            planned.setdefault(_place(entry.name, place), set()).add(int(place["seed"]))
    settings: dict[str, list[Computed]] = {}
    for cell in (cell for entry in entries for cell in entry.cells):
        settings.setdefault(_canonical(setting_of(cell)), []).append(cell)
    columns: list[Column] = []
    apart: list[Disagreement] = []
    for setting, cells in settings.items():
        texts = dict.fromkeys(filter(None, map(text_of, cells))) or {"": None}
        for text in texts:
            mine = [cell for cell in cells if text_of(cell) in ("", text)]
            rows, found = _rows(mine, planned)
            identity = _canonical({"setting": json.loads(setting), "corpus": json.loads(text) if text else None})
            columns.append(Column(identity, _about(mine, text), _schedule(mine[0]), tuple(rows)))
            apart += [each for each in found if each not in apart]
    rank = sorted(columns, key=lambda each: (each.about["Model"], each.about["Data"], each.edits, each.identity))
    return rank, apart


# ---------------------------------------------------------------------------- what may be compared
def setting_of(cell: Computed) -> dict[str, Any]:
    """What cells of one column agree in, but for the text behind statistics."""
    stored = cell.record["cell"]
    model, data = stored["model"], stored["data"]
    return {
        "identity": cell.record["identity_version"],
        "model": {"weights": model.get("fingerprint") or model["name"], "dtype": model["dtype"],
                  "chat": model.get("chat", "")},
        "data": {"facts": data.get("fingerprint") or data["name"], "reader": data.get("reader") or data["name"]},
        "schedule": _schedule(cell).identity(),
        "independent": cell.independent,
    }  # fmt: skip


def text_of(cell: Computed) -> str:
    """The text behind a cell's statistics, as JSON; "" where its method reads none."""
    stored = cell.record["cell"]
    if not stored["method"].get("statistics", True):
        return ""
    return _canonical(
        {"text": stored.get("corpus_fingerprint") or stored["corpus"], "token_budget": stored["token_budget"]}
    )


def method_of(cell: Computed) -> str:
    """A method with its settings, as JSON."""
    stored = cell.record["cell"]
    try:
        return _canonical(Cell.model_validate(stored).identity()["method"])
    except ValidationError:  # of an earlier version
        return _canonical(stored["method"])


def _schedule(cell: Computed) -> Schedule:
    return Schedule.model_validate(cell.record["cell"]["schedule"])


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _about(cells: Sequence[Computed], text: str) -> dict[str, str]:
    """A column for people; names are those of the runs, all of them where they differ."""
    first = cells[0].record
    model, data, schedule = first["cell"]["model"], first["cell"]["data"], _schedule(cells[0])
    read = [cell for cell in cells if text and text_of(cell) == text]
    found = {
        "Model": _names(cell.place["model"] for cell in cells),
        "Data": _names(cell.place["data"] for cell in cells),
        "Edits": "each fact alone" if cells[0].independent or schedule.independent else f"{schedule.edits():,}",
        "Languages": ", ".join(schedule.languages),
        "Languages edited": ", ".join(schedule.written) if schedule.written != schedule.languages else "",
        "Order": schedule.order + (f", {schedule.passes} passes" if schedule.passes > 1 else ""),
        "Schedule": f"{schedule.edits_per_language} facts per language, {schedule.batch_size} a step"
        + (f", at most {counted(schedule.steps, 'step')}" if schedule.steps else "")
        + (f", scored every {counted(schedule.eval_every, 'step')}" if schedule.eval_every else "")
        + (", the same facts in all languages" if schedule.parallel else ""),
        "Precision": model["dtype"],
        "Asked": "in a chat template" if model.get("chat") else "",
        "Text behind statistics": _names(cell.record["cell"]["corpus"] for cell in read),
        "Tokens of it": str(read[0].record["cell"]["token_budget"]) if read else "",
        "Hash of weights": model.get("fingerprint", ""),
        "Hash of the chat template": model.get("chat", ""),
        "Hash of the data": data.get("fingerprint", ""),
        "Hash of the text": read[0].record["cell"].get("corpus_fingerprint", "") if read else "",
        "Version of cells": str(first["identity_version"]),
    }
    return {name: value for name, value in found.items() if value}


def counted(number: int, name: str) -> str:
    """A number of things, for people."""
    return f"{number} {name}{'s' * (number != 1)}"


def _names(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


# ---------------------------------------------------------------------------- rows
def _rows(cells: Sequence[Computed], planned: Mapping[Place, set[int]]) -> tuple[list[Row], list[Disagreement]]:
    """The rows of a column in the order of tables, and what runs disagree about."""
    by_spec: dict[str, list[Row]] = {}
    apart: list[Disagreement] = []
    for group in _of_a_run(cells):
        told = {part: seen for cell in group for part, seen in _told(cell)}
        rows = by_spec.setdefault(method_of(group[0]), [])
        row = next((each for each in rows if _agree(each.told, told)), None)
        if row is None:
            apart += [each for other in rows for each in _disagreements(other.cells, group)]
            row = Row(str(group[0].place["method"]), method_of(group[0]))
            rows.append(row)
        row.cells += group
        row.missing |= planned.get(_place(group[0].run, group[0].place), set())
        row.told.update(told)
    found = [row for rows in by_spec.values() for row in rows]
    place = {method: rank for rank, method in enumerate(ordered({row.method for row in found}))}
    found.sort(key=lambda row: place[row.method])
    _name(found)
    return found, apart


def _name(rows: Sequence[Row]) -> None:
    """Label rows by their method; those of one name by their runs, too, and at last by a number."""
    names = Counter(display_name(row.method) for row in rows)
    taken: Counter[str] = Counter()
    for row in rows:
        row.label = display_name(row.method)
        if names[row.label] > 1:
            row.label += f" · {', '.join(row.runs)}"
        taken[row.label] += 1
        if taken[row.label] > 1:
            row.label += f" ({taken[row.label]})"


def _of_a_run(cells: Sequence[Computed]) -> Iterator[list[Computed]]:
    """The cells of one run that differ in the seed only, each seed once."""
    groups: dict[tuple[str, str, int], list[Computed]] = {}
    seen: Counter[tuple[str, str, int]] = Counter()
    for cell in cells:
        spec = method_of(cell)
        turn = seen[cell.run, spec, cell.seed]
        seen[cell.run, spec, cell.seed] += 1
        groups.setdefault((cell.run, spec, turn), []).append(cell)
    yield from groups.values()


def _place(run: str, place: Mapping[str, Any]) -> Place:
    return (run, *(str(place[name]) for name in ("method", "model", "data", "order", "edited")))


def _told(cell: Computed) -> Iterator[tuple[Part, tuple[str, int]]]:
    """What a cell says, by evaluator."""
    for evaluator, rows in cell.scores.items():
        told = int(pd.util.hash_pandas_object(rows, index=False).sum())
        yield (cell.seed, evaluator, _canonical(cell.asked(evaluator))), (cell.id, told)


def _agree(first: Mapping[Part, tuple[str, int]], second: Mapping[Part, tuple[str, int]]) -> bool:
    return all(first[part] == seen for part, seen in second.items() if part in first)


def _disagreements(old: Sequence[Computed], new: Sequence[Computed]) -> Iterator[Disagreement]:
    """Where two runs hold the same cell and were asked the same, by how much its means differ."""
    for one, other in ((one, other) for one in old for other in new if one.id == other.id):
        for evaluator in sorted(set(one.scores) & set(other.scores)):
            if one.asked(evaluator) != other.asked(evaluator):
                continue
            means = [_means(each.scores[evaluator]) for each in (one, other)]
            off = (means[0] - means[1]).abs().dropna()
            if len(off):
                metric, protocol = off.index[int(off.to_numpy().argmax())]
                label = f"{display_name(str(one.place['method']))}, seed {one.seed}"
                yield Disagreement(one.id, label, one.run, other.run, float(off.max()), f"{metric} ({protocol})")


def _means(rows: pd.DataFrame) -> pd.Series[float]:
    """Of a cell, in percent, by metric and protocol."""
    found: pd.Series[float] = rows[rows["metric"].isin(METRICS)].groupby(["metric", "protocol"])["value"].mean()
    return found
