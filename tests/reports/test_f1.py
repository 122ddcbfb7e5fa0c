"""The test of F1 itself: the stored F1 comes out, and p and interval are those of swapped and drawn items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from evaluators._xtreme import langedit, likelihood
from evaluators._xtreme.protocol import Verdict
from evaluators.xtreme import COUNTED, PROTOCOLS
from reports.numbers import f1
from reports.numbers.aggregate import Panel, panels
from reports.numbers.f1 import f1_test, pooled
from reports.numbers.measures import XTREME, XTREME_LIKELIHOOD, Measure
from tests.reports.world import hand_made

TAGS = ("O", "PER", "LOC", "ORG")


def verdict(task: str, protocol: str, draw: np.random.Generator, gold: Any, right: float) -> Verdict:
    """An answer that is right with some probability, part by part."""
    if task == "mlqa":
        return Verdict(float(draw.random() < right) * draw.choice([0.5, 1.0]), True)
    said = tuple(each if draw.random() < right else draw.choice(5) - 1 for each in gold)
    if task != "wikiann":
        return Verdict(float(said == gold), True, gold, said)
    gold, said = (tuple(TAGS[i % 4] for i in part) for part in (gold, said))
    if protocol == "likelihood":
        gold, said = (tuple((k, i) for i, k in enumerate(part) if k != "O") for part in (gold, said))
    return Verdict(0.0, True, gold, said)


def rows(
    level: float, seed: int, items: int, languages: Sequence[str], protocol: str = "langedit", answers: int = 1
) -> Iterator[dict[str, Any]]:
    """What the evaluator writes of one cell; gold is the same whatever the level."""
    rules = PROTOCOLS[protocol]
    for task, lang in product(("xnli", "pawsx", "mlqa", "wikiann"), languages):
        golds = np.random.default_rng([seed, len(task), len(lang)])
        draw = np.random.default_rng([seed, answers, int(1000 * level)])
        found = []
        row = {"protocol": protocol, "edit_lang": "", "probe_lang": lang, "weight": 1.0}
        for item in range(items):
            gold = tuple(golds.choice(4 if task == "wikiann" else 2, size=6 if task == "wikiann" else 1))
            found.append(verdict(task, protocol, draw, gold, level))
            for kind, counts in rules.counts(task, found[-1]).items():
                for name, count in zip(COUNTED, counts, strict=True):
                    metric = f"xtreme_{name}:{rules.average(task)}:{kind}"
                    yield {**row, "metric": metric, "fact": f"{task}/{lang}/{item}", "value": float(count)}
        yield {**row, "metric": "xtreme_f1", "fact": task, "value": rules.f1(task, found)}


def panel(levels: dict[str, float], seeds: int = 1, items: int = 30, protocol: str = "langedit", **how: Any) -> Panel:
    languages = how.pop("languages", ("en", "zh"))
    cells = [{"cell": f"{m}{s}", "method": m, "seed": s} for m in levels for s in range(seeds)]
    scores = [
        {"cell": f"{m}{s}", **row}
        for m, level in levels.items()
        for s in range(seeds)
        for row in rows(level, s, items, languages, protocol, **how)
    ]
    return panels(hand_made(scores, cells))[0]


@pytest.mark.parametrize(("protocol", "measure"), [("langedit", XTREME), ("likelihood", XTREME_LIKELIHOOD)])
def test_counts_give_the_stored_f1(protocol: str, measure: Measure) -> None:
    """Else the test would say so, and its difference would not be that of the table."""
    given = panel({"memit": 0.8, "rome": 0.5}, seeds=2, protocol=protocol)
    found = f1_test(given, measure, "memit", "rome")
    means = given.values(measure).groupby("method")["value"].mean()
    assert not found.note
    assert found.difference == pytest.approx(means["memit"] - means["rome"], abs=1e-9)
    assert found.n == 4 * 30


@pytest.mark.parametrize("average", ["weighted", "macro"])
def test_pooled_is_sklearn_s(average: str) -> None:
    draw = np.random.default_rng(3)
    gold, said = draw.choice(3, 50), draw.choice(4, 50)
    classes = range(5)  # one of them nowhere
    counts = np.array([[sum((gold == k) & (said == k)), sum(gold == k), sum(said == k)] for k in classes], dtype=float)
    assert pooled(counts, average) == pytest.approx(f1_score(gold, said, average=average, zero_division=0))


def test_nothing_to_find_and_nothing_said_is_one() -> None:
    assert likelihood.entity_f1([Verdict(0.0, False)]) == pooled(np.zeros((1, 3)), "micro") == 1.0


def test_a_clear_difference_is_found_and_none_is_not() -> None:
    given = panel({"memit": 0.9, "rome": 0.6}, items=40)
    found = f1_test(given, XTREME, "memit", "rome")
    assert found.p is not None
    assert found.low is not None
    assert found.p < 0.001
    assert 0 < found.low < (found.difference or 0) < (found.high or 0)
    back = f1_test(given, XTREME, "rome", "memit")
    assert (back.difference, back.p) == (pytest.approx(-(found.difference or 0)), pytest.approx(found.p, abs=0.001))


def test_equal_methods_are_rarely_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """p is about uniform where both answer by chance: of six pairs few are below 0.1, and intervals hold zero."""
    monkeypatch.setattr(f1, "SWAPS", 199)
    monkeypatch.setattr(f1, "DRAWS", 199)
    tests = []
    for number in range(6):
        one, two = (panel({"m": 0.7}, items=12, languages=("en",), answers=2 * number + side) for side in (0, 1))
        records = pd.concat([one.records.assign(method="a"), two.records.assign(method="b")])
        tests.append(f1_test(replace(one, records=records), XTREME, "a", "b"))
    assert sum((each.p or 0) < 0.1 for each in tests) <= 2
    assert sum((each.low or 0) <= 0 <= (each.high or 0) for each in tests) >= 4


def test_all_swaps_of_few_items_by_hand() -> None:
    """Five items of one task: p is the share of the 32 ways to swap answers that differ as much."""
    gold = [0, 1, 0, 1, 1]
    said = {"a": [0, 1, 0, 1, 0], "b": [1, 1, 1, 0, 0]}

    def weighted(answers: Sequence[int]) -> float:
        return float(f1_score(gold, answers, average="weighted", zero_division=0))

    observed, ways = weighted(said["a"]) - weighted(said["b"]), []
    for swap in product([False, True], repeat=5):
        pair = [
            [(b if s else a) for a, b, s in zip(x, y, swap, strict=True)]
            for x, y in (said.values(), (said["b"], said["a"]))
        ]
        ways.append(weighted(pair[0]) - weighted(pair[1]))
    expected = np.mean([abs(way) >= abs(observed) - 1e-12 for way in ways])
    scores = []
    for method, answers in said.items():
        verdicts = [Verdict(float(g == s), True, (g,), (s,)) for g, s in zip(gold, answers, strict=True)]
        row = {"cell": method, "protocol": "langedit", "edit_lang": "", "probe_lang": "en"}
        scores.append({**row, "metric": "xtreme_f1", "fact": "xnli", "value": langedit.f1("xnli", verdicts)})
        scores += [
            {**row, "metric": f"xtreme_{name}:weighted:{kind}", "fact": f"xnli/en/{i}", "value": float(count)}
            for i, each in enumerate(verdicts)
            for kind, counts in langedit.counts("xnli", each).items()
            for name, count in zip(COUNTED, counts, strict=True)
        ]
    found = f1_test(panels(hand_made(scores, [{"cell": m, "method": m} for m in said]))[0], XTREME, "a", "b")
    assert found.difference == pytest.approx(100 * observed)
    assert found.p == pytest.approx(expected)


def test_translations_and_seeds_of_an_item_are_no_further_evidence() -> None:
    """The same answers in three languages as in one: the same p and interval."""
    one = panel({"memit": 0.8, "rome": 0.7}, languages=("en",))
    copies = []
    for lang in ("en", "de", "zh"):
        copies.append(one.records.assign(fact=one.records["fact"].str.replace("/en/", f"/{lang}/")))
    items = pd.concat(copies).drop_duplicates()
    first, second = (f1_test(each, XTREME, "memit", "rome") for each in (one, replace(one, records=items)))
    assert (second.n, second.p) == (first.n, pytest.approx(first.p, abs=1e-9))
    assert (second.low, second.high) == (pytest.approx(first.low), pytest.approx(first.high))


def test_without_counts_or_with_others_there_is_a_reason() -> None:
    given = panel({"memit": 0.8, "rome": 0.5})
    counts = given.records["metric"].str.contains(":")
    assert "no counts" in f1_test(replace(given, records=given.records[~counts]), XTREME, "memit", "rome").note
    wrong = given.records.assign(value=given.records["value"].where(counts, given.records["value"] + 1))
    assert "do not give the stored F1" in f1_test(replace(given, records=wrong), XTREME, "memit", "rome").note
    same = given.records.assign(method=given.records["method"].replace("rome", "x"))
    twins = pd.concat([same[same["method"] == "memit"], same[same["method"] == "memit"].assign(method="x")])
    found = f1_test(replace(given, records=twins), XTREME, "memit", "x")
    assert (found.difference, found.p) == (0.0, None)
    assert "no item differs" in found.note


def test_a_report_made_twice_says_the_same() -> None:
    given = panel({"memit": 0.75, "rome": 0.7}, items=20)
    assert f1_test(given, XTREME, "memit", "rome") == f1_test(given, XTREME, "memit", "rome")
