"""``bench judge``: what a judge outside of the benchmark is asked about a run's answers, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from bench.cli import options
from bench.cli.echo import echo, echo_table
from bench.cli.folders import readable, run_folder, run_place
from bench.ground.errors import BenchError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(no_args_is_help=True, help="Let others judge what the model said.")

Verdicts = Annotated[Path, Argument(metavar="FILE", help="Verdicts, one JSON object a line.", show_default=False)]
Requests = Annotated[Path | None, Option("--out", help="File; by default beside the run, RUN/judge-requests.jsonl.")]


@app.command("export")
def export_command(run: options.Run, out: Requests = None, results_dir: options.ResultsDir = Path("results")) -> None:
    """Write every answer that is to be judged, as JSON lines: question, gold, aliases, answer, language."""
    from bench.store import judging

    folder = run_folder(run, results_dir)
    answers = _answers(folder)
    path = out or folder / "judge-requests.jsonl"
    count = judging.write_requests(answers, path)
    echo(f"{count} requests for {len(answers)} answers written to {path}")


@app.command("import")
def import_command(run: options.Run, file: Verdicts, results_dir: options.ResultsDir = Path("results")) -> None:
    """Read verdicts into a run, as protocol judge:NAME, and say how far judges agree.

    A line holds id, verdict (true, false, "correct" or "incorrect"), judge, prompt_hash and date. A verdict that is
    anything else is missing, not wrong.
    """
    from bench.store import judging

    folder = run_folder(run, results_dir)
    answers = _answers(folder)
    for each in judging.import_verdicts(folder, answers, file):
        echo(f"{each.judge}: {each.given} verdicts, {each.missing} missing, {each.unasked} requests without one")
    _show_agreement(folder, answers)


@app.command("agreement")
def agreement_command(run: options.ReadRun, results_dir: options.ResultsDir = Path("results")) -> None:
    """Say how far judges agree with each other and with exact match: Krippendorff's alpha, over all and by language."""
    with readable([run_place(run, results_dir)]) as (folder,):
        _show_agreement(folder, _answers(folder))


def _answers(folder: Path) -> pd.DataFrame:
    from bench.store import judging
    from bench.store.results import load_results

    return judging.answers_of(folder, load_results(folder))


def _show_agreement(folder: Path, answers: pd.DataFrame) -> None:
    from bench.store import judging
    from bench.store.agreement import agreements

    judges = judging.verdicts(folder)
    if not judges:
        raise BenchError("no judge's verdicts; read them with: bench judge import", file=folder)
    rows = [
        (each.first, each.second, each.lang, each.count, "–" if each.alpha is None else f"{each.alpha:.3f}")
        for each in agreements(answers, judges)
    ]
    echo_table(("", "", "language", "answers", "alpha"), rows)
