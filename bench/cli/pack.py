"""``bench pack`` and ``bench unpack``: a run as one file, for others to read and check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bench.cli import options
from bench.cli.echo import echo
from bench.cli.folders import run_folder
from bench.config.rooms import room

FORMATS = ("md", "html", "csv")
"""Of the report in a pack; the others say the same."""

Pack = Annotated[Path, Argument(metavar="FILE", help="A packed run.", show_default=False)]
PackOut = Annotated[Path | None, Option("--out", help="File; by default beside the run, RUN.tar.zst.")]
UnpackOut = Annotated[Path | None, Option("--out", help="Folder; by default the run's name in the results folder.")]


def pack_command(run: options.Run, out: PackOut = None, results_dir: options.ResultsDir = Path("results")) -> None:
    """Put a run into one file: tables, records, report, and a hash of each.

    No checkpoints, no paths of this machine, no names of users. The same run gives the same bytes. Commands that only
    read a run, as report and compare, take the file in its place.
    """
    from bench.store import packing

    folder = run_folder(run, results_dir).absolute()
    file = out or folder.with_name(f"{folder.name}{packing.SUFFIX}")
    count = packing.pack(folder, file, _write_report)
    echo(f"{count} files, {file.stat().st_size:,} bytes written to {file}")


def _write_report(folder: Path, out: Path) -> None:
    room("reports")
    from reports.documents.document import read_report
    from reports.render import write_report

    write_report(read_report([folder]), out, FORMATS)


def unpack_command(file: Pack, out: UnpackOut = None, results_dir: options.ResultsDir = Path("results")) -> None:
    """Check a packed run and write its folder."""
    from bench.store import packing

    folder = packing.unpack(file, out, results_dir)
    echo(f"written to {folder}")
