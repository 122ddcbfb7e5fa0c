"""``bench data``: what a file of facts holds, downloads, the floor of XTREME scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from bench.cli import options
from bench.cli.echo import complain, echo, echo_table
from bench.ground.errors import BenchError, one_line

if TYPE_CHECKING:
    from bench.data.common import AlignmentCount, Checked

ALIGNED = ("exact", "casefold", "english", "closest")
SEARCHED = ("quoted", "named", "alike", "recurring", "framed")
"""Rules by which subjects are found that a record names, and that it does not name."""

app = typer.Typer(no_args_is_help=True, help="Check files of facts, download data sets.")

File = Annotated[Path, Argument(metavar="FILE", help="A .json or .jsonl file of any known layout.", show_default=False)]
Shown = Annotated[int, Option("--show", min=0, help="So many random alignments per language.")]
Seed = Annotated[int, Option(help="Draws the alignments shown.")]
Name = Annotated[str, Argument(metavar="NAME", help="A data set's name.", show_default=False)]
From = Annotated[str | None, Option("--from", help="A repository of data sets on the hub, or a folder like one.")]
Source = Annotated[str, Argument(metavar="SOURCE", help="mini, xtreme, xtreme_langedit or hub.", show_default=False)]
Limit = Annotated[int, Option(min=1, help="Items per task and language.")]
Revision = Annotated[str | None, Option(help="Its commit.")]


@app.command("check")
def check_command(file: File, show: Shown = 0, seed: Seed = 0) -> None:
    """Say what a file holds: records per language, how subjects were aligned, what is dropped, every problem."""
    from bench.data import datasets
    from bench.data.sources.check import against_description, check
    from bench.data.spans import in_words

    checked = check(file)
    known = against_description(file, datasets.datasets().values())
    echo(f"{file}: {checked.layout}{f', {known}' if known else ''}")
    show_counts(checked.counts)
    for line in in_words({lang: each for lang, each in checked.reliability.items() if lang in checked.examples}):
        echo(f"right when looked at by eye: {line}")
    for lang, lines in sampled(checked, show, seed):
        echo(f"\n{lang}")
        for line in lines:
            echo(f"  {one_line(line)}")
    for problem in checked.problems:
        complain(problem)
    if checked.problems:
        raise typer.Exit(2)


def show_counts(counts: Iterable[AlignmentCount]) -> None:
    """One line per language, and why records are dropped."""
    counts = list(counts)
    searched = any(getattr(each, rule) for each in counts for rule in SEARCHED)
    rules = SEARCHED if searched else ALIGNED
    rows: list[tuple[object, ...]] = []
    for each in counts:
        share = f"{each.kept / each.read:.1%}" if each.read else "-"
        tried = [getattr(each, rule) for rule in rules]
        reasons = ", ".join(f"{reason}: {count}" for reason, count in [*each.dropped.items(), *each.unasked.items()])
        rows.append((each.lang, each.read, *tried, each.kept, share, each.rephrase_equal, reasons))
    echo_table(("language", "records", *rules, "kept", "", "rephrase = prompt", "dropped"), rows)


def sampled(checked: Checked, count: int, seed: int) -> Iterable[tuple[str, list[str]]]:
    """Random alignments by language, the subject in double square brackets."""
    from bench.data.common import shuffled

    for lang, examples in checked.examples.items() if count else ():
        lines = []
        for prompt, (start, end, how) in ((each.prompt, each.span) for each in shuffled(examples, seed, lang)[:count]):
            lines.append(f"{how:9} {prompt[:start]}[[{prompt[start:end]}]]{prompt[end:]}")
        yield lang, lines


@app.command("floor")
def floor_command(source: Source, data_dir: options.DataDir = None, limit: Limit = 100) -> None:
    """Say what a model scores on XTREME items that answers nothing: the floor under every XTREME F1, in percent."""
    from bench.config.registry import evaluators
    from bench.data import datasets

    floor = evaluators().module("xtreme").floor(source, datasets.data_folder(data_dir), limit)
    langs = list(dict.fromkeys(lang for _, _, lang in floor.values))
    tasks = dict.fromkeys((protocol, task) for protocol, task, _ in floor.values)
    rows = [
        (*key, *(f"{100 * floor.values[*key, lang]:.2f}" if (*key, lang) in floor.values else "-" for lang in langs))
        for key in tasks
    ]
    echo_table(("protocol", "task", *langs), rows)
    for protocol in dict.fromkeys(protocol for protocol, _ in tasks):
        echo(f"{protocol}: mean over tasks of the mean over languages {100 * floor.average(protocol):.2f}")


@app.command("fetch")
def fetch_command(name: Name, data_dir: options.DataDir = None, source: From = None, revision: Revision = None) -> None:
    """Download a data set into the data folder, or say which files to place there."""
    from bench.data import datasets
    from bench.data.sources.hub import fetch
    from bench.ground.names import unknown

    known = datasets.datasets()
    if name not in known:
        raise unknown("data set", name, known)
    chosen = known[name]
    if not chosen.files:
        echo(f"{name} is embedded; there is nothing to fetch")
        return
    folder = _folder(data_dir)
    written = fetch(chosen, folder, source, revision)
    echo("\n".join(f"wrote {path}" for path in written) or f"{name} is already in {folder}")


def _folder(given: Path | None) -> Path:
    from bench.data.datasets import DATA_DIR_VARIABLE, data_folder

    folder = data_folder(given)
    if folder is None:
        raise BenchError(f"give the data folder with --data-dir or {DATA_DIR_VARIABLE}")
    return folder
