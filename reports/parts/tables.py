"""A table as a value; `reports.documents.tables` writes it in every format."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DASH = "–"

Rank = Literal["best", "second"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in csv files.
        title: its name for people.
        kind: "text", "number", or "spread" for a mean with a standard deviation.
        digits: decimals shown; csv files keep four more.
    """

    key: str
    title: str
    kind: Literal["text", "number", "spread"] = "spread"
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A number, or a text where there is none.

    Attributes:
        marks: signs after the number, as "*" or "†"; the table's notes say what they mean.
        link: address, relative to the document, that the text leads to where a format has links; "" for none.
        code: stands for the text where no font has its letters; "" for none.
    """

    text: str = ""
    mean: float | None = None
    std: float | None = None
    rank: Rank | None = None
    marks: str = ""
    link: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Header, rows, and what is said above and below them.

    Attributes:
        name: stem of its files.
        label: stands before the caption where the format does not number tables itself.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    notes: tuple[str, ...] = ()
    label: str = ""

    @property
    def heading(self) -> str:
        """Label and caption."""
        return f"{self.label}. {self.caption}" if self.label and self.caption else self.label or self.caption

    def wraps(self, i: int) -> bool:
        """Whether a column holds texts, not names or numbers, so that its lines should be broken."""
        return self.columns[i].kind == "text" and any(text_width(row[i].text) > 36 for row in self.rows)


def ranks(values: Sequence[float | None], digits: int = 2) -> list[Rank | None]:
    """Best and second among numbers as they are shown, so that what looks equal is marked equally.

    A single number is no contest and gets no mark.
    """
    shown = [None if value is None else round(value, digits) for value in values]
    numbers = [value for value in shown if value is not None]
    if len(numbers) < 2:
        return [None] * len(shown)
    top = sorted(set(numbers), reverse=True)[:2]
    names: tuple[Rank, Rank] = ("best", "second")
    return [names[top.index(value)] if value in top else None for value in shown]


def number(value: float, digits: int) -> str:
    """Fixed decimals, never "-0.00"."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def p_text(value: float | None) -> str:
    """A p value for people."""
    if value is None:
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def text_width(text: str) -> int:
    """Columns that a text takes in a terminal; Chinese takes two a character."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
