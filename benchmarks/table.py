"""The table of a benchmark run, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import torch

from bench.ground.atomic import write_text
from benchmarks.harness import Measurement

COLUMNS = (
    "stage", "what", "model", "reference s", "product s", "ratio", "target", "met", "largest difference", "equal",
    "rounds", "threads", "note",
)  # fmt: skip

HEADER = """# Speed beside plain references

Written by `{command}`. Both ways run in turns on the same model and facts; seconds are medians of the rounds, the ratio
is that of the medians, the difference the largest relative one (Frobenius norm) of any result. A `~` marks a reference
that was not run at its full size: part of the facts, or scaled from a smaller matrix with the cube of its width. An
overhead is product / reference and shall stay below its target; every other ratio is reference / product.

{machine}

"""


def machine(device: torch.device) -> dict[str, str]:
    """What the numbers were measured on."""
    facts = {"processor": f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"}
    if device.type == "cuda":
        facts["device"] = torch.cuda.get_device_name(device)
    facts["system"] = f"{platform.system()}, Python {platform.python_version()}"
    facts["versions"] = ", ".join(map(_versioned, ("torch", "transformers", "langedit-bench")))
    return facts


def _versioned(package: str) -> str:
    """A package with its version; this one may be run from where it lies."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package}, not installed"


def _processor() -> str:
    """The processor's name, where the system tells it."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def rows(measurements: Sequence[Measurement]) -> list[tuple[str, ...]]:
    """The table's cells, in the order of `COLUMNS`."""
    return [_row(each) for each in measurements]


def _row(found: Measurement) -> tuple[str, ...]:
    row = found.row
    bound = "" if row.target is None else f"{'>=' if row.kind == 'speedup' else '<='} {row.target:g}"
    return (
        row.stage,
        row.name,
        row.model,
        f"{'~' if found.partial else ''}{median(found.reference):.3g}",
        f"{median(found.product):.3g}",
        f"{found.ratio:.3g}",
        bound,
        _word(found.met),
        "" if found.difference is None else f"{found.difference:.1e}",
        _word(found.equal),
        f"{len(found.reference)} / {len(found.product)}",
        str(found.threads),
        row.note,
    )


def _word(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def markdown(measurements: Sequence[Measurement], facts: Mapping[str, str], command: str) -> str:
    """The whole page."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (COLUMNS, *rows(measurements))]
    lines.insert(1, "| " + " | ".join("---" for _ in COLUMNS) + " |")
    described = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return HEADER.format(command=command, machine=described) + "\n".join(lines) + "\n"


def as_csv(measurements: Sequence[Measurement]) -> str:
    """The same cells, with every round's seconds behind them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "reference rounds s", "product rounds s"])
    for cells, found in zip(rows(measurements), measurements, strict=True):
        writer.writerow([*cells, *(" ".join(f"{s:.6g}" for s in side) for side in (found.reference, found.product))])
    return text.getvalue()


def write(folder: Path, name: str, measurements: Sequence[Measurement], facts: Mapping[str, str], command: str) -> Path:
    """Write NAME.md and NAME.csv; returns the first."""
    write_text(folder / f"{name}.csv", as_csv(measurements))
    page = folder / f"{name}.md"
    write_text(page, markdown(measurements, facts, command))
    return page
