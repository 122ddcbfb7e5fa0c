"""What a report is made of; writers of each format read nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from reports.tables import Table


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure.

    Attributes:
        stem: of its files, `stem`.png and `stem`.svg beside the report; unique within a run.
        caption: what a reader needs to read it, one or two sentences.
        alt: what it shows, for those who do not see it.
        figure: drawn, not yet written.
    """

    stem: str
    caption: str
    alt: str
    figure: Figure


Part = Table | Picture | str | tuple[str, ...]
"""A tuple of texts is a list."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with tables, pictures and paragraphs in order.

    Attributes:
        tables: further tables that go to csv files only.
    """

    title: str
    parts: tuple[Part, ...]
    tables: tuple[Table, ...] = ()
