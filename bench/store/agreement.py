"""Do judges agree with each other, and with exact match? Krippendorff's alpha of their verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bench.store.judging import Verdict

LEXICAL = "exact match"
"""The scorer that compares letters."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two who judge agree.

    Attributes:
        first: a judge, or `LEXICAL`.
        second: a judge.
        lang: of the questions, or "all".
        count: answers that both have a verdict on.
        alpha: 1 for perfect agreement, 0 for that of chance; None where all verdicts are one, or there are none.
    """

    first: str
    second: str
    lang: str
    count: int
    alpha: float | None


def agreements(answers: pd.DataFrame, judges: Mapping[str, Mapping[str, Verdict]]) -> Iterator[Agreement]:
    """Every two of the judges and the lexical scorer, over all languages and in each.

    Args:
        answers: as `bench.store.judging.answers_of` gives them.
        judges: verdicts by judge and id of the request.
    """
    units = answers.drop_duplicates("id")
    columns = {LEXICAL: units["value"].to_numpy(dtype=float)}
    for judge, own in judges.items():
        columns[judge] = np.array([_number(own.get(each)) for each in units["id"]])
    langs = units["probe_lang"].to_numpy()
    for first, second in combinations(columns, 2):
        for lang in (ALL, *sorted(set(langs)) * (len(set(langs)) > 1)):
            where = np.ones(len(units), dtype=bool) if lang == ALL else langs == lang
            pair = np.stack([columns[first][where], columns[second][where]])
            pair = pair[:, ~np.isnan(pair).any(axis=0)]
            yield Agreement(first, second, lang, pair.shape[1], alpha(pair))


def _number(verdict: Verdict | None) -> float:
    return float("nan") if verdict is None or verdict.verdict is None else float(verdict.verdict)


def alpha(verdicts: np.ndarray) -> float | None:
    """Krippendorff's alpha of verdicts [raters, answers], NaN where one is missing.

    Returns:
        None where it is not defined: no answer has two verdicts, or all verdicts are one.
    """
    import krippendorff

    paired = verdicts[:, (~np.isnan(verdicts)).sum(axis=0) > 1]
    if len(np.unique(paired[~np.isnan(paired)])) < 2:
        return None
    return float(krippendorff.alpha(reliability_data=paired, level_of_measurement="nominal"))
