"""File names that are unique and numbers that go through a whole report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reports.parts.sections import Chapter, Part, Picture, Section
from reports.parts.tables import Table

RESERVED = ("report", "compare")
"""Stems of the documents themselves."""


def renamed(section: Section, before: str = "", after: str = "") -> Section:
    """The section with `before` and `after` around the names of all its files."""

    def name(old: str) -> str:
        return f"{before}{old}{after}"

    def part(each: Part) -> Part:
        if isinstance(each, Table):
            return replace(each, name=name(each.name))
        return replace(each, stem=name(each.stem)) if isinstance(each, Picture) else each

    tables = tuple(replace(table, name=name(table.name)) for table in section.tables)
    return Section(section.title, tuple(map(part, section.parts)), tables)


def arranged(chapter: Chapter) -> Chapter:
    """The chapter with tables and figures numbered from its beginning to its end, no two files of one name."""
    return _Arranger().chapter(chapter)


@dataclass
class _Arranger:
    """Goes through a report once, counting."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    tables: int = 0
    figures: int = 0

    def chapter(self, chapter: Chapter) -> Chapter:
        items = (self.section(each) if isinstance(each, Section) else self.chapter(each) for each in chapter.items)
        return replace(chapter, items=tuple(items))

    def section(self, section: Section) -> Section:
        shown: dict[str, str] = {}
        parts = tuple(self.part(part, shown) for part in section.parts)
        tables = self.further(section.tables, shown)
        return Section(section.title, parts, tuple(tables))

    def part(self, part: Part, shown: dict[str, str]) -> Part:
        if isinstance(part, Table):
            self.tables += 1
            name = shown[part.name] = self.free(part.name, "table")
            return replace(part, name=name, label=f"Table {self.tables}")
        if isinstance(part, Picture):
            self.figures += 1
            return replace(part, stem=self.free(part.stem, "figure"), label=f"Figure {self.figures}")
        return part

    def further(self, tables: Iterable[Table], shown: dict[str, str]) -> Iterable[Table]:
        for table in tables:
            # the same numbers at length stand for the shown table, once
            known = shown.pop(table.name, None)
            yield replace(table, name=known or self.free(table.name, "table"))

    def free(self, name: str, kind: str) -> str:
        tries = [name, *(f"{name}-{number}" for number in range(2, 1000))]
        found = next(each for each in tries if each not in self.taken and f"{kind} {each}" not in self.taken)
        self.taken.add(f"{kind} {found}")
        return found
