"""lm-eval tasks made of the files in ``evaluators/tasks`` and of items read by us; no data set is downloaded."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jieba
from datasets import Dataset, DatasetDict
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager

from bench.ground.errors import BenchError
from evaluators._xtreme import langedit, likelihood
from evaluators._xtreme.items import FOLDER, ItemSet
from evaluators._xtreme.lm import SharedPrefixLM
from evaluators._xtreme.protocol import PAIR_TASKS, Form, Item, Response, Segmenter, Verdict

PUBLISHED_CONTEXT = 4096
"""Most tokens in the published table of contexts; smaller models have less."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked about an item.

    Attributes:
        text: examples and query.
        shots: number of examples.
        lengths: of the label words after it, in tokens.
    """

    text: str
    shots: int
    lengths: tuple[int, ...]


class XtremeTask(ConfigurableTask):  # type: ignore[misc]
    """A task in one language: generation for all, log-likelihoods of the label words for XNLI and PAWS-X besides.

    Attributes:
        form: how it is asked.
    """

    form: Form

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def bind(self, form: Form, lm: SharedPrefixLM, segment: Segmenter) -> None:
        """Say how the task is asked, and of what model, so that examples that do not fit can be dropped."""
        self.form, self._segment = form, segment
        self._lm = lm
        self._room = min(PUBLISHED_CONTEXT, lm.max_length) - self.config.generation_kwargs["max_gen_toks"]
        self._prompts: dict[str, Prompt] = {}

    @property
    def dropped_shots(self) -> int:
        """How many examples did not fit, summed over items."""
        return sum(self.config.num_fewshot - prompt.shots for prompt in self._prompts.values())

    def build_all_requests(self, **_: Any) -> None:
        """Make the requests; prompts are rendered at the first call only."""
        name = self.config.task
        docs = enumerate(self.eval_docs)
        self._instances = [
            instance
            for doc_id, doc in docs
            for instance in self.construct_requests(doc, self.prompt_of(doc).text, metadata=(name, doc_id, 1))
        ]

    def prompt_of(self, doc: Item) -> Prompt:
        """The prompt of an item, with as many examples, from the first, as fit."""
        if doc["id"] not in self._prompts:
            try:
                self._prompts[doc["id"]] = self._fitting(doc)
            except BenchError as error:
                raise error.at(file=self.form.name, record=doc["id"]) from error
        return self._prompts[doc["id"]]

    def _fitting(self, doc: Item) -> Prompt:
        shots, text = 0, self.fewshot_context(doc, 0)
        # it is asked whether or not it fits
        self._lm.tok_encode(text)
        while shots < self.config.num_fewshot:
            longer = self.fewshot_context(doc, shots + 1)
            if len(self._lm.tok_encode(longer)) > self._room:
                break
            shots, text = shots + 1, longer
        return Prompt(text, shots, tuple(self._lm.count(text, word) for word in self._words()))

    def construct_requests(self, doc: Item, ctx: str, **kwargs: Any) -> list[Instance]:
        """One request to generate, and one per label word."""
        # lm-eval batches requests with equal options together: those that begin with the same examples
        options = {
            **copy.deepcopy(self.config.generation_kwargs),
            "begins_like": f"{self.form.name}/{self.prompt_of(doc).shots}",
            "words": self._words(),
        }
        requests = [Instance("generate_until", doc, (ctx, options), 0, **kwargs)]
        words = enumerate(self._words(), 1)
        return requests + [Instance("loglikelihood", doc, (ctx, word), i, **kwargs) for i, word in words]

    def process_results(self, doc: Item, results: Sequence[Any]) -> dict[str, Verdict]:
        """Verdicts of both protocols."""
        response = Response(results[0])
        if self.form.task in PAIR_TASKS:
            totals = [total for total, _ in results[1:]]
            negative, positive = (t / n for t, n in zip(totals, self.prompt_of(doc).lengths, strict=True))
            response = Response(results[0], (negative, positive))
        return {
            langedit.NAME: langedit.judge(self.form, doc, response, self._segment),
            likelihood.NAME: likelihood.judge(self.form, doc, response),
        }

    def aggregation(self) -> dict[str, Callable[[Sequence[Verdict]], float]]:
        """F1 of both protocols."""
        return {part.NAME: partial(part.f1, self.form.task) for part in (langedit, likelihood)}

    def higher_is_better(self) -> dict[str, bool]:
        """It is."""
        return {langedit.NAME: True, likelihood.NAME: True}

    def _words(self) -> list[str]:
        return [self.config.target_delimiter + word for word in self.form.words]


def build(sets: Sequence[ItemSet], lm: SharedPrefixLM) -> dict[str, XtremeTask]:
    """Tasks by name, for the tokenizer and the context of a model."""
    manager = TaskManager(include_path=str(FOLDER), include_defaults=False)
    members = [
        {
            "task": found.form.name,
            "class": XtremeTask,
            "custom_dataset": _splits(found),
            "num_fewshot": len(found.shots),
        }
        for found in sets
    ]
    tasks: dict[str, XtremeTask] = manager.load({"group": "xtreme", "task": members})["tasks"]
    segment = segmenter()
    for found in sets:
        tasks[found.form.name].bind(found.form, lm, segment)
    return tasks


def run(lm: SharedPrefixLM, tasks: Mapping[str, XtremeTask]) -> dict[str, Any]:
    """What lm-eval found: under "results" a mapping per task, under "samples" a list of them."""
    found: dict[str, Any] = evaluate(lm=lm, task_dict={"tasks": dict(tasks)}, bootstrap_iters=0)
    return found


def _splits(found: ItemSet) -> Callable[..., DatasetDict]:
    def make(**_: Any) -> DatasetDict:
        splits = {"shots": found.shots, "test": found.items}
        return DatasetDict({name: Dataset.from_list([dict(row) for row in rows]) for name, rows in splits.items()})

    return make


def segmenter() -> Segmenter:
    """Jieba with its own dictionary, neither read from nor written to the cache file it keeps by default."""
    logging.getLogger("jieba").setLevel(logging.ERROR)
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: Segmenter = tokenizer.lcut
    return cut
