"""Editing metrics: an oracle scores one, an untouched model agrees with itself, weights are token counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from bench.api import Answer, EditRequest, Fact, Kept, Probe, ProbeKind, Reply, Score
from bench.ground.rows import SAMPLE
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from evaluators.edits import Config, Edits


class Unkept:
    """A context that keeps no answers."""

    answers_kept: Kept = "none"

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)


class Keeping(Unkept):
    answers_kept: Kept = "all"


class KeepingFailed(Unkept):
    answers_kept: Kept = "failed"


CONTEXT = Unkept()


class Scripted:
    """Says the target with the given positions wrong."""

    def __init__(self, wrong: set[int], before: set[int] | None = None) -> None:
        self.wrong, self.before = wrong, before if before is not None else wrong

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        found = []
        for target in targets:
            ids = tuple(target.encode())
            said = tuple(-2 if k in self.wrong else token for k, token in enumerate(ids))
            found.append(Answer(ids, said, (0.0,) * len(ids)))
        return found

    def text(self, ids: Sequence[int]) -> str:
        return "".join(chr(each) if each >= 0 else "?" for each in ids)

    @contextmanager
    def unedited(self) -> Iterator[Scripted]:
        yield Scripted(self.before)


def fact() -> Fact:
    request = EditRequest("f", "en", "{} is", "X", " abc")

    def probe(kind: str, lang: str = "en", distinct: bool = True) -> Probe:
        return Probe("f", kind, "en", lang, "X is", " abc", distinct)  # type: ignore[arg-type]

    probes = (
        probe("efficacy"),
        probe("generality"),
        probe("generality", distinct=False),
        probe("specificity"),
        probe("crosslingual", "de"),
    )
    return Fact(request, probes)


def scores_of(view: Scripted | EditableModel, *facts: Fact) -> list[Score]:
    return [row for row in Edits().score(view, facts, CONTEXT) if isinstance(row, Score)]  # type: ignore[arg-type]


def table(view: Scripted) -> dict[str, list[float]]:
    rows: dict[str, list[float]] = {}
    for score in scores_of(view, fact()):
        rows.setdefault(score.metric, []).append(score.value)
        assert score.weight == (1 if score.metric.endswith("_exact") else 4)
        assert score.protocol == ("greedy_exact" if score.metric.endswith("_exact") else "teacher_forced")
    return rows


def test_an_oracle_scores_one() -> None:
    rows = table(Scripted(set()))
    assert all(value == 1 for values in rows.values() for value in values)
    assert len(rows["generality"]) == 2
    assert len(rows["generality_distinct"]) == 1
    assert set(rows) >= {"specificity", "specificity_agreement", "crosslingual", "efficacy_exact"}


def test_one_wrong_token_of_four() -> None:
    rows = table(Scripted({1}, before=set()))
    assert rows["efficacy"] == [0.75]
    assert rows["efficacy_exact"] == [0.0]
    assert rows["specificity_agreement"] == [0.75]


def test_agreement_counts_unchanged_mistakes_as_agreement() -> None:
    rows = table(Scripted({0, 1, 2, 3}))
    assert rows["specificity"] == [0.0]
    assert rows["specificity_agreement"] == [1.0]


def test_every_row_tells_the_language_of_its_question() -> None:
    kinds: tuple[ProbeKind, ...] = ("specificity", "portability", "crosslingual")
    probes = tuple(Probe("f", kind, "en", lang, f"{kind} {lang}", " abc") for kind in kinds for lang in ("en", "zh"))
    asked = Fact(EditRequest("f", "en", "{} is", "X", " abc"), probes)
    rows = [(each.metric, each.edit_lang, each.probe_lang) for each in scores_of(Scripted(set()), asked)]
    assert sorted(rows) == sorted(
        (metric, "en", lang) for metric in (*kinds, "specificity_agreement") for lang in ("en", "zh")
    )


def test_a_row_stands_under_the_fact_it_asks_too() -> None:
    probe = Probe("f", "specificity", "en", "zh", "Y is", " abc", asks="currency/FR")
    asked = Fact(
        EditRequest("f", "en", "{} is", "X", " abc"), (probe, Probe("f", "efficacy", "en", "en", "X is", " abc"))
    )
    rows = {each.metric: each for each in scores_of(Scripted({0}), asked)}
    for metric in ("specificity", "specificity_agreement"):
        assert rows[f"{metric}_asked"] == replace(rows[metric], fact_id="currency/FR", metric=f"{metric}_asked")
    assert "efficacy_asked" not in rows


@pytest.mark.parametrize("bos", [True, False])
def test_an_untouched_model_agrees_with_itself(bos: bool) -> None:
    model = tiny_model("llama", bos=bos)
    probe = Probe("f", "specificity", "en", "zh", "东京的河是", "隅田川")
    scores = scores_of(model, Fact(EditRequest("f", "en", "{} is", "X", " a"), (probe,)))
    agreement = [score for score in scores if score.metric == "specificity_agreement"]
    assert [score.value for score in agreement] == [1.0]
    assert agreement[0].weight == len("隅田川".encode())
    assert (agreement[0].edit_lang, agreement[0].probe_lang) == ("en", "zh")


def test_there_are_no_options() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Config(protocol="greedy")  # type: ignore[call-arg]
    assert hash(Config()) == hash(Config())  # it cannot be changed


def test_what_was_said_is_told_beside_what_was_said_before() -> None:
    evaluator = Edits()
    replies = [row for row in evaluator.score(Scripted({1}, before={2}), [fact()], Keeping()) if isinstance(row, Reply)]
    assert [reply.kind for reply in replies] == ["efficacy", "generality", "generality", "specificity", "crosslingual"]
    assert {(reply.before, reply.answer, reply.value, reply.ended) for reply in replies} == {
        (" a?c", " ?bc", 0.75, "target")
    }
    assert not any(isinstance(row, Reply) for row in Edits().score(Scripted({1}), [fact()], CONTEXT))


class Echo:
    """Says the prompt's letter in the target's place, and before any edit another one; right where the target is it."""

    def __init__(self, shift: int = 0) -> None:
        self.shift, self.asked = shift, list[str]()

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        self.asked += prompts
        said = [(ord(prompt[0]) + self.shift,) for prompt in prompts]
        return [Answer((ord(target),), each, (0.0,)) for target, each in zip(targets, said, strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    @contextmanager
    def unedited(self) -> Iterator[Echo]:
        self.before = Echo(1000)
        yield self.before


def letters(right: int, wrong: int) -> Fact:
    """A fact whose probes are a letter each, that an `Echo` has right or wrong."""
    prompts = [chr(300 + i) for i in range(right + wrong)]
    probes = [
        Probe("f", "specificity" if i % 3 else "efficacy", "en", "en", f"{each}?", each if i < right else "x")
        for i, each in enumerate(prompts)
    ]
    return Fact(EditRequest("f", "en", "{} is", "X", " abc"), tuple(probes))


def test_every_answer_stands_beside_its_question() -> None:
    rows = Edits().score(Echo(), [letters(4, 3), letters(2, 2)], Keeping())  # type: ignore[arg-type]
    replies = [row for row in rows if isinstance(row, Reply)]
    assert len(replies) == 11
    for reply in replies:
        assert reply.answer == reply.prompt[0]
        assert reply.before == chr(ord(reply.prompt[0]) + 1000)
        assert reply.value == float(reply.target == reply.answer)


def test_the_unedited_model_is_asked_no_more_than_is_kept() -> None:
    view, asked = Echo(), letters(SAMPLE + 100, 30)
    rows = list(Edits().score(view, [asked], KeepingFailed()))  # type: ignore[arg-type]
    replies = [row for row in rows if isinstance(row, Reply)]
    assert len(replies) == SAMPLE + 30
    neither_kept_nor_scored = {probe.prompt for probe in asked.probes if probe.kind == "efficacy"}
    neither_kept_nor_scored -= {reply.prompt for reply in replies}
    assert neither_kept_nor_scored
    assert not neither_kept_nor_scored & set(view.before.asked)


def test_the_unedited_model_is_asked_once_a_cell() -> None:
    asked: list[int] = []

    class Counting(Scripted):
        @contextmanager
        def unedited(self) -> Iterator[Scripted]:
            asked.append(1)
            yield Scripted(set())

    evaluator = Edits()
    assert {"efficacy", "specificity"} <= {probe.kind for probe in fact().probes}
    first, again = (list(evaluator.score(Counting(set()), [fact()], Keeping())) for _ in range(2))
    assert first == again
    assert len(asked) == 1, "all its probes ask the same"


def test_keeping_answers_changes_no_score() -> None:
    scores = [
        [row for row in Edits().score(Scripted({1}, before={2}), [fact()], context) if not isinstance(row, Reply)]
        for context in (CONTEXT, Keeping())
    ]
    assert scores[0] == scores[1]
