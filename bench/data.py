"""Data sets by name, and the stream in which their facts are edited.

A data set is known by name (`datasets`), or is the path of a file of the user's own facts, whose layout
`bench.sources.facts_file` describes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.api import Fact
from bench.ground.digests import content_digest
from bench.ground.errors import BenchError
from bench.ground.names import hint, unknown
from bench.sources import cldr, counterfact, facts_file, mlake, mzsre, zsre
from bench.sources.common import AlignmentCount, DataRequest, Dataset, LoadedData, shuffled
from bench.spec.cell import Cell, Schedule

__all__ = [
    "AlignmentCount",
    "DataRequest",
    "Dataset",
    "EditStream",
    "LoadedData",
    "Step",
    "data_folder",
    "dataset",
    "datasets",
    "fingerprint",
    "load",
    "reader",
    "request_of",
]

DATA_DIR_VARIABLE = "BENCH_DATA_DIR"
OWN_FACTS = "facts file"


def datasets() -> dict[str, Dataset]:
    """The known data sets by name."""
    known = (cldr.DATASET, *mzsre.DATASETS, zsre.DATASET, counterfact.DATASET, mlake.DATASET)
    return {each.name: each for each in known}


def dataset(name: str) -> Dataset:
    """Find a data set by name, or read a ``.jsonl`` or ``.json`` file of facts.

    Raises:
        BenchError: no such data set, or the file is not as it should be.
    """
    path = Path(name).expanduser()
    if path.suffix in facts_file.SUFFIXES:
        return _own_facts(name, path)
    known = datasets()
    if name not in known:
        raise unknown("data set", name, known)
    return known[name]


def load(name: str, request: DataRequest) -> LoadedData:
    """Load facts: `request.per_language` in every language asked for.

    Raises:
        BenchError: unknown data set or language, missing or malformed files, or too few facts.
    """
    chosen = dataset(name)
    for lang in request.languages:
        if lang not in chosen.languages:
            raise BenchError(f"{name} has no language {lang!r}{hint(lang, chosen.languages)}")
    loaded = chosen.load(replace(request, data_dir=data_folder(request.data_dir)))
    _check_enough(name, loaded.facts, request.languages, request.per_language)
    return loaded


def request_of(cell: Cell, data_dir: Path | None) -> DataRequest:
    """Which facts a cell edits."""
    plan = cell.schedule
    return DataRequest(plan.languages, plan.edits_per_language, cell.seed_for("data"), data_dir, plan.parallel)


def fingerprint(name: str, data_dir: Path | None = None) -> str:
    """Hash what the facts of a data set are made from.

    Raises:
        BenchError: as `load`.
    """
    return dataset(name).fingerprint(data_folder(data_dir))


def reader(name: str) -> str:
    """What makes facts of a data set's files: its own name, or that of the format where the name is a path."""
    return OWN_FACTS if Path(name).suffix in facts_file.SUFFIXES else name


def data_folder(given: Path | None = None) -> Path | None:
    """The data folder: as given, else from the environment variable BENCH_DATA_DIR, else none.

    Raises:
        BenchError: it does not exist.
    """
    named = given or os.environ.get(DATA_DIR_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise BenchError("the data folder does not exist", file=folder)
    return folder


def _check_enough(name: str, facts: Mapping[str, Sequence[Fact]], languages: Sequence[str], wanted: int) -> None:
    """Refuse a request that cannot be met."""
    have = {lang: len(facts.get(lang, ())) for lang in languages}
    if not any(have.values()):
        raise BenchError(f"{name}: no facts are left after filtering")
    short = [f"{count} in {lang!r}" for lang, count in have.items() if count < wanted]
    if short:
        raise BenchError(f"{name}: {wanted} facts per language asked for, but there are {', '.join(short)}")


def _own_facts(name: str, path: Path) -> Dataset:
    facts = facts_file.read(path)
    return Dataset(
        name=name,
        languages=tuple(dict.fromkeys(lang for _, lang in facts)),
        licence="the user's",
        citation="",
        source=str(path),
        what=f"{len(facts)} facts",
        load=lambda request: facts_file.choose(facts, request),
        fingerprint=lambda _: content_digest(path),
    )


# ---------------------------------------------------------------------------- the edit stream
@dataclass(frozen=True, slots=True)
class Step:
    """Facts that are edited together; steps count from 1."""

    number: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class EditStream:
    """All steps of a run, in order. A fact edited in several languages is several records."""

    steps: tuple[Step, ...]

    @classmethod
    def build(cls, schedule: Schedule, facts: Mapping[str, Sequence[Fact]], seed: int) -> EditStream:
        """Lay facts out as a schedule says; those of languages that are not edited are left out.

        Within a language facts keep their order. "cycle" goes round the languages, one a step; "blocked"
        edits all facts of one language, then all of the next; "shuffled" puts all facts in an order drawn by
        `seed`. The last step of a language, or of a shuffled stream, may be smaller.

        Raises:
            BenchError: fewer facts than the schedule asks for, or none.
        """
        wanted = schedule.edits_per_language
        _check_enough("the edit stream", facts, schedule.written, wanted)
        taken = {lang: list(facts[lang])[:wanted] for lang in schedule.written}
        size = schedule.batch_size
        if schedule.order == "shuffled":
            every = [fact for each in taken.values() for fact in each]
            batches = _chunks(shuffled(every, seed, "order"), size)
        else:
            by_language = [_chunks(each, size) for each in taken.values()]
            turns = zip(*by_language, strict=True) if schedule.order == "cycle" else by_language
            batches = [batch for turn in turns for batch in turn]
        steps = (Step(number, batch) for number, batch in enumerate(batches[: schedule.steps], start=1))
        return cls(tuple(steps))

    def __len__(self) -> int:
        return len(self.steps)

    def after(self, number: int) -> Iterator[Step]:
        """Steps that come after step `number`; 0 = all."""
        return iter(self.steps[number:])

    def seen(self, number: int) -> tuple[Fact, ...]:
        """Facts of steps 1 to `number`, in the order of editing."""
        return tuple(fact for step in self.steps[:number] for fact in step.facts)


def _chunks(facts: Sequence[Fact], size: int) -> list[tuple[Fact, ...]]:
    return [tuple(facts[start : start + size]) for start in range(0, len(facts), size)]
