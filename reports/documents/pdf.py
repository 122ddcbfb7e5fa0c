"""The report as typst source, and its PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import cast

import typst

from bench.ground.atomic import replacing
from reports.documents.tables import to_typst, typst_string
from reports.parts.fonts import chinese_font, has_letters
from reports.parts.sections import Chapter, Part, Picture, Section
from reports.parts.tables import Table

INCH = 2.54
TEXT_WIDTH, TEXT_HEIGHT = 17.6, 23.0
"""What a picture may fill of a page, in centimetres; a line is left for its caption."""


def to_report_typst(report: Chapter) -> str:
    """The whole report as typst source; its pictures are read from the folder it is compiled in."""
    blocks = [
        files("reports").joinpath("documents/templates/report.typ").read_text(encoding="utf-8"),
        f"#show: report.with(title: {typst_string(report.title)}, subtitle: {typst_string(report.headline)})",
    ]
    chapters = 0
    for level, item in report.walk():
        if isinstance(item, Chapter):
            chapters += 1
            blocks += ["#pagebreak(weak: true)"] if chapters > 1 and level == 1 else []
        title = f"heading(level: {level}, {typst_string(item.title)})"
        if isinstance(item, Section) and isinstance(first := next(iter(item.parts), None), Table):
            blocks += [to_typst(_as_shown(first), title), *_parts(item.parts[1:])]
        else:
            blocks.append(f"#{title}")
            if isinstance(item, Section):
                blocks += _parts(item.parts)
            elif item.headline:
                blocks.append(f"#par({typst_string(item.headline)})")
    return "\n\n".join(blocks) + "\n"


def write_pdf(source: str, path: Path) -> list[str]:
    """Compile typst source whose pictures lie beside `path`; fonts of the system are not used.

    Returns:
        The compiler's warnings.
    """
    font = chinese_font()
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[font.parent] if font else [])
    with replacing(path) as temporary:
        compiler = typst.Compiler(source.encode(), root=path.parent, font_paths=fonts)
        data, warnings = compiler.compile_with_warnings(format="pdf")
        temporary.write_bytes(cast("bytes", data))  # one document, hence no list
    return [warning.message for warning in warnings]


def _parts(parts: Sequence[Part]) -> list[str]:
    return [_part(part, after) for part, after in zip_longest(parts, parts[1:])]


def _part(part: Part, after: Part | None = None) -> str:
    if isinstance(part, Table):
        return to_typst(_as_shown(part))
    if isinstance(part, Picture):
        return (
            f"#picture(image({typst_string(f'{part.stem}.svg')}, width: {_width(part):.2f}cm, "
            f"alt: {typst_string(part.alt)}), {typst_string(part.heading)})"
        )
    if isinstance(part, str):
        # what introduces a picture stands on its page
        leads = str(isinstance(after, Picture)).lower()
        return f"#block(sticky: {leads}, par({typst_string(part)}))"
    return f"#list({', '.join(typst_string(text) for text in part)})"


def _width(picture: Picture) -> float:
    """Centimetres: as large as drawn, but no larger than the page."""
    width, height = (float(side) * INCH for side in picture.figure.get_size_inches())
    return width * min(1.0, TEXT_WIDTH / width, TEXT_HEIGHT / height)


def _as_shown(table: Table) -> Table:
    """The table with codes for the languages whose script no font has."""
    columns = tuple(c if has_letters(c.title) else replace(c, title=c.key) for c in table.columns)
    rows = tuple(
        tuple(replace(cell, text=cell.code) if cell.code and not has_letters(cell.text) else cell for cell in row)
        for row in table.rows
    )
    return replace(table, columns=columns, rows=rows)
