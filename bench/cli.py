"""The command ``bench``: reads arguments, hands on, turns errors into one line. All heavy imports are late."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from bench.display import complain, echo, echo_table
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.session import Plan

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Set before libraries are imported, where the user has not."""


class OneLineErrors(TyperGroup):
    """Bad input ends any command with one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            complain(error)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Compare knowledge-editing methods on multilingual, sequential edits.",
    epilog="Start with: bench run --preset smoke",
)

# typer reads these classes' values as the choices of an option


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    models = "models"
    datasets = "datasets"
    evaluators = "evaluators"
    presets = "presets"


class DisplayChoice(StrEnum):
    """How progress is shown."""

    rich = "rich"
    plain = "plain"
    none = "none"


class Device(StrEnum):
    """Where models run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


GRID, SCHEDULE, PLACES, COURSE = "What to run", "How facts arrive", "Folders", "Course of the run"

ResultsDir = Annotated[Path, Option(help="Folder of all runs.", rich_help_panel=PLACES)]
DataDir = Annotated[
    Path | None, Option(help="Folder of downloaded data.", envvar="BENCH_DATA_DIR", rich_help_panel=PLACES)
]
CacheDir = Annotated[
    Path | None,
    Option(help="Statistics and converted models.", envvar="BENCH_CACHE_DIR", rich_help_panel=PLACES),
]
Names = Annotated[str | None, Option(help="Names, separated by commas.", rich_help_panel=GRID)]


@app.command("run")
def run_command(
    preset: Annotated[
        str | None, Option(help="Settings to start from; table1 by default.", rich_help_panel=GRID)
    ] = None,
    config: Annotated[Path | None, Option(help="YAML file laid over the preset.", rich_help_panel=GRID)] = None,
    methods: Annotated[
        str | None,
        Option(help="Names, separated by commas; 'all': the paper's seven and none.", rich_help_panel=GRID),
    ] = None,
    models: Names = None,
    datasets: Names = None,
    languages: Names = None,
    seeds: Annotated[int | None, Option(help="How many.", rich_help_panel=GRID)] = None,
    settings: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="KEY=VALUE",
            help="One setting: method.memit.layers=4,5,6 or token_budget=50000. May be repeated.",
            rich_help_panel=GRID,
        ),
    ] = None,
    hparams: Annotated[
        str | None, Option(help="Take hyperparameters of this model or YAML file.", rich_help_panel=GRID)
    ] = None,
    order: Annotated[str | None, Option(help="cycle, blocked, shuffled, or several.", rich_help_panel=SCHEDULE)] = None,
    batch_size: Annotated[int | None, Option(help="Facts per step.", rich_help_panel=SCHEDULE)] = None,
    edits_per_language: Annotated[int | None, Option(help="Facts per language.", rich_help_panel=SCHEDULE)] = None,
    steps: Annotated[int | None, Option(help="Stop after so many steps.", rich_help_panel=SCHEDULE)] = None,
    eval_every: Annotated[
        int | None, Option(help="Score after so many steps; 0: at the end.", rich_help_panel=SCHEDULE)
    ] = None,
    name: Annotated[str | None, Option(help="Of the run's folder.", rich_help_panel=PLACES)] = None,
    results_dir: ResultsDir = Path("results"),
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    device: Annotated[Device, Option(help="Where models run.", rich_help_panel=COURSE)] = Device.auto,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show the grid and what exists; compute nothing.", rich_help_panel=COURSE)
    ] = False,
    retry_failed: Annotated[
        bool, Option("--retry-failed", help="Compute failed cells again.", rich_help_panel=COURSE)
    ] = False,
    display: Annotated[
        DisplayChoice | None,
        Option(help="Progress; rich on a terminal, else plain.", rich_help_panel=COURSE),
    ] = None,
) -> None:
    """Run a grid of methods, models, data sets and seeds, or what is missing of it.

    Without arguments: the embedded benchmark (preset table1). Finished cells are kept; run it again to go on.
    """
    from bench import listing, session
    from bench.settings import assignments, resolve

    flags = {
        "name": name, "methods": methods, "models": models, "datasets": datasets, "languages": languages,
        "seeds": seeds, "orders": order, "batch_size": batch_size, "steps": steps, "eval_every": eval_every,
        "edits_per_language": edits_per_language, "hparams": hparams,
        **assignments(settings or []),
    }  # fmt: skip
    planned = session.plan(resolve(preset, config, flags), results_dir, data_dir, cache_dir)
    if dry_run:
        listing.show_plan(planned, retry_failed)
    else:
        compute(planned, device.value, retry_failed, display)


def compute(planned: Plan, device: str, retry_failed: bool, choice: DisplayChoice | None) -> None:
    """Compute a plan, say what came of it, leave with its exit code."""
    from bench import session
    from bench.display import make_display
    from bench.engine import exit_code

    display = make_display(choice.value if choice else None)
    root = planned.store.root
    try:
        outcomes = session.execute(planned, display, device, retry_failed)
    except KeyboardInterrupt:
        complain("interrupted; run the same command again to go on where it stopped")
        raise typer.Exit(130) from None
    reused = sum(outcome.reused for outcome in outcomes)
    display.note(f"{len(outcomes)} cells in {root}{f' ({reused} from before)' if reused else ''}")
    place = "" if root.parent == session.RESULTS_DIR else f" --results-dir {root.parent}"
    display.note(f"next: bench report {root.name}{place}")
    if line := session.failure_line(outcomes, root.name):
        complain(line)
    raise typer.Exit(exit_code(outcomes))


def run_folder(run: str, results_dir: Path) -> Path:
    """A run's folder by its path, its name, or its preset.

    Raises:
        BenchError: there is none.
    """
    from bench.names import hint

    for folder in (results_dir / run, Path(run)):
        if folder.is_dir():
            return folder
    there = sorted(path.name for path in results_dir.glob("*") if path.is_dir())
    raise BenchError(f"no run '{run}' in {results_dir}{hint(run, there)}")


RunArgument = Annotated[str, Argument(metavar="RUN", help="A run's name (that of its preset) or folder.")]


@app.command("report")
def report_command(
    run: RunArgument,
    formats: Annotated[str, Option("--format", help="Of md, pdf, tex, csv; separated by commas.")] = "md,pdf,tex,csv",
    out: Annotated[Path | None, Option(help="Output folder.")] = None,
    results_dir: ResultsDir = Path("results"),
) -> None:
    """Print Table 1 of a run and write tables, charts and the report."""
    from bench.names import unknown

    chosen = tuple(part.strip() for part in formats.split(",") if part.strip())
    for each in chosen:
        if each not in ("md", "pdf", "tex", "csv"):
            raise unknown("format", each, ("md", "pdf", "tex", "csv"))
    folder = run_folder(run, results_dir)
    from reports.render import build_report, report_text

    written = build_report(folder, out=out, formats=chosen)
    echo(report_text(folder))
    echo(f"written to {written}")


@app.command("status")
def status_command(run: RunArgument, results_dir: ResultsDir = Path("results")) -> None:
    """Show how every cell of a run stands, with the reason of each failure."""
    from bench import listing

    listing.show_status(run_folder(run, results_dir))


@app.command("list")
def list_command(
    kind: Annotated[Kind, Argument(help="What to list.", show_default=False)],
    verbose: Annotated[bool, Option("--verbose", "-v", help="Options, sources, documentation.")] = False,
) -> None:
    """List methods, models, data sets, evaluators or presets."""
    from bench import listing

    listing.show(kind.value, verbose)


@app.command("check")
def check_command(method: Annotated[str, Argument(help="A method's name.")]) -> None:
    """Check a method on tiny models of every architecture: state, resuming, isolation."""
    from bench.conformance import check_method
    from bench.registry import methods

    registry = methods()
    registry.module(method)
    results = check_method(method, registry)
    rows = [("ok" if result.passed else "FAILED", result.name, result.detail) for result in results]
    echo_table(("", "check", ""), rows)
    failed = sum(not result.passed for result in results)
    echo(f"{len(results) - failed} of {len(results)} checks passed")
    raise typer.Exit(1 if failed else 0)


@app.command("stats")
def stats_command(
    model: Annotated[str, Argument(help="A model's name, folder or hub id.")],
    layers: Annotated[str, Option(help="Layers, separated by commas.")],
    corpus: Annotated[str, Option(help="cldr, a text file, or hf:DATASET[:CONFIG].")] = "cldr",
    tokens: Annotated[int, Option(min=1, help="Most tokens read.")] = 100_000,
    dtype: Annotated[str, Option(help="Of the model's weights.")] = "float32",
    device: Annotated[Device, Option(help="Where the model runs.")] = Device.auto,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
) -> None:
    """Compute second moments of keys ahead of a run; they are kept in the cache folder."""
    from bench import data, session
    from bench.display import PlainDisplay
    from bench.model import EditableModel
    from bench.models import fingerprint, load_pretrained
    from bench.settings import parse_value
    from bench.stats import Stats

    cache = cache_dir or session.default_cache_dir()
    place = session.choose_device(device.value)
    with PlainDisplay().board(1) as board:
        progress = board.cell(f"statistics of {model} on {corpus}")
        editable = EditableModel(*load_pretrained(model, dtype, place, cache), fingerprint(model, cache))
        stats = Stats(
            cache, corpus, tokens, data.data_folder(data_dir), lambda done, all_: progress.step(done, all_, "tokens")
        )
        for layer, moment in stats.moments(editable, parse_value(f"{layers},")).items():
            echo(f"layer {layer}: {moment.count} tokens")


def main() -> None:
    """Entry point of the command."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    app(prog_name="bench")
