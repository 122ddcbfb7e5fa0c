"""The command ``bench``: reads arguments, hands on, turns errors into one line. All heavy imports are late."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from bench.cli import board, cost, data, doctor, edit, grid, judge, new, options, pack, show, stats, trace
from bench.cli.echo import complain, echo, echo_table, tolerate
from bench.cli.folders import readable, run_folder, run_place, run_places
from bench.config.rooms import room
from bench.ground.errors import BenchError

FORMATS = "md,pdf,html,tex,csv"


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
    pretty_exceptions_enable=False,
    help="Compare knowledge-editing methods on multilingual, sequential edits.",
    epilog="Start with: bench run --preset smoke",
)
app.add_typer(data.app, name="data")
app.add_typer(judge.app, name="judge")
app.command("board")(board.board_command)
app.command("cost")(cost.cost_command)
app.command("doctor")(doctor.doctor_command)
app.command("edit")(edit.edit_command)
app.command("export")(edit.export_command)
app.command("gather")(grid.gather_command)
app.command("new")(new.new_command)
app.command("pack")(pack.pack_command)
app.command("show")(show.show_command)
app.command("stats")(stats.stats_command)
app.command("trace")(trace.trace_command)
app.command("unpack")(pack.unpack_command)


@app.command("run")
def run_command(
    preset: options.Preset = None,
    config: options.Config = None,
    methods: options.Methods = None,
    models: options.Models = None,
    datasets: options.Datasets = None,
    languages: options.Names = None,
    seeds: options.Seeds = None,
    settings: options.Settings = None,
    hparams: options.HParams = None,
    dtype: options.Dtype = None,
    chat_template: options.ChatTemplate = None,
    evaluators: options.Names = None,
    corpus: options.Corpus = None,
    token_budget: options.TokenBudget = None,
    order: options.Orders = None,
    edited: options.Edited = None,
    batch_size: options.BatchSize = None,
    edits_per_language: options.EditsPerLanguage = None,
    steps: options.Steps = None,
    eval_every: options.EvalEvery = None,
    eval_limit: options.EvalLimit = None,
    parallel: options.Parallel = None,
    independent: options.Independent = None,
    passes: options.Passes = None,
    name: options.RunName = None,
    results_dir: options.ResultsDir = Path("results"),
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    device: options.Device = options.DeviceChoice.auto,
    device_map: options.DeviceMap = None,
    trust_remote_code: options.TrustRemoteCode = None,
    dry_run: options.DryRun = False,
    retry_failed: options.RetryFailed = False,
    workers: options.Workers = None,
    engine: options.Engine = options.EngineChoice.local,
    address: options.Address = None,
    cell_resources: options.CellResources = None,
    join: options.Join = False,
    shard: options.Shard = None,
    answers: options.Answers = options.AnswersChoice.failed,
    display: options.Display = None,
) -> None:
    """Run a grid of methods, models, data sets and seeds, or what is missing of it.

    Without arguments: the embedded benchmark (preset table1). Finished cells are kept; run it again to go on.
    """
    from bench.cli import listing
    from bench.compute.where import Where
    from bench.config.settings import assignments
    from bench.config.several import resolve_all
    from bench.model import catalog
    from bench.plan.shares import Share
    from bench.plan.texts import unsuited

    where = Where(engine.value, workers, address, cell_resources)
    flags = {
        "name": name, "methods": methods, "models": models, "datasets": datasets, "languages": languages,
        "seeds": seeds, "orders": order, "edited": edited, "batch_size": batch_size, "steps": steps,
        "eval_every": eval_every, "edits_per_language": edits_per_language, "parallel": parallel,
        "independent": independent, "passes": passes, "hparams": hparams, "dtype": dtype, "corpus": corpus,
        "token_budget": token_budget, "evaluators": evaluators, "eval_limit": eval_limit,
        "chat_template": chat_template, **assignments(settings or []),
    }  # fmt: skip
    several = resolve_all(preset, config, flags)
    share = None if shard is None else Share.parse(shard)
    places = (results_dir, data_dir, cache_dir, trust_remote_code or ())
    plans = grid.plans_of(several, dry_run and not several.is_one, *places)
    cells = [cell for planned in plans for cell in planned.cells]
    for line in [*unsuited(cells), *catalog.terms_of(cell.model.name for cell in cells)]:
        complain(line)
    alone = several.is_one and share is None
    if dry_run and alone:
        listing.show_plan(plans[0], retry_failed, device.value, answers.value)
    elif dry_run:
        grid.show_plan(plans, share, retry_failed, device.value, answers.value)
    else:
        how = {"device_map": device_map, "retry_failed": retry_failed, "where": where, "join": join}
        how |= {"answers": answers.value, "device": device.value}
        grid.compute(plans, share, display, how)


@app.command("report")
def report_command(
    runs: options.Runs,
    formats: options.Formats = FORMATS,
    out: options.Out = None,
    results_dir: options.ResultsDir = Path("results"),
) -> None:
    """Print Table 1 of a run and write tables, charts and the report; several runs make one report."""
    from bench.ground.names import unknown

    chosen = tuple(part.strip() for part in formats.split(",") if part.strip())
    for each in chosen:
        if each not in FORMATS.split(","):
            raise unknown("format", each, FORMATS.split(","))
    by_name = {run: run_places(run, results_dir) for run in runs}
    places = [place for found in by_name.values() for place in found]
    room("reports")
    from bench.store.packing import SUFFIX
    from reports.documents.document import read_report
    from reports.render import default_folder, report_text, write_report

    names = [run if len(found) > 1 else found[0].name.removesuffix(SUFFIX) for run, found in by_name.items()]
    with readable(places) as folders:
        report = read_report(folders)
        beside = places[0].parent / default_folder(folders, names).name
        written = write_report(report, out or beside, chosen, folders)
    echo(report_text(report))
    echo(f"written to {written}")


@app.command("compare")
def compare_command(
    first: options.FirstRun,
    second: options.SecondRun,
    out: options.CompareOut = None,
    results_dir: options.ResultsDir = Path("results"),
) -> None:
    """Compare two runs cell by cell: the same code on two machines, or a method before and after a change."""
    room("reports")
    from reports.compare import compare_runs, comparison_text, write_comparison

    with readable([run_place(run, results_dir) for run in (first, second)]) as folders:
        comparison = compare_runs(*folders)
        echo(comparison_text(comparison))
        if out:
            write_comparison(comparison, out)
            echo(f"written to {out}")


@app.command("status")
def status_command(
    run: options.ReadRun, results_dir: options.ResultsDir = Path("results"), watch: options.Watch = False
) -> None:
    """Show the grid of a run: what is done, running where, failed why, and the time left."""
    from bench.cli import watch as looking
    from bench.ground import signals

    if watch:
        with signals.terminable():
            looking.watch(run_folder(run, results_dir), sys.stdout.isatty())
        return
    with readable(run_places(run, results_dir)) as folders:
        for folder in folders:
            if (folder / "run.json").exists() or not (folder / "trace.json").exists():
                looking.show(folder)


@app.command("verify")
def verify_command(
    run: options.Run,
    cells: options.Verified = 4,
    seed: options.VerifySeed = 0,
    results_dir: options.ResultsDir = Path("results"),
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    device: options.Device = options.DeviceChoice.auto,
    trust_remote_code: options.TrustRemoteCode = None,
    display: options.Display = None,
) -> None:
    """Compute the last step of some cells again, from their checkpoints: do the stored scores agree?"""
    from bench.cli.display import make_display
    from bench.compute import verify
    from bench.compute.world import verifying_world
    from bench.plan import planning
    from bench.store.results import load_results

    folder = run_folder(run, results_dir)
    results = load_results(folder)
    world = verifying_world(
        results.cells["model"],
        data_dir,
        cache_dir or planning.default_cache_dir(),
        device.value,
        trust_remote_code or (),
    )
    with make_display(display.value if display else None).board(cells) as board:
        checks = verify.verify(folder, results, world, board, cells, seed)
    echo_table(("", "cell", "", ""), [(c.verdict, c.cell, c.label, c.detail) for c in checks])
    counts = Counter(check.verdict for check in checks)
    echo(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "no cell has kept a checkpoint")
    raise typer.Exit(0 if verify.all_agree(checks) else 1)


@app.command("list")
def list_command(kind: options.Listed, verbose: options.Verbose = False) -> None:
    """List methods, models, data sets, evaluators or presets."""
    from bench.cli import listing

    listing.show(kind.value, verbose)


@app.command("check")
def check_command(method: options.Method) -> None:
    """Check a method on tiny models of every architecture: state, resuming, isolation."""
    from bench.compute.conformance import check_method
    from bench.config.registry import methods

    registry = methods()
    registry.module(method)
    results = check_method(method, registry)
    rows = [("ok" if result.passed else "FAILED", result.name, result.detail) for result in results]
    echo_table(("", "check", ""), rows)
    failed = sum(not result.passed for result in results)
    echo(f"{len(results) - failed} of {len(results)} checks passed")
    raise typer.Exit(1 if failed else 0)


def main() -> None:
    """Entry point of the command."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tolerate(sys.stdout, sys.stderr)
    app(prog_name="bench")
