"""``bench trace``: causal tracing of a model's facts, heat maps per language, and which layers to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from bench.cli import options
from bench.cli.echo import echo
from bench.config.rooms import room

Data = Annotated[str, Option("--data", help="A data set, or a file of your own facts.")]
Facts = Annotated[int, Option(help="Facts per language, of those that the model knows.")]
Samples = Annotated[int, Option(help="Draws of noise per fact.")]
NoiseLevel = Annotated[float, Option(help="Noise, in standard deviations of the subjects' embeddings.")]
Window = Annotated[
    int | None, Option(help="Layers whose MLPs or attentions are restored together; 10, or half of a shallow model.")
]
Seed = Annotated[int, Option(help="Draws facts and noise; 1 draws the noise of the released code.")]
Out = Annotated[Path | None, Option(help="Output folder; results/trace-MODEL by default.")]


def trace_command(
    model: options.Model,
    data: Data = "cldr",
    languages: options.Names = None,
    facts: Facts = 20,
    samples: Samples = 10,
    noise: NoiseLevel = 3.0,
    window: Window = None,
    seed: Seed = 1,
    dtype: options.Dtype = None,
    device: options.Device = options.DeviceChoice.auto,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    out: Out = None,
    display: options.Display = None,
) -> None:
    """Find where a model recalls facts: corrupt the subject, restore one state, see what it brings back.

    Causal tracing (Meng et al. 2022; Figure 5 of the LangEdit paper). Writes heat maps per language and the layers
    to edit.
    """
    from bench.cli.display import make_display
    from bench.config.settings import resolve
    from bench.model import devices
    from bench.model.loading import load_editable
    from bench.plan import planning
    from bench.trace.facts import check_lengths, has_true_answers, languages_of, questions
    from bench.trace.session import Request, trace

    spec = resolve(None, None, {"models": [model], "dtype": dtype, "languages": languages})
    chosen = languages_of(data, spec.languages if languages else None, spec.languages)
    place = devices.choose_device(device.value)
    request = Request(model, data, chosen, facts, samples, noise, window, seed, spec.dtype, place)
    asked = questions(data, chosen, facts, seed, data_dir)
    shown = make_display(display.value if display else None)
    if not has_true_answers(data):
        shown.note(f"{data} has no true answers: each prompt is traced with the token that the model says first")
    editable = load_editable(model, spec.dtype, place, cache_dir or planning.default_cache_dir())
    for each in asked.values():
        check_lengths(editable, each, data)
    folder = out or planning.RESULTS_DIR / f"trace-{Path(model).name}"
    trace(editable, request, asked, folder, shown)
    room("reports")
    from reports import trace as report

    echo(report.build(folder))
    echo(f"written to {folder}")
