"""What a report is made of; writers of each format read nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from reports.parts.tables import Table


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure.

    Attributes:
        stem: of its files, `stem`.png and `stem`.svg beside the report; unique within a run.
        caption: what a reader needs to read it, one or two sentences.
        alt: what it shows, for those who do not see it.
        figure: drawn, not yet written.
        label: stands before the caption, as "Figure 2".
    """

    stem: str
    caption: str
    alt: str
    figure: Figure
    label: str = ""

    @property
    def heading(self) -> str:
        """Label and caption."""
        return f"{self.label}. {self.caption}" if self.label else self.caption


Part = Table | Picture | str | tuple[str, ...]
"""A tuple of texts is a list."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with tables, pictures and paragraphs in order.

    Attributes:
        tables: further tables that go to csv files only; one of a shown table's name takes its place there.
    """

    title: str
    parts: tuple[Part, ...]
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A run, a setting of a run, or the whole report.

    Attributes:
        headline: one line under the title; "" for none.
        items: sections and chapters in order.
    """

    title: str
    headline: str
    items: tuple[Section | Chapter, ...]

    def walk(self, level: int = 1) -> Iterator[tuple[int, Section | Chapter]]:
        """All that is below, in order, with the level of its heading."""
        for item in self.items:
            yield level, item
            if isinstance(item, Chapter):
                yield from item.walk(level + 1)

    def sections(self) -> Iterator[Section]:
        """All sections, those of chapters within included."""
        return (item for _, item in self.walk() if isinstance(item, Section))
