"""``bench cost``: what every method costs on a model of a given shape, beside what the paper published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from bench.cli import completion, options
from bench.cli.echo import complain, echo
from bench.config.rooms import room
from bench.ground.errors import BenchError

if TYPE_CHECKING:
    from bench.cost.plan import CostPlan
    from bench.cost.session import Measured

TOKENS = 2000
"""Of the corpus behind the statistics: enough to have some, far from enough to edit with."""

Model = Annotated[
    str,
    Option(help="A shape (random weights), or a checkpoint's name, folder or hub id.", autocompletion=completion.model),
]
Methods = Annotated[
    str,
    Option(
        help="Names, separated by commas; 'all': the paper's seven, LangEdit in both forms; 'modern': newer ones.",
        autocompletion=completion.methods,
    ),
]
Edits = Annotated[int, Option(help="Facts per step.")]
Steps = Annotated[int, Option(help="Steps per method; the first is a warm-up.")]
Layers = Annotated[int | None, Option(help="Cut the model to so many layers; by default to as many as fit.")]
BatchSizes = Annotated[str | None, Option(help="Further numbers of facts per step, separated by commas.")]
Tokens = Annotated[int, Option(min=1, help="Tokens of the corpus behind the statistics.")]
Out = Annotated[Path | None, Option(help="Output folder; results/cost-MODEL by default.")]
OutDtype = Annotated[str, Option(help="Of model weights: float32, bfloat16, float16.")]


def cost_command(
    model: Model = "llama3-8b",
    methods: Methods = "all",
    edits: Edits = 100,
    steps: Steps = 3,
    layers: Layers = None,
    batch_sizes: BatchSizes = None,
    languages: options.Names = None,
    hparams: options.HParams = None,
    dtype: OutDtype = "bfloat16",
    token_budget: Tokens = TOKENS,
    device: options.Device = options.DeviceChoice.auto,
    cache_dir: options.CacheDir = None,
    out: Out = None,
    display: options.Display = None,
) -> None:
    """Measure time per step and peak memory of every method, beside the published numbers.

    Shapes have random weights; nothing is downloaded. One that does not fit is cut to its first layers and the cost
    of the whole is extrapolated.
    """
    from bench.cli.display import make_display
    from bench.config.registry import methods as registry
    from bench.config.settings import resolve
    from bench.cost import plan, session
    from bench.cost.files import write
    from bench.model import devices
    from bench.plan import planning

    flags = {
        "methods": methods, "languages": languages, "hparams": hparams, "dtype": dtype, "token_budget": token_budget
    }  # fmt: skip
    spec = resolve(None, None, flags)
    planned = plan.plan(
        model,
        spec,
        plan.Load(edits, steps, _sizes(batch_sizes), spec.languages),
        layers=layers,
        device=devices.choose_device(device.value),
        cache_dir=cache_dir or planning.default_cache_dir(),
        registry=registry(),
    )
    shown = make_display(display.value if display else None)
    shown.note(_announcement(planned))
    folder = out or planning.RESULTS_DIR / f"cost-{Path(model).name}"
    found: list[Measured] = []
    for each in session.run(planned, shown):
        found.append(each)
        write(folder, planned, found, session.machine(planned.device))
    room("reports")
    from reports import cost

    echo(cost.build(folder))
    echo(f"written to {folder}")
    failed = [each.method for each in found if each.failure]
    if failed:
        complain(f"not measured: {', '.join(failed)}; cost.md says why")
        raise typer.Exit(1)


def _announcement(plan: CostPlan) -> str:
    if not plan.is_shape:
        return f"{plan.model}: the checkpoint as it is, {plan.dtype}"
    need = f"about {plan.need / 1e9:.1f} GB"
    if not plan.is_cut:
        return f"{plan.model}: random weights, all {plan.whole} layers, {plan.dtype}, {need}"
    return (
        f"{plan.model}: random weights, cut to {plan.depth} of {plan.whole} layers, {plan.dtype}, {need}; "
        "the cost of the whole is extrapolated"
    )


def _sizes(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip()) if text else ()
    except ValueError as error:
        raise BenchError(f"--batch-sizes takes numbers, not '{text}'") from error
