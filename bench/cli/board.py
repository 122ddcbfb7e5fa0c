"""``bench board``: a leaderboard of many runs, as a static page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bench.cli import options
from bench.cli.echo import echo
from bench.config.rooms import room

Folder = Annotated[
    Path,
    Argument(metavar="DIR", help="Folder that holds packed runs (*.tar.zst) and folders of runs.", show_default=False),
]
Site = Annotated[Path, Option("--out", help="Folder for the pages; an earlier board there is replaced.")]


def board_command(folder: Folder, out: Site = Path("site"), display: options.Display = None) -> None:
    """Write a leaderboard of many runs: every number from the runs' own tables, with interval, n, protocol and rank.

    Runs that differ in what determines numbers never stand in one column. The page needs no network.
    """
    room("reports")
    from bench.cli.display import make_display
    from reports.board.site import INDEX, told, write_site

    shown = make_display(display.value if display else None)
    for line in told(write_site(folder, out, shown)):
        echo(line)
    echo(f"written to {out / INDEX}")
