"""``bench edit`` and ``bench export``: an edited model to take home, and what it says before and after."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from bench.cli import completion, options
from bench.cli.echo import complain, echo, echo_table
from bench.ground.errors import BenchError

if TYPE_CHECKING:
    from bench.export.answers import Count, Row
    from bench.export.taking import Taken

WHAT = "What to write"

ASKED, SAID = 48, 28
"""Most characters of a prompt or target, and of what was said, in the table; answers.csv has them all."""

Method = Annotated[str, Option(help="A method's name.", autocompletion=completion.method)]
Model = Annotated[str, Option(help="A model's name, folder or hub id.", autocompletion=completion.model)]
Facts = Annotated[Path, Option(metavar="FILE", help="Facts to edit, as for --datasets of bench run; all of them.")]
Seed = Annotated[int, Option(min=0, help="Of all draws.")]
Run = Annotated[
    str,
    Argument(
        metavar="RUN",
        help="A run's name (that of its preset) or folder.",
        show_default=False,
        autocompletion=completion.run,
    ),
]
CellId = Annotated[str, Option("--cell", metavar="ID", help="The cell's id, its folder's name, or how it begins.")]
Out = Annotated[Path, Option(metavar="DIR", help="Folder to write.", rich_help_panel=WHAT)]
Full = Annotated[
    bool, Option("--full", help="Also DIR/model: the whole model, for from_pretrained.", rich_help_panel=WHAT)
]
LowRank = Annotated[
    str | None,
    Option(
        metavar="RANK|ERROR",
        help="Also DIR/adapter: the change as a LoRA adapter of this rank, or of the lowest with this relative error.",
        rich_help_panel=WHAT,
    ),
]
Guard = Annotated[
    Path | None,
    Option(metavar="FILE", help="Facts whose answers should stay; by default questions beside the edited facts."),
]
Force = Annotated[
    bool, Option("--force", help="Write into a folder that is not empty, over an earlier edit.", rich_help_panel=WHAT)
]


def edit_command(
    method: Method,
    model: Model,
    facts: Facts,
    out: Out,
    full: Full = False,
    low_rank: LowRank = None,
    force: Force = False,
    guard: Guard = None,
    settings: options.Settings = None,
    hparams: options.HParams = None,
    batch_size: options.BatchSize = None,
    seed: Seed = 0,
    dtype: options.Dtype = None,
    corpus: options.Corpus = None,
    token_budget: options.TokenBudget = None,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    device: options.Device = options.DeviceChoice.auto,
    display: options.Display = None,
) -> None:
    """Edit a model with your own facts and keep it: its changed matrices, or all of it.

    Says for every fact what the model said before and says now, and what else has changed.
    """
    from bench.cli.display import make_display
    from bench.compute.world import verifying_world
    from bench.export import session
    from bench.export.session import Wish
    from bench.plan.planning import default_cache_dir
    from bench.plan.texts import unsuited

    given = {
        "set": _only_methods(settings or []), "hparams": hparams, "batch_size": batch_size, "dtype": dtype,
        "corpus": corpus, "token_budget": token_budget,
    }  # fmt: skip
    order = Wish(out, full, low_rank, guard, force).order(model)
    spec, found = session.plan(method, model, facts, given, seed)
    world = verifying_world([], data_dir, cache_dir or default_cache_dir(), device.value, ())
    cell = session.planned_cell(spec, data_dir, world.cache_dir)
    for line in unsuited([cell]):
        complain(line)
    _tell(session.edit(cell, found, order, world, make_display(display.value if display else None)), out)


def export_command(
    run: Run,
    cell: CellId,
    out: Out,
    full: Full = False,
    low_rank: LowRank = None,
    force: Force = False,
    guard: Guard = None,
    results_dir: options.ResultsDir = Path("results"),
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    device: options.Device = options.DeviceChoice.auto,
    display: options.Display = None,
) -> None:
    """Keep the model that a finished cell has edited, as bench edit does; a run keeps those of its first seed."""
    from bench.cli.display import make_display
    from bench.cli.folders import run_folder
    from bench.export import session
    from bench.export.session import Wish
    from bench.plan.planning import default_cache_dir

    wish = Wish(out, full, low_rank, guard, force)
    shown = make_display(display.value if display else None)
    cache = cache_dir or default_cache_dir()
    taken = session.export(run_folder(run, results_dir), cell, wish, shown, device.value, data_dir, cache)
    _tell(taken, out)


def _only_methods(settings: list[str]) -> dict[str, object]:
    """What ``--set`` sets: options of methods; all else has a flag of its own.

    Raises:
        BenchError: it sets something else.
    """
    from bench.config.settings import assignments

    fields = assignments(settings)
    found: dict[str, object] = fields.pop("set", {})
    for key in [*fields, *found]:
        if not key.startswith("method."):
            raise BenchError(f"--set sets method.NAME.OPTION here, not '{key}'")
    return found


# ---------------------------------------------------------------------------- what came of it
def _tell(taken: Taken, out: Path) -> None:
    """Say what the model said before and says now, what else has changed, and what was written."""
    from bench.export.answers import EDITED, GUARD

    edited, guard = taken.count(EDITED), taken.count(GUARD)
    _show(row for row in taken.rows if row.role == EDITED)
    echo(f"edited facts: {edited.right_now} of {edited.asked} right, {edited.right_before} before")
    if changed := [row for row in taken.rows if row.role == GUARD and row.changed]:
        echo(f"\nchanged besides, of {guard.asked} {taken.guard}:")
        _show(changed)
    echo(_stayed(guard, taken.guard))
    largest = max(taken.sizes, key=lambda name: taken.sizes[name])
    echo(
        f"{len(taken.sizes)} {'matrix' if len(taken.sizes) == 1 else 'matrices'} changed, {taken.bytes / 1e6:.1f} MB; "
        f"most of all {largest}, by {taken.sizes[largest]:.2%} of its norm"
    )
    for name, each in taken.factors.items():
        saves = "" if each.saves else ", which is no smaller than the matrix"
        echo(f"{name}: rank {each.rank}{saves}, relative error {each.error:.2g}")
    echo(f"written to {out}")
    if taken.thick:
        complain(f"no adapter was written: {', '.join(taken.thick)} changed, which is no matrix")
        raise typer.Exit(1)


def _stayed(guard: Count, source: str) -> str:
    if not guard.asked:
        return "what else has changed was not asked: there is no question for it; give --guard FILE"
    stay = guard.asked - guard.changed
    return f"{source}: {stay} of {guard.asked} answers stay; {guard.right_now} right, {guard.right_before} before"


def _show(rows: Iterable[Row]) -> None:
    table = []
    for row in rows:
        asked, said = (_cut(row.prompt, ASKED), _cut(row.target.strip(), ASKED)), (row.before, row.now)
        table.append(
            ("right" if row.right_now else "wrong", row.fact, row.lang, *asked, *(_cut(x, SAID) for x in said))
        )
    echo_table(("", "fact", "", "prompt", "target", "before", "now"), table)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
