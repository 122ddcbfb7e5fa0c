"""Free generation as scores: what the model says, what it said before, and what chance would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
import torch
from pydantic import ValidationError

from bench.api import EditRequest, Ending, Fact, Generated, Probe, ProbeKind, Reply, Score
from bench.model.tiny import tiny_model
from evaluators._generation.controls import others
from evaluators._generation.rules import Multilingual
from evaluators.generation import Config, Generation

NOW = {"King of A is": " The Bob", "River of A is": " Po", "A的首都是": "波市", "Queen of B is": " Eve of old"}
BEFORE = {**NOW, "King of A is": " Ann", "River of A is": " Po!"}


class Context:
    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(part))


class Scripted:
    """Says what is written, until its ending."""

    def __init__(self, says: Mapping[str, str], before: Mapping[str, str] | None = None) -> None:
        self.says, self.before = says, before or says
        self.calls: list[int] = []

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        self.calls.append(most)
        return [Generated(tuple(self.says[p].encode()), self.says[p], "stop") for p in prompts]

    @contextmanager
    def unedited(self) -> Iterator[Scripted]:
        yield Scripted(self.before)


def probe(kind: ProbeKind, prompt: str, target: str, lang: str = "en", fact: str = "a", **more: object) -> Probe:
    return Probe(fact, kind, "en", lang, prompt, target, **more)  # type: ignore[arg-type]


FACTS = (
    Fact(
        EditRequest("a", "en", "King of {} is", "A", " Bob"),
        (
            probe("efficacy", "King of A is", " Bob"),
            probe("specificity", "River of A is", " Rhine", aliases=("Po",)),
            probe("crosslingual", "A的首都是", "波市", "zh"),
        ),
    ),
    Fact(
        EditRequest("b", "en", "Queen of {} is", "B", " Eve"), (probe("efficacy", "Queen of B is", " Eve", fact="b"),)
    ),
)


def rows(view: Scripted, **options: object) -> list[Score | Reply]:
    return list(Generation(Config.model_validate(options)).score(view, FACTS, Context()))  # type: ignore[arg-type]


def values(found: Sequence[Score | Reply], protocol: str) -> dict[tuple[str, str], float]:
    return {(r.fact_id, r.metric): r.value for r in found if isinstance(r, Score) and r.protocol == protocol}


def test_what_is_said_before_and_by_chance_stands_side_by_side() -> None:
    found = rows(Scripted(NOW, BEFORE))
    edited, unedited, chance = (values(found, f"generation{more}") for more in ("", "_unedited", "_shuffled"))
    assert edited["a", "efficacy_match"] == 1
    assert edited["b", "efficacy_match"] == 0
    assert edited["b", "efficacy_contained"] == 1
    assert edited["b", "efficacy_f1"] == pytest.approx(0.5)
    assert edited["a", "efficacy_length"] == len(" The Bob")
    assert edited["a", "crosslingual_match"] == 1
    assert unedited["a", "efficacy_match"] == 0
    assert unedited["b", "efficacy_contained"] == 1
    # of two targets another one can only be that of the other fact; alone of its kind there is none
    assert chance == {(f, f"efficacy_{m}"): 0.0 for f in "ab" for m in ("match", "contained", "f1")}


def test_an_alias_is_right_and_an_answer_may_be_unchanged() -> None:
    edited = values(rows(Scripted(NOW, BEFORE)), "generation")
    assert edited["a", "specificity_match"] == 1
    assert edited["a", "specificity_unchanged"] == 1
    changed = values(rows(Scripted(NOW, {**BEFORE, "River of A is": " Rhine"})), "generation")
    assert changed["a", "specificity_unchanged"] == 0


def test_every_answer_is_told_with_what_it_was_before() -> None:
    told = {reply.prompt: reply for reply in rows(Scripted(NOW, BEFORE)) if isinstance(reply, Reply)}
    assert len(told) == sum(len(fact.probes) for fact in FACTS)
    king = told["King of A is"]
    assert (king.kind, king.protocol, king.before, king.answer) == ("efficacy", "generation", " Ann", " The Bob")
    assert (king.tokens, king.ended, king.value) == (8, "stop", 1.0)
    assert told["River of A is"].aliases == ("Po",)


def test_the_published_rules_are_a_protocol_of_their_own() -> None:
    found = rows(Scripted(NOW, BEFORE), rules="wild")
    assert {row.protocol for row in found} == {f"generation_wild{more}" for more in ("", "_unedited", "_shuffled")}


def test_options_are_checked_and_handed_on() -> None:
    view = Scripted(NOW)
    rows(view, tokens=7)
    assert view.calls == [7]
    for wrong in ({"rules": "tame"}, {"tokens": 0}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            Config.model_validate(wrong)


def test_another_facts_target_is_drawn_by_seed_and_never_right() -> None:
    targets = ("Bob", "the Bob", "Eve", "Kim", "Lee", "Mo")
    probes = [probe("efficacy", f"{i}", f" {target}", fact=str(i)) for i, target in enumerate(targets)]
    probes[3] = probe("efficacy", "3", " Kim", fact="3", aliases=("Eve",))

    def drawn(seed: int) -> list[tuple[str, ...] | None]:
        return others(probes, Multilingual(), torch.Generator().manual_seed(seed))

    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1
    for seed in range(20):
        found = drawn(seed)
        assert not {found[0], found[1]} & {(" Bob",), (" the Bob",), None}
        assert found[3] not in ((" Eve",), (" Kim", "Eve"), None)


def test_an_untouched_model_says_what_it_said() -> None:
    model = tiny_model("llama", seed=3)
    found = list(Generation(Config(tokens=6)).score(model, FACTS, Context()))  # type: ignore[arg-type]
    assert values(found, "generation")["a", "specificity_unchanged"] == 1
    replies = [row for row in found if isinstance(row, Reply)]
    assert all(reply.answer == reply.before for reply in replies)
    assert any(reply.answer for reply in replies)
