"""lm-eval tasks made of the files in ``evaluators/tasks`` and of items read by us; no data set is downloaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache, partial
from typing import Any

import jieba
from datasets import Dataset, DatasetDict
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager
from lm_eval.utils import env

from bench.ground.digests import digest
from bench.model.tokens import Tokens
from evaluators._xtreme import langedit, likelihood
from evaluators._xtreme.items import FOLDER, ItemSet
from evaluators._xtreme.lm import SharedPrefixLM
from evaluators._xtreme.prompts import Asked, Prompt, Wording, ask
from evaluators._xtreme.protocol import PAIR_TASKS, Form, Item, Response, Segmenter, Verdict

PUBLISHED_CONTEXT = 4096
"""Most tokens in the published table of contexts; smaller models have less."""

KEPT = 4
"""Sets of tasks that a process keeps, such as those of a grid's seeds where these draw different items."""


class XtremeTask(ConfigurableTask):  # type: ignore[misc]
    """A task in one language: generation for all, log-likelihoods of the label words for XNLI and PAWS-X besides.

    It knows a tokenizer, but no model, and serves all models that have this tokenizer and as much context.

    Attributes:
        form: how it is asked.
    """

    form: Form

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._templates: dict[str, Callable[[Item], str]] = {}
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def bind(self, form: Form, tokens: Tokens, context: int) -> None:
        """Say how the task is asked, and of what models, so that examples that do not fit can be dropped."""
        self.form, self._tokens = form, tokens
        self._room = min(PUBLISHED_CONTEXT, context) - self.config.generation_kwargs["max_gen_toks"]

    @property
    def dropped_shots(self) -> int:
        """How many examples did not fit, summed over items."""
        return sum(self.config.num_fewshot - prompt.shots for prompt in self.asked.prompts.values())

    @cached_property
    def items(self) -> list[Item]:
        """What is asked, read from its data set once."""
        return list(self.eval_docs)

    def doc_iterator(self, **_: Any) -> Iterator[tuple[int, Item]]:
        """All items and their places."""
        return enumerate(self.items)

    @cached_property
    def asked(self) -> Asked:
        """All prompts, rendered and turned into ids once.

        Raises:
            BenchError: the model does not know a token.
        """
        wording = Wording(self.form.name, self.fewshot_context, self.config.num_fewshot, self._room, self._words)
        return ask(self.items, wording, self._tokens)

    def prompt_of(self, doc: Item) -> Prompt:
        """The prompt of an item, with as many examples, from the first, as fit."""
        return self.asked.prompts[doc["id"]]

    def doc_to_text(self, doc: Item, doc_to_text: str | None = None) -> str:
        """As lm-eval, which compiles a template for every item: here each is compiled once."""
        source = doc_to_text or self.config.doc_to_text
        if source not in self._templates:
            template = env.from_string(source)
            self._templates[source] = lambda item: template.render(**item)
        text: str = super().doc_to_text(doc, self._templates[source])
        return text

    def build_all_requests(self, **_: Any) -> None:
        """Make the requests; prompts are those of the first call."""
        name = self.config.task
        self._instances = [
            instance
            for doc_id, doc in enumerate(self.items)
            for instance in self.construct_requests(doc, self.prompt_of(doc).text, metadata=(name, doc_id, 1))
        ]

    def construct_requests(self, doc: Item, ctx: str, **kwargs: Any) -> list[Instance]:
        """One request to generate, and one per label word."""
        # lm-eval batches requests with equal options together: those that begin with the same examples
        options = {
            **self.config.generation_kwargs,
            "begins_like": f"{self.form.name}/{self.prompt_of(doc).shots}",
            "words": self._words,
        }
        requests = [Instance("generate_until", doc, (ctx, options), 0, **kwargs)]
        words = enumerate(self._words, 1)
        return requests + [Instance("loglikelihood", doc, (ctx, word), i, **kwargs) for i, word in words]

    def forget(self) -> None:
        """Let go of a model's answers."""
        self._instances = []

    def process_results(self, doc: Item, results: Sequence[Any]) -> dict[str, Verdict]:
        """Verdicts of both protocols."""
        response = Response(results[0])
        if self.form.task in PAIR_TASKS:
            totals = [total for total, _ in results[1:]]
            negative, positive = (t / n for t, n in zip(totals, self.prompt_of(doc).lengths, strict=True))
            response = Response(results[0], (negative, positive))
        return {
            langedit.NAME: langedit.judge(self.form, doc, response, _segment),
            likelihood.NAME: likelihood.judge(self.form, doc, response),
        }

    def aggregation(self) -> dict[str, Callable[[Sequence[Verdict]], float]]:
        """F1 of both protocols."""
        return {part.NAME: partial(part.f1, self.form.task) for part in (langedit, likelihood)}

    def higher_is_better(self) -> dict[str, bool]:
        """It is."""
        return {langedit.NAME: True, likelihood.NAME: True}

    @property
    def _words(self) -> list[str]:
        return [self.config.target_delimiter + word for word in self.form.words]


@dataclass(frozen=True, slots=True)
class Exam:
    """All that the tasks are made of; two are equal where their contents are.

    Attributes:
        sets: what is asked.
        tokens: turn it into ids.
        context: most tokens of a prompt and its answer.
        contents: names the sets, the task files and the tokenizer.
    """

    sets: Sequence[ItemSet] = field(compare=False)
    tokens: Tokens = field(compare=False)
    context: int
    contents: str

    @classmethod
    def of(cls, sets: Sequence[ItemSet], tokens: Tokens, context: int) -> Exam:
        """Hash the contents."""
        return cls(sets, tokens, context, digest(FOLDER.glob("*.yaml"), repr(sets), *tokens.contents()))


def build(sets: Sequence[ItemSet], lm: SharedPrefixLM) -> dict[str, XtremeTask]:
    """Tasks by name, for the tokenizer and the context of a model; for one that has equal ones the same tasks."""
    return _built(Exam.of(sets, lm.tokens, lm.max_length))


@lru_cache(maxsize=KEPT)
def _built(exam: Exam) -> dict[str, XtremeTask]:
    manager = TaskManager(include_path=str(FOLDER), include_defaults=False)
    members = [
        {
            "task": found.form.name,
            "class": XtremeTask,
            "custom_dataset": _splits(found),
            "num_fewshot": len(found.shots),
        }
        for found in exam.sets
    ]
    tasks: dict[str, XtremeTask] = manager.load({"group": "xtreme", "task": members})["tasks"]
    for found in exam.sets:
        tasks[found.form.name].bind(found.form, exam.tokens, exam.context)
    return tasks


def run(lm: SharedPrefixLM, tasks: Mapping[str, XtremeTask]) -> dict[str, Any]:
    """What lm-eval found: under "results" a mapping per task, under "samples" a list of them."""
    for task in tasks.values():
        lm.remember(task.asked)
    try:
        found: dict[str, Any] = evaluate(lm=lm, task_dict={"tasks": dict(tasks)}, bootstrap_iters=0)
    finally:
        for task in tasks.values():
            task.forget()
    return found


def _splits(found: ItemSet) -> Callable[..., DatasetDict]:
    def make(**_: Any) -> DatasetDict:
        splits = {"shots": found.shots, "test": found.items}
        return DatasetDict({name: Dataset.from_list([dict(row) for row in rows]) for name, rows in splits.items()})

    return make


def _segment(text: str) -> list[str]:
    words: list[str] = segmenter()(text)
    return words


@cache
def segmenter() -> Segmenter:
    """Jieba with its own dictionary, neither read from nor written to the cache file it keeps by default."""
    logging.getLogger("jieba").setLevel(logging.ERROR)
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: Segmenter = tokenizer.lcut
    return cut
