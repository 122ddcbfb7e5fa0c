"""Facts, loaded and checked, and the stream in which they are edited, step after step."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from bench.api import Fact
from bench.config.cell import Cell, Schedule
from bench.data import datasets
from bench.data.common import DataRequest, Dataset, LoadedData, check_enough, shuffled
from bench.data.passes import as_written
from bench.data.sources import facts_file
from bench.ground.errors import BenchError
from bench.ground.names import hint


def load(name: str, request: DataRequest) -> LoadedData:
    """Load facts: `request.per_language` in every language asked for.

    Raises:
        BenchError: unknown data set or language, missing or malformed files, or too few facts.
    """
    chosen = _of_languages(name, request.languages)
    loaded = chosen.load(replace(request, data_dir=datasets.data_folder(request.data_dir)))
    check_enough(name, loaded.facts, request.languages, request.per_language)
    return loaded


def _of_languages(name: str, languages: Iterable[str]) -> Dataset:
    chosen = datasets.dataset(name)
    for lang in languages:
        if lang not in chosen.languages:
            raise BenchError(f"{name} has no language {lang!r}{hint(lang, chosen.languages)}")
    return chosen


def all_of(name: str, seed: int) -> list[Fact]:
    """All facts of a file, in every language: the user's own in their order there, others as `seed` draws them.

    Raises:
        BenchError: it is no file of facts, or not as it should be.
    """
    reader = datasets.reader(name)
    if reader == name:
        raise BenchError(f"not a file of facts; they end in {' or '.join(facts_file.SUFFIXES)}", file=name)
    chosen = datasets.dataset(name)
    facts = chosen.load(DataRequest(chosen.languages, sys.maxsize, seed, parallel=False)).facts
    found = [fact for of_language in facts.values() for fact in of_language]
    if not found:
        raise BenchError("no facts are left after filtering", file=name)
    if reader == facts_file.LAYOUT:
        places = {key: place for place, key in enumerate(facts_file.read(Path(name).expanduser()))}
        found.sort(key=lambda fact: places[fact.request.fact_id, fact.request.lang])
    return found


PRACTISED = 10_000
"""Most facts per language that are practised on; only XFEVER has more."""


def practice(name: str, languages: Sequence[str], data_dir: Path | None) -> list[Fact]:
    """All facts to learn on, language after language; the same for every seed.

    Raises:
        BenchError: the data set has none, or not this language.
    """
    chosen = _of_languages(name, languages)
    if chosen.practice is None:
        raise BenchError(
            f"{name} has no facts to practise on, which are neither edited nor asked; a method learns on them"
        )
    request = DataRequest(tuple(languages), PRACTISED, 0, datasets.data_folder(data_dir), parallel=True)
    return [fact for facts in chosen.practice(request).values() for fact in facts]


def request_of(cell: Cell, data_dir: Path | None) -> DataRequest:
    """Which facts a cell edits."""
    plan = cell.schedule
    return DataRequest(plan.languages, plan.edits_per_language, cell.seed_for("data"), data_dir, plan.parallel)


@dataclass(frozen=True, slots=True)
class Step:
    """Facts that are edited together; steps, and passes over all facts, count from 1."""

    number: int
    facts: tuple[Fact, ...]
    turn: int = 1


@dataclass(frozen=True, slots=True)
class EditStream:
    """All steps of a run, in order. A fact edited in several languages is several records.

    A fact that is edited in several passes is one record: that of its last edit.
    """

    steps: tuple[Step, ...]

    @classmethod
    def build(
        cls,
        schedule: Schedule,
        facts: Mapping[str, Sequence[Fact]],
        seed: int,
        true: Mapping[tuple[str, str], str] | None = None,
    ) -> EditStream:
        """Lay facts out as a schedule says; those of languages that are not edited are left out.

        Within a language facts keep their order. "cycle" goes round the languages, one a step; "blocked"
        edits all facts of one language, then all of the next; "shuffled" puts all facts in an order drawn by
        `seed`. The last step of a language, or of a shuffled stream, may be smaller. Every pass has the same steps; see
        `bench.data.passes` for what even ones write, which `true` tells by language and fact id.

        Raises:
            BenchError: fewer facts than the schedule asks for, or none; or what was true is not told.
        """
        wanted = schedule.edits_per_language
        check_enough("the edit stream", facts, schedule.written, wanted)
        taken = {lang: list(facts[lang])[:wanted] for lang in schedule.written}
        size = schedule.batch_size
        if schedule.order == "shuffled":
            every = [fact for each in taken.values() for fact in each]
            batches = _chunks(shuffled(every, seed, "order"), size)
        else:
            by_language = [_chunks(each, size) for each in taken.values()]
            turns = zip(*by_language, strict=True) if schedule.order == "cycle" else by_language
            batches = [batch for turn in turns for batch in turn]
        laid = [(turn, batch) for turn in range(1, schedule.passes + 1) for batch in batches]
        if schedule.passes > 1:
            laid = [(turn, tuple(as_written(fact, turn, true or {}) for fact in batch)) for turn, batch in laid]
        return cls(tuple(Step(i, batch, turn) for i, (turn, batch) in enumerate(laid[: schedule.steps], start=1)))

    def __len__(self) -> int:
        return len(self.steps)

    def after(self, number: int) -> Iterator[Step]:
        """Steps that come after step `number`; 0 = all."""
        return iter(self.steps[number:])

    def seen(self, number: int) -> tuple[Fact, ...]:
        """Facts of steps 1 to `number` as they were edited last, in the order of their first edits."""
        found: dict[int, Fact] = {}
        for _, steps in groupby(self.steps[:number], key=lambda step: step.turn):
            # every pass has the same facts in the same places
            found.update(enumerate(fact for step in steps for fact in step.facts))
        return tuple(found.values())

    def edits(self) -> tuple[Fact, ...]:
        """Every edit, in order."""
        return tuple(fact for step in self.steps for fact in step.facts)


def _chunks(facts: Sequence[Fact], size: int) -> list[tuple[Fact, ...]]:
    return [tuple(facts[start : start + size]) for start in range(0, len(facts), size)]
