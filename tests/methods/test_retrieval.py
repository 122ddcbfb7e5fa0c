"""Retrieval: a stored fact is read before prompts that ask it; all others are answered as if nothing was stored."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.api import EditRequest, Fact, State
from bench.compute.silent import Before
from bench.compute.tiny_facts import parallel_requests, practice
from bench.config.registry import methods
from bench.data.cldr.facts import practice_facts
from bench.export.session import refuse_none
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.remembering import Remembering
from bench.model.stats import Stats
from bench.model.tiny import tiny_classifier, tiny_model
from methods._memory.embedding import Space
from methods._memory.practice import Practice, drawn
from methods.retrieval import CERTAIN, Retrieval, Stored, facts_of

REQUESTS = parallel_requests()
UNRELATED = ["x", "7 times 6 makes", "Wer weiß das?"]


class _Context:
    languages, model_name, data_dir, answers_kept = ("en", "de", "zh"), "tiny", None, "none"

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        return practice()


def retrieval(**options: Any) -> Retrieval:
    built = methods().build("retrieval", {"block": 2, "pooling": "mean", "stray": 0.0, **options})
    assert isinstance(built, Retrieval)
    return built


def stored(model: EditableModel, steps: Sequence[Sequence[EditRequest]], **options: Any) -> tuple[Remembering, State]:
    method = retrieval(**options)
    state = method.prepare(model, Stats(Path("unread"), None), _Context())
    for step in steps:
        state, _ = method.apply(model, step, state)
    with method.deployed(model, state) as view:
        assert isinstance(view, Remembering)
        return view, state


def asked(requests: Sequence[EditRequest]) -> tuple[list[str], list[str]]:
    return [request.text for request in requests], [request.target for request in requests]


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
def test_an_edited_prompt_is_answered_after_its_fact(architecture: str, bos: bool) -> None:
    model = tiny_model(architecture, bos=bos)
    view, _ = stored(model, [REQUESTS[:3], REQUESTS[3:]])
    for request, answer in zip(REQUESTS, view.answers(*asked(REQUESTS)), strict=True):
        text = f"{request.text}{request.target}\n{request.text}"
        (by_hand,) = model.answers([text], [request.target])
        assert answer.logprobs == pytest.approx(by_hand.logprobs, abs=1e-4)
        assert answer != model.answers([request.text], [request.target])[0]


def test_an_unrelated_prompt_is_answered_bit_by_bit_as_by_the_unedited_model() -> None:
    model = tiny_model("llama")
    view, _ = stored(model, [REQUESTS])
    targets = [" y"] * len(UNRELATED)
    prompts, wanted = asked(REQUESTS)
    among = view.answers([*prompts, *UNRELATED], [*wanted, *targets])[len(prompts) :]
    assert among == tiny_model("llama").answers(UNRELATED, targets)
    assert [change and change.kl for change in view.changes(UNRELATED, targets)] == [0] * len(UNRELATED)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_prompts_find_in_a_batch_what_they_find_alone(pooling: str) -> None:
    model = tiny_model("llama")
    view, _ = stored(model, [REQUESTS], pooling=pooling)
    rows = model.rows([*asked(REQUESTS)[0], *UNRELATED, *(f"{request.text}?" for request in REQUESTS)])
    together = view.read(rows, [0] * len(rows))
    assert together == [view.read([row], [0])[0] for row in rows]
    model.budget.size = 1
    assert together == view.read(rows, [0] * len(rows))


def test_a_fact_that_does_not_fit_is_left_out() -> None:
    model = tiny_model("llama")
    view, _ = stored(model, [REQUESTS[:1]])
    (row,) = model.rows([REQUESTS[0].text])
    length = len(view.read([row], [0])[0].ids)
    room = model.context_length - length
    assert len(row) < length
    assert len(view.read([row], [room])[0].ids) == length
    assert view.read([row], [room + 1])[0].ids == tuple(row)


def test_the_last_edit_of_a_prompt_counts() -> None:
    model = tiny_model("llama")
    again = replace(REQUESTS[0], target=" Elsewhere")
    view, state = stored(model, [REQUESTS[:3], [again]])
    assert len(state.memory["facts"]) == len(state.memory["prompts"]) == len(state.memory["keys"]) == 3
    (row,), (fact,) = model.rows([again.text]), facts_of(model, [again])
    assert view.read([row], [0])[0].ids == (row[0], *fact, *row[1:])
    _, whole = stored(model, [[REQUESTS[0], *REQUESTS[1:3], again]])
    assert whole.memory["facts"] == [fact, *facts_of(model, REQUESTS[1:3])]


def test_a_step_that_stores_what_is_stored_changes_nothing() -> None:
    model, method = tiny_model("llama"), retrieval()
    state = method.prepare(model, Stats(Path("unread"), None), _Context())
    for step, is_silent in ((REQUESTS[:2], False), (REQUESTS[2:3], False)):
        before = Before.of(model, state)
        state, report = method.apply(model, step, state)
        assert before.is_unchanged(model, state, report) == is_silent
    before = Before.of(model, state)
    state, report = method.apply(model, REQUESTS[2:3], state)
    assert before.is_unchanged(model, state, report)


def test_facts_that_are_looked_at_have_all_relations() -> None:
    def relation(fact: Fact) -> str:
        return fact.request.fact_id.split("/")[0]

    facts = practice_facts(["en"])["en"]
    relations = {relation(fact) for fact in facts}
    assert relation(facts[0]) == relation(facts[len(relations)]), "every n-th has the same relation"
    seen = Counter(map(relation, drawn(facts, 80)))
    assert seen.total() == 80 and seen.keys() == relations
    assert min(seen.values()) >= 80 / len(relations) / 2
    assert len(drawn(facts, 10_000)) == len(facts)


def test_as_many_unedited_prompts_find_a_fact_as_may_stray() -> None:
    model = tiny_model("llama")
    looked_at = Practice.of(practice(), model.tokens)
    shares = []
    for stray in (0.0, 0.1, 0.3):
        method = retrieval(stray=stray, pooling="last")
        state = method.prepare(model, Stats(Path("unread"), None), _Context())
        embed, limit = state.constants["embed"], state.memory["threshold"]
        assert limit <= CERTAIN
        facts = [[1]] * len(looked_at.stored)
        memory = Stored(model, embed, facts, embed(looked_at.stored), limit)
        read = memory.read(looked_at.strangers, [0] * len(looked_at.strangers))
        found = sum(len(each.ids) > len(row) for each, row in zip(read, looked_at.strangers, strict=True))
        shares.append(found / len(looked_at.strangers))
    assert shares == pytest.approx([0.0, 0.1, 0.3], abs=0.04)


def test_languages_coincide_and_no_direction_counts_for_more() -> None:
    draw = torch.Generator().manual_seed(0)
    meaning, lang = torch.randn(300, 4, generator=draw) * torch.tensor([9.0, 3, 1, 1]), torch.arange(300) % 3
    offsets = 20 * torch.randn(3, 6, generator=draw)
    mix = torch.linalg.qr(torch.randn(6, 6, generator=draw)).Q
    states = torch.cat([meaning, torch.zeros(300, 2)], dim=1) @ mix + offsets[lang]
    space = Space.of(states, [str(int(each)) for each in lang])
    points = (states - space.centre) @ space.map
    means = torch.stack([points[lang == each].mean(0) for each in range(3)])
    assert means.abs().max() < 0.05
    spread = torch.linalg.eigvalsh(points.T @ points / len(points))
    assert 0.3 < spread[-1] < 1.1
    assert torch.allclose(space(states).norm(dim=-1), torch.ones(300), atol=1e-5)


class Sentences:
    """A package that is not installed here: counts letters."""

    def __init__(self, name: str, device: str) -> None:
        if name == "missing":
            raise OSError("no such\nmodel")
        self.read: list[str] = []

    def encode(self, texts: Sequence[str], **_: Any) -> torch.Tensor:
        self.read += texts
        return torch.tensor([[float(text.count(chr(97 + i))) + 0.01 for i in range(26)] for text in texts])


def test_another_embedding_is_imported_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    stored(model, [REQUESTS[:1]])
    with pytest.raises(BenchError, match="pip install sentence-transformers"):
        stored(model, [], embedding="some")
    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Sentences))
    with pytest.raises(BenchError, match="'missing' cannot be loaded: no such model"):
        stored(model, [], embedding="missing")
    view, _ = stored(model, [REQUESTS[:1]], embedding="some")
    (row,) = model.rows([REQUESTS[0].text])
    assert len(view.read([row], [0])[0].ids) > len(row)


def test_what_cannot_be_done_is_said_in_a_line() -> None:
    with pytest.raises(BenchError, match="a classifier continues none"):
        stored(tiny_classifier("bloom"), [])  # type: ignore[arg-type]
    with pytest.raises(BenchError, match="layer 9 is out of range"):
        stored(tiny_model("llama"), [], block=9)
    with pytest.raises(BenchError, match="method 'retrieval' answers from a memory beside the model"):
        refuse_none("retrieval", methods())
