"""Docstrings and tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

CODE = re.compile(r"(``?[^`]+``?)")
BAR = "&#124;"
ITEM = re.compile(r"^(\s*)([-*]|\d+\.) ")


def prose(docstring: str, links: dict[str, str] | None = None) -> str:
    """A docstring as Markdown: code and formulas stay as they are, `methods.name` becomes a link.

    Args:
        docstring: as `inspect.getdoc` gives it.
        links: addresses by the name in single backticks.
    """
    return "\n".join(line if line.startswith("    ") else _line(line, links or {}) for line in docstring.splitlines())


def _line(line: str, links: dict[str, str]) -> str:
    parts = CODE.split(line)
    return "".join(_code(part, links) if place % 2 else escaped(part) for place, part in enumerate(parts))


def _code(part: str, links: dict[str, str]) -> str:
    name = part.strip("`")
    return f"[`{name}`]({links[name]})" if name in links else f"`{name}`"


def escaped(text: str) -> str:
    """Text in which nothing is taken for a mark; the dash of a list's item stays one."""
    item = ITEM.match(text)
    head = item.group() if item else ""
    return head + re.sub(r"([\\*_\[\]])", r"\\\1", text[len(head) :]).replace("<", "&lt;").replace(">", "&gt;")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of cells in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, row)) + " |" for row in lines) + "\n"


def cell(value: object) -> str:
    """What can stand in a cell of a table."""
    return str(value).replace("\n", " ").replace("|", BAR)


def code(text: str) -> str:
    """Text as code, in a table too."""
    if BAR in text or "|" in text:
        return f"<code>{text.replace('|', BAR)}</code>"
    return f"`{text}`" if text else ""
