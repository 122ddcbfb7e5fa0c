"""Whether the edited model still writes: n-gram entropy of free text, and perplexity of fixed text, before and after.

``fluency_entropy``: the model goes on from edited prompts, drawn by seed, the likeliest token after the other and
whatever it says; bits of the distribution of the text's 2- and 3-grams of words, weighted as MEMIT's generation entropy
is (2/3 and 4/3, then their mean). A model that repeats itself has little of it. MEMIT (``eval_utils_counterfact``)
samples among five tokens and counts a text with its prompt, 100 tokens in all; here 100 tokens are said, and the prompt
does not count. So the unedited model's figure stands beside it, and published ones are no measure. In languages without
spaces every letter is a word.

``fluency_perplexity``: of embedded texts about places that no edit and no probe touches, one number for each language
that is edited and has such texts, exp of the mean NLL of their tokens. A model that has diverged has none.

Protocol ``greedy`` and ``fixed_text``; the same with ``_unedited`` behind it is the unedited model's.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field

from bench.api import Context, EditRequest, Evaluator, Fact, Score, Scorer
from bench.data.cldr.items import neutral_items
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.text import documents
from bench.ground.digests import text_digest
from bench.ground.languages import spaceless_languages

GREEDY, FIXED, UNEDITED = "greedy", "fixed_text", "_unedited"

WEIGHTS = {2: 2 / 3, 3: 4 / 3}
"""Of the entropies of n-grams, by n."""

TEXT_SEED = 23


class Config(BaseModel):
    """Options.

    Attributes:
        facts: edited prompts that are continued, at most.
        tokens: of each continuation; 100 are the published ones.
        texts: of each language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: int = Field(50, ge=1)
    tokens: int = Field(100, ge=1)
    texts: int = Field(60, ge=1)


@dataclass(frozen=True, slots=True)
class Never:
    """The ending of a text that goes on as long as it may."""

    def __call__(self, text: str, *, final: bool) -> int | None:
        """Nowhere but where it is cut."""
        return len(text) if final else None


class Fluency:
    """Lets the model write and read, edited and unedited."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def fingerprint(self, model_name: str, data_dir: Path | None) -> str:
        """Hash the texts."""
        return text_digest(*(text for lang in LANGUAGES for text in texts(lang, self._config.texts)))

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score]:
        """A row per prompt and one per language, of the edited model and of the unedited."""
        order = torch.randperm(len(seen), generator=context.rng("fluency")).tolist()
        requests = [seen[i].request for i in order[: self._config.facts]]
        languages = [lang for lang in context.languages if lang in LANGUAGES]
        yield from self._rows(view, requests, languages, "")
        with view.unedited() as original:
            # read while the model is unedited
            before = list(self._rows(original, requests, languages, UNEDITED))
        yield from before

    def _rows(
        self, view: Scorer, requests: Sequence[EditRequest], languages: Sequence[str], whose: str
    ) -> Iterator[Score]:
        prompts = [request.text for request in requests]
        said = view.generate(prompts, [Never()] * len(prompts), self._config.tokens)
        for request, each in zip(requests, said, strict=True):
            value = entropy(spoken(each.text, request.lang))
            yield Score(request.fact_id, "fluency_entropy", f"{GREEDY}{whose}", request.lang, request.lang, value)
        for lang in languages:
            value = perplexity(view, texts(lang, self._config.texts))
            if math.isfinite(value):
                yield Score("text", "fluency_perplexity", f"{FIXED}{whose}", "", lang, value)


def spoken(text: str, lang: str) -> list[str]:
    """Words and marks of a text, as they stand."""
    return re.findall(r"\S" if lang in spaceless_languages() else r"\w+|[^\w\s]", text)


def entropy(words: Sequence[str]) -> float:
    """Weighted mean of the entropies of n-grams, in bits; 0 of a text that has none."""
    found = [
        weight * _bits(Counter(zip(*(words[i:] for i in range(n)), strict=False))) for n, weight in WEIGHTS.items()
    ]
    return sum(found) / len(found)


def _bits(counts: Counter[tuple[str, ...]]) -> float:
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0


@cache
def texts(lang: str, count: int) -> tuple[str, ...]:
    """Embedded texts of a language, always the same."""
    drawn = documents(random.Random(f"{TEXT_SEED}/{lang}"), neutral_items(), (lang,))
    return tuple(document.text for document in drawn[:count])


def perplexity(view: Scorer, read: Sequence[str]) -> float:
    """Of texts, given the first word of each; inf or NaN where the model has diverged."""
    starts = [text.partition(" ")[0] if " " in text else text[0] for text in read]
    answers = view.answers(starts, [text[len(start) :] for text, start in zip(read, starts, strict=True)])
    logprobs = [each for answer in answers for each in answer.logprobs]
    mean = -math.fsum(logprobs) / len(logprobs)
    return math.exp(mean) if mean < 700 else math.inf


def build(config: Config) -> Evaluator:
    """Fluency as described above."""
    return Fluency(config)
