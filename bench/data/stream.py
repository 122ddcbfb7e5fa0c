"""The stream in which facts are edited, step after step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.api import Fact
from bench.config.cell import Schedule
from bench.data.common import check_enough, shuffled


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
