"""``bench show``: what the models of a run said, before any edit and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from bench.cli import completion, options
from bench.cli.echo import echo, echo_wrapped
from bench.cli.folders import readable, run_place

if TYPE_CHECKING:
    import pandas as pd

Method = Annotated[str | None, Option(help="Only this method.", autocompletion=completion.method)]
Lang = Annotated[str | None, Option(help="Only questions or edits in this language.")]
Fact = Annotated[str | None, Option(help="Only this fact, by its id.")]
Failed = Annotated[bool, Option("--failed", help="Only answers that are not wholly right.")]
Csv = Annotated[Path | None, Option("--csv", metavar="FILE", help="Write the table to a file instead.")]

SHOWN = {
    "fact": "fact",
    "kind": "kind",
    "prompt": "prompt",
    "target": "target",
    "method": "method",
    "before": "before",
    "answer": "now",
    "value": "score",
}
"""Columns of the table, and what stands over them."""

TELLING = {"model": "model", "data": "data", "order": "order", "edited": "edited", "seed": "seed", "protocol": "asked"}
"""Columns that are shown where they differ."""


def show_command(
    run: options.ReadRun,
    method: Method = None,
    lang: Lang = None,
    fact: Fact = None,
    failed: Failed = False,
    csv: Csv = None,
    results_dir: options.ResultsDir = Path("results"),
) -> None:
    """Show what the models of a run answered, the methods beneath each other, as of the last step.

    Wrong answers are all there, right ones as far as they were kept; see bench run --answers.
    """
    from bench.ground.atomic import write_text
    from bench.store.looking import Wanted, answers_of
    from bench.store.results import load_results

    with readable([run_place(run, results_dir)]) as (folder,):
        rows = answers_of(folder, load_results(folder), Wanted(method, lang, fact, failed))
    right = int((rows["value"] == 1).sum())
    if csv:
        write_text(csv, rows.drop(columns="aliases").to_csv(index=False, lineterminator="\n"))
    elif len(rows):
        _print(rows)
    echo(f"{len(rows)} answers, {right} wholly right{f'; written to {csv}' if csv else ''}")


def _print(rows: pd.DataFrame) -> None:
    from bench.store.looking import percent

    columns = {name: title for name, title in TELLING.items() if rows[name].nunique() > 1} | SHOWN
    shown = rows.assign(
        kind=rows["kind"] + " " + rows["edit_lang"] + "→" + rows["probe_lang"],
        value=rows["value"].map(percent).map("{} %".format),
    )
    echo_wrapped(list(columns.values()), shown[list(columns)].to_numpy().tolist())
