"""What `bench trace` measured, as a page, tables and pictures in its own folder."""

from __future__ import annotations

from pathlib import Path

from bench.ground.atomic import write_text
from reports.documents.markdown import part_markdown
from reports.documents.tables import to_csv, to_text
from reports.experiments.figure5 import advice, peaks, sections_of
from reports.numbers.traces import read
from reports.parts.sections import Picture
from reports.pictures.style import write_figure


def build(folder: Path) -> str:
    """Write trace.md, summary.csv and the pictures into the folder of a measurement.

    Returns:
        Table and advice for a terminal.
    """
    effects = read(folder)
    blocks = []
    for section in sections_of(effects):
        blocks.append(f"# {section.title}")
        for part in section.parts:
            if isinstance(part, Picture):
                write_figure(part.figure, folder / part.stem)
            blocks.append(part_markdown(part))
        for table in section.tables:
            write_text(folder / f"{table.name}.csv", to_csv(table))
    write_text(folder / "trace.md", "\n\n".join(block.strip() for block in blocks) + "\n")
    return f"{to_text(peaks(effects)).rstrip()}\n\n{advice(effects)}"
