"""What was run, what it cost, and which cells are not finished: the tables that stand behind Table 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.errors import in_short
from bench.store.records import read_cell
from bench.store.results import Results
from reports.numbers.aggregate import FINISHED, Setting, ordered
from reports.numbers.costs import spent
from reports.parts.contents import METHOD, display_name
from reports.parts.tables import DASH, Cell, Column, Table

MEBIBYTE = 2**20
RATE = "records_per_second."
PHASES = ("values", "keys", "solve", "projection", "training")


def cell_records(root: Path, cells: pd.DataFrame) -> list[dict[str, Any]]:
    """The cell.json of every cell that has begun."""
    paths = (root / str(cell) / "cell.json" for cell in cells["cell"])
    return [read_cell(path) for path in paths if path.exists()]


def what_was_run(records: list[dict[str, Any]]) -> Table:
    """Model, data, schedule, versions, device. Where cells differ, all values stand side by side."""
    schedules = [record["cell"]["schedule"] for record in records]
    environments = [record["environment"] for record in records]
    packages = [environment.get("packages", {}) for environment in environments]
    names = sorted({name for versions in packages for name in versions})
    rows = {
        "Model": _distinct(f"{r['cell']['model']['name']} ({r['cell']['model']['dtype']})" for r in records),
        "Asked": _distinct("in its chat template" if r["cell"]["model"].get("chat") else "" for r in records),
        "Key statistics": _distinct(map(_statistics, records)),
        "Added to their diagonal": _distinct(map(_jitter, records)),
        "Weights": _distinct(r["cell"]["model"].get("fingerprint", "") for r in records),
        "Data": _distinct(r["cell"]["data"]["name"] for r in records),
        "Languages": _distinct(", ".join(schedule["languages"]) for schedule in schedules),
        "Schedule": _distinct(map(_schedule, schedules)),
        "Seeds": ", ".join(map(str, sorted({r["cell"]["seed"] for r in records}))),
        "Device": _distinct(environment.get("device", "") for environment in environments),
        "Code of its own": _distinct("was run" if e.get("remote_code") else "" for e in environments),
        "Python": _distinct(environment.get("python", "") for environment in environments),
        **{name: _distinct(str(versions.get(name) or DASH) for versions in packages) for name in names},
        "Commit": _distinct(str(environment.get("commit") or "") for environment in environments),
    }
    cells = tuple((Cell(label), Cell(text)) for label, text in rows.items() if text)
    caption = "Model, data, schedule and software; where cells differ, all values."
    return Table("run", (Column("what", "What", "text"), Column("value", "Value", "text")), cells, caption)


def options(records: list[dict[str, Any]]) -> Table:
    """Every method's hyperparameters as they were resolved."""
    texts: dict[str, list[str]] = {}
    for record in records:
        method = record["cell"]["method"]
        texts.setdefault(method["name"], []).append(", ".join(f"{k} {_plain(v)}" for k, v in method["options"].items()))
    rows = tuple((Cell(display_name(name)), Cell(_distinct(texts[name]) or DASH)) for name in ordered(texts))
    caption = "Hyperparameters of every method as they were used."
    return Table("options", (METHOD, Column("options", "Options", "text")), rows, caption)


ALIGNED = {
    "exact": "Exact",
    "casefold": "But for case",
    "english": "English subject",
    "closest": "Closest span",
}
RULES = {
    **ALIGNED,
    "shared": "Shared with statement",
    "quoted": "In quotation marks",
    "named": "In capitals",
    "alike": "Like the English one",
    "recurring": "Alike in two records",
    "framed": "Before a function word",
}
"""Rules by which subjects are found; of those after the first four, only what was used is shown."""


def alignment(records: list[dict[str, Any]]) -> Table:
    """What became of the data's records per language; empty for data that need no alignment."""
    rows: list[tuple[Cell, ...]] = []
    counts = records[0]["environment"].get("alignment", []) if records else []
    rules = [key for key in RULES if key in ALIGNED or any(count.get(key) for count in counts)]
    keys = ("read", *rules, "rephrase_equal")
    for count in counts:
        left_out = {**count.get("dropped", {}), **count.get("unasked", {})}
        dropped = ", ".join(f"{reason} {n}" for reason, n in left_out.items())
        rows.append((Cell(count["lang"]), *(Cell(str(count.get(key, DASH))) for key in keys), Cell(dropped or "0")))
    titles = ["Read", *(RULES[key] for key in rules), "Rephrase equals prompt"]
    header = [Column("language", "Language", "text")]
    header += [Column(key, title, "number") for key, title in zip(keys, titles, strict=True)]
    caption = "Where the subjects were found in their prompts: number of records by language."
    return Table("alignment", (*header, Column("dropped", "Dropped", "text")), tuple(rows), caption)


def unfinished(cells: pd.DataFrame) -> Table:
    """Every cell that is not simply done, with the reason; the settings stand with them where they differ."""
    fields = [name for name in Setting._fields if cells[name].nunique() > 1]
    rows = [
        (*(Cell(row[name]) for name in fields), Cell(display_name(row["method"])), Cell(str(row["seed"])),
         Cell(row["status"]), Cell(in_short(row["reason"])[:160] or DASH))
        for row in cells.to_dict("records")
        if row["status"] != "done"
    ]  # fmt: skip
    header = (*(Column(name, name.title(), "text") for name in fields), METHOD)
    header += tuple(Column(name.lower(), name, "text") for name in ("Seed", "Status", "Reason"))
    return Table("unfinished", header, tuple(rows), "Cells that did not run to the end as planned.")


def cost(results: Results, cells: pd.DataFrame) -> Table:
    """Seconds per step by phase and peak memory of every method; steps after a divergence are left out."""
    finished = cells[cells["status"].isin(FINISHED)]
    rows = spent(results, finished)
    by_step = rows.pivot_table(index="method", columns="quantity", values="value", aggfunc="mean")
    peak = rows[rows["quantity"] == "memory.peak_bytes"].groupby("method")["value"].max() / MEBIBYTE
    steps = rows[rows["quantity"] == "seconds.total"].groupby("method").size()
    wanted = ["seconds.total", *(f"seconds.{phase}" for phase in PHASES)]
    wanted += sorted(name for name in by_step.columns if name.startswith("seconds.score."))
    wanted += sorted(name for name in by_step.columns if name.startswith(RATE))
    present = [name for name in wanted if name in by_step.columns]
    body = []
    for method in ordered(finished["method"].unique()):
        times = (_number(by_step[name].get(method)) for name in present)
        body.append((Cell(display_name(method)), _number(steps.get(method)), *times, _number(peak.get(method))))
    header = [METHOD, Column("steps", "Steps", "number", 0)]
    header += [Column(name.replace(".", "_"), _cost_title(name), "number") for name in present]
    header.append(Column("peak_mib", "Peak MiB", "number", 0))
    caption = (
        "Cost: wall seconds of one step, by phase, mean over all steps and seeds; scoring, seconds each time; peak "
        "memory of the process (of the device on a GPU). Good for comparing methods of this run, not machines."
    )
    return Table("cost", tuple(header), tuple(body), caption)


def _statistics(record: Mapping[str, Any]) -> str:
    """The text behind a cell's statistics beside its model, and how much of it was read; "" where none is."""
    cell, read = record["cell"], record["environment"].get("statistics")
    if not cell["method"].get("statistics", True):
        return ""
    if not read:
        return f"{cell['model']['name']} on {cell['corpus']}, at most {cell['token_budget']} tokens"
    of = "" if read["documents"] is None else f" of {read['documents']} documents"
    return f"{cell['model']['name']} on {cell['corpus']}: {read['tokens']} tokens{of}"


def _jitter(record: Mapping[str, Any]) -> str:
    """What the second moments of a cell took to be solved with, relative to their largest entries."""
    added = (record["environment"].get("statistics") or {}).get("jitter") or {}
    layers = ", ".join(f"{value:.0e} in layer {layer}" for layer, value in added.items())
    return f"{display_name(record['cell']['method']['name'])} {layers}" if layers else ""


def _schedule(schedule: Mapping[str, Any]) -> str:
    steps = f"at most {schedule['steps']} steps, " if schedule["steps"] else ""
    every = f"every {schedule['eval_every']} steps and at the end" if schedule["eval_every"] else "at the end"
    passes = f"{schedule['passes']} passes, " if schedule.get("passes", 1) > 1 else ""
    return (
        f"order {schedule['order']}, {schedule['edits_per_language']} edits per language, {passes}{steps}"
        f"{schedule['batch_size']} facts a step, scored {every}"
    )


def _distinct(values: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(value for value in values if value))


def _plain(value: Any) -> str:
    return f"[{', '.join(map(_plain, value))}]" if isinstance(value, list) else str(value)


def _number(value: Any) -> Cell:
    return Cell(DASH) if value is None or pd.isna(value) else Cell(mean=float(value))


def _cost_title(quantity: str) -> str:
    if quantity.startswith(RATE):
        return f"Records/s, {quantity.removeprefix(RATE)}"
    name = quantity.removeprefix("seconds.")
    return {"total": "s per step"}.get(name, name.replace("score.", "Scoring, ") if "score" in name else name.title())
