"""``python -m benchmarks.paper_full``: what a lab runs for the whole paper, and the hours that its editing takes.

Nothing is run here, and no figure is made up: sizes are those of the presets, seconds those that the paper prints for
a step of 100 facts (`reports/published/cost.csv`, A100 80 GB) and those that `bench cost` measured for one fact on two
CPU cores (`results/reference/cost-*`), which is an upper bound, as facts of a step share passes. What neither knows is
named.
"""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.echo import echo, echo_table
from bench.config.run import RunSpec
from bench.config.settings import resolve
from bench.data.corpora import WIKIPEDIA
from bench.plan.planning import schedule

ROOT = Path(__file__).parents[1]
MODELS = ("llama3-8b", "qwen2.5-7b", "gpt-j-6b")
FACTS = 100
"""Of a step, in the paper and in its seconds."""

SAME = {"langedit-released": "langedit"}
"""The paper's seconds are those of the released code."""

LARGE: Mapping[str, Any] = {
    "models": "llama3-8b",
    "datasets": "mzsre",
    "batch_size": FACTS,
    "edits_per_language": 400,
    "dtype": "float32",
    "corpus": WIKIPEDIA,
    "token_budget": 10_000_000,
}
"""The sizes of Table 1, for presets that are of embedded facts and model."""

Seconds = Mapping[tuple[str, str], float]
"""Per fact, by model and method."""


@dataclass(frozen=True, slots=True)
class Work:
    """One command.

    Attributes:
        shows: tables and figures of the paper that it gives.
        preset: its preset.
        flags: fields of `RunSpec` that differ from it.
    """

    shows: str
    preset: str
    flags: Mapping[str, Any]

    @property
    def command(self) -> str:
        """As it is typed."""
        given = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in self.flags.items()]
        return " ".join(["bench run --preset", self.preset, *given, "--data-dir DATA --device cuda"])

    def spec(self) -> RunSpec:
        """What it runs."""
        return resolve(self.preset, None, self.flags)


def works() -> list[Work]:
    """Everything but causal tracing (Figure 5), which edits nothing."""
    courses = {"eval_every": 4}
    tables = [Work("Table 1 MzsRE, 2-4, Figures 2, 3", f"mzsre-{model}", courses) for model in MODELS]
    tables += [Work("Table 1 Bi-ZsRE", f"bzsre-{model}", {}) for model in MODELS]
    mlake = {**LARGE, "datasets": "mlake", "languages": "en,de,fr", "edits_per_language": 100}
    rest = {"Figure 4": "figure4", "Table 5": "table5", "Tables 6, 7": "table6-7"}
    return [
        *tables,
        *(Work(shows, preset, LARGE) for shows, preset in rest.items()),
        Work("Table 8", "table8", mlake),
    ]


def edited(spec: RunSpec) -> Iterator[tuple[str, str, int]]:
    """Model, method and facts of every cell that edits."""
    for part in spec.grids():
        for edited_together in part.groups():
            for order in part.orders:
                count = schedule(part, order, edited_together).edits()
                for model in part.models:
                    for method in part.methods:
                        if method != "none":
                            yield from [(model, method, count)] * part.seeds * len(part.datasets)


def hours(spec: RunSpec, seconds: Seconds) -> tuple[float, tuple[str, ...]]:
    """Hours of editing, and the methods whose seconds are not known."""
    total, unknown = 0.0, dict[str, None]()
    for model, method, count in edited(spec):
        known = seconds.get((model, SAME.get(method, method)))
        if known is None:
            unknown[method] = None
        else:
            total += count * known / 3600
    return total, tuple(unknown)


def published(root: Path = ROOT) -> Seconds:
    """What the paper prints, a step of 100 facts."""
    rows = _rows(root / "reports" / "published" / "cost.csv")
    return {(row["model"], row["method"]): float(row["seconds"]) / FACTS for row in rows}


def measured(root: Path = ROOT) -> Seconds:
    """What `bench cost` measured on two cores and extrapolated to all layers, a step of one fact."""
    found = {}
    for model in MODELS:
        for row in _rows(root / "results" / "reference" / f"cost-{model}" / "cost.csv"):
            if row["extrapolated"] == "True" and row["phase"] == "total":
                found[model, row["method"]] = float(row["seconds"]) / float(row["edits"])
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(sources: Sequence[Seconds]) -> list[tuple[object, ...]]:
    """A row per command: what it shows, cells, edits, hours by every source."""
    found: list[tuple[object, ...]] = []
    for work in works():
        spec = work.spec()
        cells = list(edited(spec))
        times = [_told(*hours(spec, seconds)) for seconds in sources]
        found.append((work.shows, ", ".join(spec.models), len(cells), sum(count for *_, count in cells), *times))
    return found


def _told(total: float, unknown: Sequence[str]) -> str:
    left_out = f" without {', '.join(unknown)}" if unknown else ""
    return f"{total:.0f}{left_out}" if total else "unknown"


def main() -> None:
    """Print the list."""
    echo_table(
        ("of the paper", "model", "cells that edit", "edits", "A100, as published", "two cores, at most"),
        table([published(), measured()]),
    )
    echo("Hours of editing. Scoring takes about 0.13 of it; statistics, loading and more: docs/scale.md.\n")
    for work in works():
        echo(f"{work.shows}\n    {work.command}")
    echo("Figure 5\n    bench trace llama3-8b --device cuda")


if __name__ == "__main__":
    main()
