"""A table in every format: csv for programs, Markdown, LaTeX and typst for people.

Texts in a `Table` are plain; each writer escapes what its format would misread.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence

from reports.parts.fonts import visible
from reports.parts.tables import Cell, Column, Table, number, text_width

LONG = 40
"""Rows from which on a LaTeX table runs over pages."""

SIZES, SMALLER = (8.5, 7.5, 6.5), (6.0, 5.5)
"""Text sizes of typst tables in points; the smaller ones only where the page is turned already."""

UPRIGHT, SIDEWAYS = 499, 746
"""Points between the margins of the page, and of the page turned."""

LETTER = 0.5
"""Width of a letter, of the text size."""


def to_csv(table: Table) -> str:
    """Numbers and standard deviations in columns of their own; a gap stays the dash it is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] = []
    for column in table.columns:
        header += [column.key, f"{column.key}_std", f"{column.key}_mark"] if column.kind == "spread" else [column.key]
    writer.writerow(header)
    for row in table.rows:
        fields: list[str] = []
        for column, cell in zip(table.columns, row, strict=True):
            digits = column.digits + 4
            fields.append(visible(cell.text) if cell.mean is None else number(cell.mean, digits))
            if column.kind == "spread":
                fields.append("" if cell.std is None else number(cell.std, digits))
                fields.append(" ".join(part for part in (cell.rank, cell.marks) if part))
        writer.writerow(fields)
    return out.getvalue()


def to_markdown(table: Table) -> str:
    """A table that GitHub shows, best bold and second underlined."""

    def shown(cell: Cell, column: Column) -> str:
        text = _styled(cell, column, markdown_text, "**{}**", "<ins>{}</ins>", "{}")
        return f"[{text}]({cell.link})" if cell.link else text

    return _markdown(table, shown, markdown_text)


def to_text(table: Table) -> str:
    """The same for terminals: **best**, _second_."""
    text = _markdown(table, lambda cell, column: _styled(cell, column, visible, "**{}**", "_{}_", "{}"), visible)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def to_tex(table: Table) -> str:
    """A LaTeX table; needs the packages booktabs, graphicx and, for many rows, longtable."""
    styles = (r"\textbf{{{}}}", r"\underline{{{}}}", r"\textsuperscript{{{}}}")
    body = [[_styled(cell, column, tex_text, *styles) for cell, column in _pairs(table, row)] for row in table.rows]
    head = [tex_text(column.title) for column in table.columns]
    shape = "".join(_tex_column(table, i) for i in range(len(table.columns)))
    caption = tex_text(" ".join(part for part in (table.caption, *table.notes) if part))
    named = [rf"\caption{{{caption}}}"] if caption else []
    named.append(rf"\label{{tab:{re.sub(r'[^A-Za-z0-9.+-]', '-', table.name)}}}")
    return "\n".join(_tex_lines(shape, _tex_row(head), [_tex_row(row) for row in body], named)) + "\n"


def _tex_lines(shape: str, head: str, body: list[str], named: list[str]) -> list[str]:
    rows = [r"\midrule", *body, r"\bottomrule"]
    if len(body) > LONG:
        named[-1] += r" \\"
        top = [*named, r"\toprule", head, r"\midrule", r"\endhead"]
        lines = [rf"\begin{{longtable}}{{{shape}}}", *top, *rows[1:], r"\end{longtable}"]
        return [r"\begingroup\scriptsize", *lines, r"\endgroup"]
    inner = [rf"\begin{{tabular}}{{{shape}}}", r"  \toprule", f"  {head}", *(f"  {row}" for row in rows)]
    # no wider than the text
    fitted = [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", *inner, r"\end{tabular}}"]
    return [r"\begin{table}[htbp]", r"  \centering", *(f"  {line}" for line in (*named, *fitted)), r"\end{table}"]


def _tex_row(texts: Sequence[str]) -> str:
    # after the \\ of the row before, a bracket or a star would be its argument
    guard = "{}" if texts[0].startswith(("[", "*")) else ""
    return rf"{guard}{' & '.join(texts)} \\"


def _tex_column(table: Table, i: int) -> str:
    if table.columns[i].kind != "text":
        return "r"
    return r"p{0.5\linewidth}" if table.wraps(i) else "l"


def to_typst(table: Table, title: str = "") -> str:
    """A call of the template's ``data-table``; texts are string literals, so nothing in them is markup.

    What is too wide for the page is set smaller, and on a page of its own that lies on its side if that is not enough.

    Args:
        table: what is shown.
        title: a call that stands before it, on the same page; "" for none.
    """
    cells = [
        _styled(cell, column, _unbroken if column.kind != "text" else typst_string, "strong({})", "underline({})",
                "super({})", join=" + ")
        for row in table.rows
        for cell, column in _pairs(table, row)
    ]  # fmt: skip
    size, sideways = _fit(table)
    align = ", ".join("left" if column.kind == "text" else "right" for column in table.columns)
    widths = ", ".join("1fr" if table.wraps(i) else "auto" for i in range(len(table.columns)))
    call = (
        f"data-table(\n  caption: {typst_string(table.heading)},\n"
        f"  notes: ({''.join(typst_string(note) + ', ' for note in table.notes)}),\n  size: {size}pt,\n"
        f"  align: ({align},),\n  widths: ({widths},),\n"
        f"  header: ({''.join(typst_string(column.title) + ', ' for column in table.columns)}),\n"
        f"  {', '.join(cells)}\n)"
    )
    calls = [title, call] if title else [call]
    return f"#sideways({{ {'; '.join(calls)} }})\n" if sideways else "".join(f"#{each}\n\n" for each in calls)


def _unbroken(text: str) -> str:
    return typst_string(text.replace(" ", "\u00a0"))


def _fit(table: Table) -> tuple[float, bool]:
    """Text size and whether to turn the page, from the longest words and numbers."""
    needed = 0.0
    for i, column in enumerate(table.columns):
        shown = [_plain(row[i], column) for row in table.rows]
        longest = max((text_width(text) for text in shown), default=0)
        words = max(map(text_width, column.title.split()), default=0)
        needed += max(words, min(longest, 30) if table.wraps(i) else longest)
    for sideways, room in ((False, UPRIGHT), (True, SIDEWAYS)):
        for size in SIZES if not sideways else (*SIZES, *SMALLER):
            if needed * size * LETTER + 10 * len(table.columns) <= room:
                return size, sideways
    return SMALLER[-1], True


def _plain(cell: Cell, column: Column) -> str:
    return _styled(cell, column, str, "{}", "{}", "{}")


def typst_string(text: str) -> str:
    """A typst string literal."""
    return json.dumps(visible(text), ensure_ascii=False)


def _pairs(table: Table, row: Sequence[Cell]) -> list[tuple[Cell, Column]]:
    return list(zip(row, table.columns, strict=True))


def _styled(
    cell: Cell, column: Column, escape: Callable[[str], str], bold: str, underline: str, above: str, join: str = ""
) -> str:
    if cell.mean is None:
        return escape(cell.text)
    style = {"best": bold, "second": underline, None: "{}"}[cell.rank]
    parts = [style.format(escape(number(cell.mean, column.digits)))]
    if cell.std is not None:
        parts.append(escape(f" ± {number(cell.std, column.digits)}"))
    if cell.marks:
        parts.append(above.format(escape(cell.marks)))
    return join.join(parts)


def _markdown(table: Table, show: Callable[[Cell, Column], str], escape: Callable[[str], str]) -> str:
    texts = [[escape(column.title) for column in table.columns]]
    texts += [[show(cell, column) for cell, column in _pairs(table, row)] for row in table.rows]
    widths = [max(3, *(text_width(row[i]) for row in texts)) for i in range(len(table.columns))]
    left = [column.kind == "text" for column in table.columns]

    def line(row: Sequence[str]) -> str:
        gaps = [" " * (width - text_width(text)) for text, width in zip(row, widths, strict=True)]
        padded = (t + gap if is_left else gap + t for t, gap, is_left in zip(row, gaps, left, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = [f":{'-' * (w - 1)}" if is_left else f"{'-' * (w - 1)}:" for w, is_left in zip(widths, left, strict=True)]
    lines = [line(texts[0]), f"| {' | '.join(rule)} |", *map(line, texts[1:])]
    above = [escape(table.heading), ""] if table.heading else []
    below = ["", *(f"{escape(note)}  " for note in table.notes)] if table.notes else []
    return "\n".join([*above, *lines, *below]).rstrip() + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", visible(text))


def markdown_text(text: str) -> str:
    """Text in which GitHub sees no markup."""
    return re.sub(r"([\\`*_|<>\[\]$~]|&(?=#?\w+;))", r"\\\1", _one_line(text))


_TEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "†": r"$\dagger$", "–": "--", "−": "$-$",
    "·": r"$\cdot$", "×": r"$\times$", "…": r"\ldots{}", **{char: f"\\{char}" for char in "&%$#_{}"},
}  # fmt: skip


def tex_text(text: str) -> str:
    """Text in which LaTeX sees no command."""
    return "".join(_TEX.get(char, char) for char in _one_line(text))
