"""What ``bench list`` and ``bench run --dry-run`` show."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench.cli.echo import duration, echo, echo_table
from bench.config.registry import Registry, evaluators, methods

if TYPE_CHECKING:
    from bench.config.cell import Cell
    from bench.data.common import Dataset
    from bench.ground.rows import Kept
    from bench.plan.planning import Plan
    from bench.store.outcomes import Outcome


def show(kind: str, verbose: bool) -> None:
    """Print everything of a kind that is installed.

    Args:
        kind: "methods", "models", "datasets", "evaluators" or "presets".
        verbose: also options, sources and documentation.
    """
    shows: dict[str, Callable[[bool], None]] = {
        "methods": lambda verbose: _plugins(methods(), verbose),
        "evaluators": lambda verbose: _plugins(evaluators(), verbose),
        "models": _models,
        "datasets": _datasets,
        "presets": _presets,
    }
    shows[kind](verbose)


def _plugins(registry: Registry, verbose: bool) -> None:
    described = [registry.describe(name) for name in registry.names()]
    if not verbose:
        rows = [(d.name, f"BROKEN: {d.broken}" if d.broken else d.summary, d.origin) for d in described]
        echo_table((registry.kind, "", ""), rows)
        return
    for each in described:
        echo(f"{each.name}{f'  (from {each.origin})' if each.origin else ''}")
        if each.broken:
            echo(f"  BROKEN: {each.broken}\n")
            continue
        echo(_indented(inspect.getdoc(registry.module(each.name)) or ""))
        for name, field in registry.options(each.name).items():
            default = "required" if field.is_required() else f"default {field.default}"
            about = f": {field.description}" if field.description else ""
            echo(f"    {name} ({_type_name(field.annotation)}, {default}){about}")
        echo()


def _type_name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _models(verbose: bool) -> None:
    from bench.config.settings import hparams_names
    from bench.model import catalog

    known, tuned = catalog.known_models(), hparams_names()
    if not verbose:
        echo_table(("model", ""), [(name, entry.what) for name, entry in known.items()])
    else:
        columns = ("model", "", "kind", "from", "licence", "hyperparameters")
        rows = [
            (name, e.what, e.source, e.location, " ".join((e.licence, e.terms)).rstrip(), _has(name in tuned))
            for name, e in known.items()
        ]
        echo_table(columns, rows)
    echo("or a folder with a causal language model, or a hub id org/name (give --hparams)")


def _has(it: bool) -> str:
    return "yes" if it else "no"


def _datasets(verbose: bool) -> None:
    from bench.data import datasets

    known = datasets.datasets().values()
    if not verbose:
        echo_table(("data set", "languages", ""), [(d.name, _few(d.languages), d.what) for d in known])
    for each in known if verbose else ():
        _describe(each)
    echo("or a .json or .jsonl file of facts or claims: your own, or in the layout of one of these")


def _few(languages: Sequence[str]) -> str:
    """Languages in one line, the first of them where there are many."""
    most = 14
    return " ".join(languages) if len(languages) <= most else f"{' '.join(languages[:9])} ... {len(languages)} in all"


def _describe(each: Dataset) -> None:
    """All that is known of a data set."""
    from bench.data.spans import in_words

    lines = {
        "languages": " ".join(each.languages),
        "licence": each.licence,
        "citation": each.citation,
        "from": each.source,
        "revision": each.revision,
        "hub": f"{each.hub.repository} at {each.hub.revision}" if each.hub else "",
        "selection": each.selection,
    }
    echo(f"{each.name}: {each.what}")
    for name, text in lines.items():
        if text:
            echo(f"  {name:10}{text}")
    for line in in_words(each.reliability):
        echo(f"  {'spans':10}right when looked at by eye: {line}")
    for file, checksum in each.files.items():
        echo(f"  {'file':10}{file}{f'  sha256 {checksum}' if checksum else ''}")
    echo()


def _presets(verbose: bool) -> None:
    from bench.config import settings

    for name in settings.preset_names():
        text = settings.preset_text(name)
        if verbose:
            echo(f"{name}\n{_indented(text)}\n")
    if not verbose:
        rows = [(name, settings.preset_text(name).splitlines()[0].lstrip("# ")) for name in settings.preset_names()]
        echo_table(("preset", ""), rows)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def show_plan(planned: Plan, retry_failed: bool, device: str = "auto", answers: Kept = "failed") -> None:
    """The grid of a run with counts, what exists already, and what the rest will take: time, memory, disk."""
    from bench.model.devices import choose_device
    from bench.plan.needs import Needs
    from bench.plan.siblings import elsewhere
    from bench.store.estimate import estimate, paces
    from bench.store.outcomes import is_pending
    from bench.store.results import group_name
    from bench.store.shards import FINISHED

    needed = Needs(planned, choose_device(device))
    known = paces(planned.store.root.parent)
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in planned.outcomes():
        cell = outcome.cell
        text = cell.corpus if cell.method.statistics else "-"
        names = [cell.method.name, cell.model.name, text, cell.data.name, cell.schedule.order]
        names.append(group_name(cell.schedule.edited))
        groups.setdefault(tuple(names), []).append(outcome)
    rows: list[tuple[object, ...]] = []
    whole: list[Cell] = []
    for names_of, outcomes in groups.items():
        todo = [outcome.cell for outcome in outcomes if is_pending(outcome, retry_failed)]
        whole += todo
        finished = sum(outcome.status in FINISHED for outcome in outcomes)
        failed = sum(outcome.status == "failed" for outcome in outcomes)
        edits = outcomes[0].cell.schedule.edits()
        time = _time(estimate(todo, known))
        memory, disk = (size_text(need(outcomes[0].cell)) for need in (needed.memory, needed.disk))
        rows.append((*names_of, len(outcomes), edits, finished, failed, len(todo), time, memory, disk))
    counts = ("cells", "edits each", "done", "failed", "to do", "time", "memory", "disk")
    echo_table(("method", "model", "corpus", "data", "order", "edited", *counts), rows)
    held = elsewhere(planned.cells, planned.store, planned.evaluators)
    whole = [cell for cell in whole if cell.id() not in held]
    taken = f", {len(held)} to be taken over from other runs" if held else ""
    echo(f"{len(planned.cells)} cells in {planned.store.root}, {len(whole)} to compute{taken}")
    echo(f"estimated time, without loading and statistics: {_time(estimate(whole, known))}")
    if answers != "none":
        echo(f"answers ({answers}), about: {size_text(needed.answers(whole))}")
    echo(f"checkpoints that stay, of the first seed of each row: {size_text(needed.kept())}")


def size_text(count: int | None) -> str:
    """Bytes in words; None is not known."""
    if count is None:
        return "unknown"
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"


def _time(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)
