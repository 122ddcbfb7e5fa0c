"""The report as one page that needs no other file and no network; tables can be sorted."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.parts.fonts import chinese_letters, visible
from reports.parts.sections import Chapter, Part, Picture, Section
from reports.parts.tables import Cell, Column, Table, number

FONT = "/* font */"
"""Where the template has the font, which is known when the page is."""

ANSWERS = "answers.html"
"""The page beside the report that shows what the models said."""

FACE = '@font-face {{ font-family: "Report SC"; src: url(data:font/otf;base64,{}) format("opentype"); }}'

NUMBER = re.compile(r"[-−]?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents with what it leads to."""

    anchor: str
    level: int
    title: str
    headline: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A cell of a table as the page shows it.

    Attributes:
        value: what to sort by; "" sorts last.
        link: that it leads to; "" for none.
    """

    shown: str
    spread: str
    marks: str
    rank: str
    value: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section; what its kind does not have is empty.

    Attributes:
        kind: "table", "picture", "text" or "list".
    """

    kind: str
    text: str = ""
    texts: tuple[str, ...] = ()
    name: str = ""
    source: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Field, ...], ...] = ()


def to_report_html(report: Chapter, folder: Path) -> str:
    """The whole report.

    Args:
        report: what to show.
        folder: that its pictures have been written to; they become part of the page. A page of answers that lies
            there is named.
    """
    entries = [_entry(f"s{i}", level, item, folder) for i, (level, item) in enumerate(report.walk(), start=1)]
    loader = PackageLoader("reports", "documents/templates")
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize
    )
    template = environment.get_template("report.html.j2")
    answers = ANSWERS if (folder / ANSWERS).is_file() else ""
    page = template.render(title=report.title, headline=report.headline, entries=entries, answers=answers)
    font = base64.b64encode(chinese_letters(page)).decode()
    return page.replace(FONT, FACE.format(font) if font else "", 1)


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def _entry(anchor: str, level: int, item: Section | Chapter, folder: Path) -> Entry:
    if isinstance(item, Chapter):
        return Entry(anchor, level, item.title, item.headline, ())
    return Entry(anchor, level, item.title, "", tuple(_block(part, folder) for part in item.parts))


def _block(part: Part, folder: Path) -> Block:
    if isinstance(part, Table):
        rows = tuple(tuple(map(_field, row, part.columns)) for row in part.rows)
        return Block("table", part.heading, part.notes, part.name, columns=part.columns, rows=rows)
    if isinstance(part, Picture):
        # as a file of its own in the page: names within several pictures cannot clash
        data = base64.b64encode((folder / f"{part.stem}.svg").read_bytes()).decode()
        return Block("picture", part.heading, name=part.alt, source=f"data:image/svg+xml;base64,{data}")
    return Block("text", part) if isinstance(part, str) else Block("list", texts=part)


def _field(cell: Cell, column: Column) -> Field:
    if cell.mean is None:
        value = _leading_number(cell.text) if column.kind != "text" else ""
        return Field(cell.text, "", "", "", value, cell.link)
    spread = "" if cell.std is None else f" ± {number(cell.std, column.digits)}"
    return Field(number(cell.mean, column.digits), spread, cell.marks, cell.rank or "", repr(float(cell.mean)))


def _leading_number(text: str) -> str:
    """The number that a text begins with, as "0.02 to 0.31"; "< 0.001" sorts before "0.001"."""
    if text.startswith("<"):
        found = NUMBER.search(text)
        return repr(float(found[0]) * (1 - 1e-9)) if found else ""
    found = NUMBER.match(text)
    return found[0].replace("−", "-") if found else ""
