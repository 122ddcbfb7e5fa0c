"""Records that have the texts of `bench.data.sources._zsre.Record`, matched across languages by their cases.

All layouts beside those of zsRE come to this: a subject is looked for in its prompt as in zsRE's and left out where it
is not sure, and every text is asked as it stands. Targets get one leading space unless the language is written without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.common import Checked, DataRequest, Dataset, LoadedData, text_problem
from bench.data.sources import zsre
from bench.data.sources._zsre import Record, Records
from bench.ground.digests import content_digest, digest
from bench.ground.errors import BenchError
from bench.ground.languages import spaceless

VERSION = "cases 1"
"""Part of fingerprints: raise it when the same files give other facts."""


@dataclass(frozen=True, slots=True)
class Cases:
    """What files of one layout hold.

    Attributes:
        folder: begins the fact ids; also the name of the layout.
        records: by language and case.
        problems: what is wrong with the records that are not there.
        spaced: every target gets a leading space, as in MzsRE.
    """

    folder: str
    records: Mapping[str, Mapping[str, Record]]
    problems: Sequence[BenchError] = ()
    spaced: bool = False

    def choose(self, request: DataRequest) -> LoadedData:
        """Align and draw.

        Raises:
            BenchError: a record is not as it should be.
        """
        if self.problems:
            raise self.problems[0]
        glued = frozenset(lang for lang in self.records if not self.spaced and spaceless(lang))
        return zsre.choose(self.folder, self._side_by_side(), request, self.names(), glued)

    def check(self) -> Checked:
        """What there is, aligned."""
        records = self._side_by_side()
        aligned = {lang: zsre.align_all(lang, records[lang], records["en"]) for lang in self.records}
        shown = {lang: zsre.examples(records[lang], spans) for lang, (spans, _) in aligned.items()}
        return Checked(self.folder, tuple(count for _, count in aligned.values()), tuple(self.problems), shown)

    def and_of(self, other: Cases) -> Cases:
        """These and those of a further file; of a case that both have in one language, these."""
        langs = dict.fromkeys((*self.records, *other.records))
        both = {lang: {**other.records.get(lang, {}), **self.records.get(lang, {})} for lang in langs}
        return replace(self, records=both, problems=(*self.problems, *other.problems))

    def names(self) -> list[str]:
        """All cases, those of the first language first."""
        return list(dict.fromkeys(case for each in self.records.values() for case in each))

    def _side_by_side(self) -> dict[str, Records]:
        """Records by language in the order of all cases, English always among them."""
        names = self.names()
        return {lang: [each.get(name) for name in names] for lang, each in {"en": {}, **self.records}.items()}


def case_of(item: Mapping[str, Any], path: Path, record: object) -> str:
    """What a record calls its case.

    Raises:
        BenchError: it does not, or not by a number or a text.
    """
    case = item.get("case_id")
    if not isinstance(case, int | str) or text_problem(str(case)):
        raise BenchError("neither a number nor a text", file=path, record=record, field="case_id")
    return str(case).strip()


def together(files: Sequence[Path], read: Callable[[Path], Cases], needed: Sequence[str]) -> Cases:
    """What several files hold.

    Raises:
        BenchError: one cannot be read, or a language is in none of them.
    """
    found = read(files[0])
    for path in files[1:]:
        found = found.and_of(read(path))
    for lang in needed:
        if lang not in found.records and not found.problems:
            raise BenchError(f"holds no language {lang!r}", file=files[0])
    return found


def of_files(folder: str, paths: Sequence[Path]) -> str:
    """Hash the files that are there."""
    return digest([path for path in paths if path.is_file()], folder, VERSION)


def of_file(cases: Cases, path: Path, known: Dataset | None = None) -> Dataset:
    """The facts of one file, wherever it lies, in the languages that it holds.

    Args:
        cases: what it holds.
        path: the file.
        known: the data set whose layout it is; None where a layout is no data set's.

    Raises:
        BenchError: the file is not as it should be.
    """
    if cases.problems:
        raise cases.problems[0]
    return Dataset(
        name=cases.folder,
        languages=tuple(cases.records),
        licence=known.licence if known else "the user's",
        citation=known.citation if known else "",
        source=str(path),
        what=known.what if known else f"{len(cases.names())} edits",
        load=cases.choose,
        fingerprint=lambda _: f"{content_digest(path)}/{VERSION}",
        selection="drawn by seed",
    )
