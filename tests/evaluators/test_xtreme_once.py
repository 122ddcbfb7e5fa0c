"""What all cells of a process share is made once, and prompts score alone as they do in a batch."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
import pytest
import torch
from transformers import DynamicCache, PreTrainedTokenizerFast

from bench.compute.driver import CellContext
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from bench.model.tokens import Tokens
from evaluators._xtreme import tasks
from evaluators._xtreme.cache import extend
from evaluators._xtreme.items import item_sets
from evaluators._xtreme.lm import BATCH, SMALL_BATCH, SharedPrefixLM, default_batch, quiet
from evaluators.xtreme import Config, Xtreme
from tests.evaluators.test_xtreme import cell, long_model, scores


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls that compile a template or turn texts into ids; nothing is remembered of earlier tests."""
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        own = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return own(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    count(jinja2.Environment, "compile")
    count(PreTrainedTokenizerFast, "__call__")
    count(Tokens, "prompts")
    count(Tokens, "targets")
    tasks._built.cache_clear()
    return calls


def test_a_second_cell_compiles_no_template_and_turns_no_text_into_ids(counted: Counter[str], data_dir: Path) -> None:
    options: dict[str, Any] = {"limit": 1, "languages": ("en",)}
    scores(long_model(), data_dir, **options)
    # two wordings of a task in a language at most, and a call for each number of examples
    assert 0 < counted["compile"] <= 2 * 4
    assert 0 < counted["prompts"] <= 4 * (1 + 3)
    other = tiny_model("llama", seed=1)
    other.hf.config.max_position_embeddings = 4096
    counted.clear()
    assert scores(other, data_dir, **options)
    assert not counted


def test_tasks_serve_equal_tokenizers_and_hold_no_model(data_dir: Path) -> None:
    def built(model: EditableModel) -> dict[str, tasks.XtremeTask]:
        with quiet():
            return tasks.build(sets, SharedPrefixLM(model.hf, model.tokenizer, 4))

    sets = item_sets("xtreme_langedit", data_dir, 1, ["en"])
    assert built(long_model()) is built(long_model())
    assert built(long_model()) is not built(long_model(64))
    added = long_model()
    added.tokenizer.add_tokens(["Rome"])
    assert built(long_model()) is not built(added)
    assert built(long_model()) is not built(tiny_model("llama", bos=False))
    model = long_model()
    gone = weakref.ref(model.hf)
    list(
        Xtreme(Config(source="xtreme_langedit", limit=1, languages=("en",))).score(
            model, [], CellContext(cell(), data_dir)
        )
    )
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("context", [64, 110, 4096])
def test_prompts_are_those_that_are_made_one_by_one(context: int, data_dir: Path) -> None:
    model = long_model(context)
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
        built = tasks.build(item_sets("xtreme_langedit", data_dir, 100), lm)
    for task in built.values():
        room = min(4096, context) - task.config.generation_kwargs["max_gen_toks"]
        for doc in task.eval_docs:
            shots, text = 0, task.fewshot_context(doc, 0)
            while shots < task.config.num_fewshot:
                longer = task.fewshot_context(doc, shots + 1)
                if len(lm.tok_encode(longer)) > room:
                    break
                shots, text = shots + 1, longer
            prompt = task.prompt_of(doc)
            assert (prompt.text, prompt.shots) == (text, shots)
            assert list(task.asked.ids[text]) == lm.tok_encode(text)
            words = [f" {word}" for word in task.form.words]
            assert prompt.lengths == tuple(len(lm._encode_pair(text, word)[1]) for word in words)


def test_a_word_after_a_blank_is_known_with_the_blank() -> None:
    model = long_model()
    with quiet():
        plain, lm = (SharedPrefixLM(model.hf, model.tokenizer, 4) for _ in range(2))
    wording = tasks.Wording("t", lambda item, shots: f"{item['id']}? ", 0, 100, ["yes"])
    lm.remember(tasks.ask([{"id": "a"}], wording, lm.tokens))
    assert lm._encode_pair("a? ", "yes") == plain._encode_pair("a? ", "yes")
    assert lm._ids.keys() == {"a? ", "a?"}
    assert lm._words.keys() == {" yes"}


@pytest.mark.parametrize("architecture", ["bloom", pytest.param("qwen3", marks=pytest.mark.soak)])
def test_items_score_alone_as_in_the_largest_batch(architecture: str, data_dir: Path) -> None:
    model = tiny_model(architecture)
    model.hf.config.max_position_embeddings = 4096
    options: dict[str, Any] = {"limit": 2, "languages": ("en",)}
    assert scores(model, data_dir, **options) == scores(model, data_dir, batch_size=1, **options)


def test_only_small_models_in_float32_get_larger_batches() -> None:
    model = tiny_model("llama").hf
    assert default_batch(model) == SMALL_BATCH
    assert default_batch(model.to(torch.bfloat16)) == BATCH


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj", "bloom", "qwen3"])
def test_a_cache_with_room_computes_what_the_plain_one_does(architecture: str) -> None:
    model = tiny_model(architecture).hf
    ids = torch.arange(1, 61).view(3, 20)
    found = []
    for roomy in (False, True):
        cache = DynamicCache(config=model.config)
        logits = []
        with torch.no_grad():
            model(input_ids=ids[:1, :10], past_key_values=cache, use_cache=True)
            if roomy:
                extend(cache, 3, 6)
            else:
                cache.batch_repeat_interleave(3)
            # the last step has no room left
            for start, stop in ((10, 14), (14, 15), (15, 16), (16, 20)):
                mask = torch.ones(3, stop, dtype=torch.long)
                inputs = {"input_ids": ids[:, start:stop], "attention_mask": mask, "past_key_values": cache}
                logits.append(model(**inputs, use_cache=True).logits)
                if stop == 15:
                    cache.crop(-1)
                    logits.append(model(**inputs, use_cache=True).logits)
        found.append(logits)
    assert all(torch.equal(plain, ours) for plain, ours in zip(*found, strict=True))
