"""What is written and said of an edited model; what cannot be taken home."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from bench.api import EditRequest, Fact, Probe
from bench.compute import driver
from bench.export import answers, folder, guard
from bench.export.answers import EDITED, GUARD, Question
from bench.ground.errors import BenchError, StorageError
from bench.model import tiny
from tests.export.conftest import Edited, logits


# ---------------------------------------------------------------------------- files
def test_the_whole_model_is_loaded_by_transformers(tmp_path: Path, edited: Edited) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    edited.take(tmp_path / "out", full=True)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model", dtype=torch.float32)
    assert torch.equal(logits(again), edited.logits())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out" / "model")
    assert tokenizer("Küste").input_ids == edited.work.model.tokenizer("Küste").input_ids


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_of_less_precision_the_whole_model_holds_what_it_computes_with(tmp_path: Path, dtype: str) -> None:
    from transformers import AutoModelForCausalLM

    edited = Edited.make("gpt2", dtype)  # rotary tables of a tiny model are of less precision than those of one loaded
    edited.take(tmp_path / "out", full=True)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model", dtype=getattr(torch, dtype))
    assert torch.equal(logits(again), edited.logits())


def test_what_was_written_is_told(tmp_path: Path, edited: Edited) -> None:
    taken = edited.take(tmp_path / "out", full=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "delta.safetensors", "edit.json", "answers.csv", "model"
    }  # fmt: skip
    record = json.loads((tmp_path / "out" / "edit.json").read_text(encoding="utf-8"))
    assert set(record["holds"]) == {"delta.safetensors", "edit.json", "answers.csv", "model"}
    assert record["method"] == "pushing" and record["answers"]["edited"]["asked"] == 2
    rows = list(csv.DictReader((tmp_path / "out" / "answers.csv").open(encoding="utf-8")))
    assert [row["prompt"] for row in rows if row["role"] == EDITED] == [fact.request.text for fact in edited.facts]
    assert len(rows) == len(taken.rows)


def test_a_full_disk_leaves_nothing(tmp_path: Path, edited: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edited.work.model.hf, "save_pretrained", full)
    with pytest.raises(StorageError, match=r"out: cannot write: No space left on device"):
        edited.take(tmp_path / "out", full=True)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------- what cannot be taken
def test_an_edit_that_changed_nothing(tmp_path: Path, edited: Edited) -> None:
    edited.work.model.reset()
    with pytest.raises(BenchError, match="'pushing' has changed no weight"):
        edited.take(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_editing_that_has_ended_early(tmp_path: Path, edited: Edited) -> None:
    edited.state.memory[driver.DIVERGED] = "no solution: singular"
    with pytest.raises(BenchError, match="ended early: no solution: singular"):
        edited.take(tmp_path / "out")


def test_weights_that_are_not_finite(tmp_path: Path, edited: Edited) -> None:
    edited.work.model.add(1, torch.full_like(edited.work.model.weight(1), torch.inf))
    with pytest.raises(BenchError, match="not finite"):
        edited.take(tmp_path / "out")


@contextmanager
def another_view(model):
    yield object()


@contextmanager
def hooked(model):
    handle = model.hf.lm_head.register_forward_hook(lambda module, args, output: output * 2)
    try:
        yield model
    finally:
        handle.remove()


@pytest.mark.parametrize("deploy", [another_view, hooked])
def test_a_memory_beside_the_model(tmp_path: Path, deploy) -> None:
    edited = Edited.make(deploy=deploy)
    with pytest.raises(BenchError, match="'pushing' answers from a memory beside the model"):
        edited.take(tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------- the folder
def test_a_folder_with_something_in_it_is_refused_without_force(tmp_path: Path, edited: Edited) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert folder.check(out, False, "polyglot-tiny") == ()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(BenchError, match=r"out: not empty; --force"):
        folder.check(out, False, "polyglot-tiny")
    edited.take(out, full=True, stale=folder.check(out, True, "polyglot-tiny"))
    edited.take(out, stale=folder.check(out, True, "polyglot-tiny"))
    # the model of the first edit is not left beside the second
    assert {path.name for path in out.iterdir()} == {"mine.txt", "delta.safetensors", "edit.json", "answers.csv"}
    assert (out / "mine.txt").read_text() == "mine"


def test_what_no_edit_has_written_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "out" / "model").mkdir(parents=True)
    with pytest.raises(BenchError, match=r"model: no edit has written this"):
        folder.check(tmp_path / "out", True, "polyglot-tiny")
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"file: not a folder"):
        folder.check(tmp_path / "file", True, "polyglot-tiny")


def test_the_model_that_is_edited_does_not_lie_in_the_folder(tmp_path: Path, edited: Edited) -> None:
    edited.take(tmp_path / "out", full=True)
    with pytest.raises(BenchError, match=r"holds the model that is edited"):
        folder.check(tmp_path / "out", True, str(tmp_path / "out" / "model"))
    shutil.rmtree(tmp_path / "out" / "model")


# ---------------------------------------------------------------------------- answers
def test_what_is_said_is_what_greedy_decoding_says(edited: Edited) -> None:
    model, prompts = edited.work.model, ["The king of Land is", "Der König von Österreich", "A"]
    said = answers.say(model, prompts, ["x" * n for n in (1, 30, 3)])
    for prompt, ids, length in zip(prompts, said, (answers.LENGTH, 30, answers.LENGTH), strict=True):
        row = torch.tensor([model.tokens.prompts([prompt])[0]])
        out = model.hf.generate(row, do_sample=False, max_new_tokens=length, pad_token_id=0)[0, row.shape[1] :]
        assert ids == out.tolist()


def test_right_before_and_now(edited: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right is what begins with the target; changed is what differs in as many tokens."""
    model, seen = edited.work.model, []
    king, otto, rex = model.tokens.targets([" King", " Otto", " Ki"])

    def say(asked, prompts, targets) -> list[list[int]]:
        seen.append(
            torch.equal(asked.parameter(asked.parameter_names(1)[0]), asked.master(asked.parameter_names(1)[0]))
        )
        more = [9 if seen[-1] else 8] * 6
        return [[*(otto if seen[-1] else king), *more], [*king, *more], [*rex, *more]]

    monkeypatch.setattr(answers, "say", say)
    targets = (" Otto", " King", " King")
    rows = answers.compare(model, [Question(EDITED, "f", "en", "The king is", each) for each in targets])
    assert seen == [True, False]  # now, then before
    assert [(row.right_before, row.right_now, row.changed) for row in rows] == [
        (False, True, True),
        (True, True, False),
        (False, False, True),
    ]
    assert rows[0].now.startswith("Otto") and rows[0].before.startswith("King")
    count = answers.Count.of(rows, EDITED)
    assert (count.asked, count.right_before, count.right_now, count.changed) == (3, 1, 2, 2)
    assert answers.Count.of(rows, GUARD).asked == 0


def test_a_classifier_says_a_label() -> None:
    model = tiny.tiny_classifier("bert")
    (row,) = answers.compare(model, [Question(EDITED, "f", "en", "The sea is wet.", "true")])
    assert row.now in tiny.LABELS and row.now == row.before and not row.changed
    assert row.right_now == (row.now == "true")


# ---------------------------------------------------------------------------- what should stay
def request() -> EditRequest:
    return EditRequest("f0", "en", "The king of {} is", "France", " Otto")


def test_questions_beside_the_facts_come_first() -> None:
    probe = Probe("f0", "specificity", "en", "en", "The river of See is", " R")
    other = Probe("f0", "generality", "en", "en", "Who rules France?", " Otto")
    found = guard.usual(tiny.tiny_model("llama"), [Fact(request(), (probe, other, probe))], 0)
    assert [(each.prompt, each.role) for each in found.questions] == [("The river of See is", GUARD)]
    assert found.source == "questions beside the edited facts"


def test_else_embedded_ones_that_name_no_edited_subject() -> None:
    model = tiny.tiny_model("llama")
    found = guard.usual(model, [Fact(request())], 0)
    assert "cldr" in found.source and found.questions
    named = next(part for part in found.questions[0].prompt.split() if len(part) > 4)
    fact = Fact(EditRequest("f0", "en", "The king of {} is", named, " Otto"))
    fewer = guard.usual(model, [fact], 0)
    assert len(fewer.questions) < len(found.questions)
    assert not any(named in each.prompt for each in fewer.questions)


def test_those_of_a_classifier_are_claims() -> None:
    claim = EditRequest("f0", "en", "{} is in Europe.", "Ruritania", "true")
    found = guard.usual(tiny.tiny_classifier("bert"), [Fact(claim)], 0)
    assert "claims" in found.source
    assert {each.target.strip().lower() for each in found.questions} <= set(tiny.LABELS)
