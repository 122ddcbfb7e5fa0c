"""Tasks the model could do before: XNLI, PAWS-X, MLQA and WikiANN, few-shot, in up to six languages.

Run by lm-eval on the edited model in memory, from the task files in ``evaluators/tasks``. One run serves two protocols:
``langedit``, as published, see `evaluators._xtreme.langedit` for its oddities, and ``likelihood``, see
`evaluators._xtreme.likelihood`. Both take the same items and prompts; the average is the mean over tasks of the mean
over languages.

Items 0 to 9 of a file are the pool of examples, items 10 to 109 those that are asked (more with a higher limit).
Examples that do not fit the context beside the query and its answer are dropped, from the first that does
not, and counted. A query that is too long by itself loses its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.api import Context, Evaluator, Fact, Score, Scorer
from bench.ground.languages import primary_if_known
from bench.model.catalog import resolve
from evaluators._xtreme import langedit, likelihood
from evaluators._xtreme.items import MINI, ItemSet, fingerprint, item_sets
from evaluators._xtreme.protocol import Response, Verdict

if TYPE_CHECKING:
    from evaluators._xtreme.tasks import XtremeTask

PROTOCOLS = {langedit.NAME: langedit, likelihood.NAME: likelihood}

COUNTED = ("right", "gold", "said")
"""Of every class of an item; see `evaluators._xtreme.protocol.Counts`."""


class Config(BaseModel):
    """Options.

    Attributes:
        source: of the items; "auto" takes "mini" for the embedded model, which can do nothing else, else "xtreme".
        limit: most items per task and language, drawn by the cell's seed; 100 are the published ones.
        languages: only these; none means all that the source has.
        batch_size: prompts per forward; none means 16, and 32 for a small model in float32.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["auto", "mini", "xtreme", "xtreme_langedit", "hub"] = "auto"
    limit: int = Field(100, ge=1)
    languages: tuple[Annotated[str, AfterValidator(primary_if_known)], ...] = ()
    batch_size: int | None = Field(None, ge=1)


class Xtreme:
    """Scores a view of the model on all tasks; items are read once, and lm-eval's tasks built once in a process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sets: list[ItemSet] = []
        self._tasks: dict[str, XtremeTask] = {}

    def prepare(self, context: Context) -> None:
        """Read the items.

        Raises:
            BenchError: they are missing or bad.
        """
        config, source = self._config, self._source(context.model_name)
        self._sets = item_sets(source, context.data_dir, config.limit, config.languages or None, context.rng)

    def fingerprint(self, model_name: str, data_dir: Path | None) -> str:
        """Hash the items and the task files.

        Raises:
            BenchError: the source lacks a task.
        """
        return fingerprint(self._source(model_name), data_dir, self._config.languages or None)

    def _source(self, model_name: str) -> str:
        if self._config.source != "auto":
            return self._config.source
        return MINI if resolve(model_name).source == "embedded" else "xtreme"

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score]:
        """Rows per task, language and protocol.

        ``xtreme_f1``, of equal weight in all languages; ``xtreme_item`` of each item, whose fact is
        "task/language/id"; of each item and class ``xtreme_right:AVERAGE:CLASS``, ``xtreme_gold:...`` and
        ``xtreme_said:...``, the counts that the F1 is made of, so that it can be made again of other draws of items;
        ``xtreme_answered``, the share of responses that could be parsed; ``xtreme_dropped_shots``,
        how many examples did not fit, summed over items.

        Raises:
            BenchError: the items cannot be read.
        """
        from evaluators._xtreme import tasks
        from evaluators._xtreme.lm import SharedPrefixLM, quiet

        if not self._sets:
            self.prepare(context)
        with quiet():
            lm = SharedPrefixLM(view.hf, view.tokenizer, self._config.batch_size, view)
            if not self._tasks:
                self._tasks = tasks.build(self._sets, lm)
            results = tasks.run(lm, self._tasks)
        for name, task in self._tasks.items():
            yield from _rows(task, results["results"][name], results["samples"][name])


def _rows(task: XtremeTask, metrics: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> Iterator[Score]:
    form = task.form
    for protocol, rules in PROTOCOLS.items():
        verdicts: list[Verdict] = [sample[protocol] for sample in samples]
        totals = {
            "xtreme_f1": metrics[f"{protocol},none"],
            "xtreme_answered": fmean(verdict.answered for verdict in verdicts),
            "xtreme_dropped_shots": float(task.dropped_shots),
        }
        for metric, value in totals.items():
            yield Score(form.task, metric, protocol, "", form.lang, value)
        for sample, verdict in zip(samples, verdicts, strict=True):
            fact = f"{form.task}/{form.lang}/{sample['doc']['id']}"
            yield Score(fact, "xtreme_item", protocol, "", form.lang, verdict.value)
            for kind, counts in rules.counts(form.task, verdict).items():
                for name, count in zip(COUNTED, counts, strict=True):
                    metric = f"xtreme_{name}:{rules.average(form.task)}:{kind}"
                    yield Score(fact, metric, protocol, "", form.lang, float(count))


@dataclass(frozen=True, slots=True)
class Floor:
    """What a model scores that answers nothing.

    Attributes:
        values: F1 in [0, 1] by protocol, task and language.
    """

    values: Mapping[tuple[str, str, str], float]

    def average(self, protocol: str) -> float:
        """Mean over tasks of the mean over languages."""
        by_task: dict[str, list[float]] = {}
        for (name, task, _), value in self.values.items():
            if name == protocol:
                by_task.setdefault(task, []).append(value)
        return fmean(map(fmean, by_task.values()))


def floor(source: str, data_dir: Path | None, limit: int = 100) -> Floor:
    """Score empty answers; the first `limit` items of each task and language.

    Raises:
        BenchError: the items cannot be read.
    """
    values = {}
    for found in item_sets(source, data_dir, limit):
        form = found.form
        published = [langedit.judge(form, item, Response(""), str.split) for item in found.items]
        values[langedit.NAME, form.task, form.lang] = langedit.f1(form.task, published)
        ours = [likelihood.judge(form, item, Response("")) for item in found.items]
        values[likelihood.NAME, form.task, form.lang] = likelihood.f1(form.task, ours)
    return Floor(values)


def build(config: Config) -> Evaluator:
    """The XTREME tasks."""
    return Xtreme(config)
