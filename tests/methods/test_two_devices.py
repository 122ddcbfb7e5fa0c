"""Edited layers may lie on different devices: nothing ever meets across them, and the numbers are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm_eval.api.instance import Instance

from bench.api import Answer, Fact
from bench.compute import checkpoint
from bench.compute.conformance import OPTIONS
from bench.compute.pool import beginning
from bench.compute.tiny_facts import practice
from bench.config.registry import methods
from bench.data.corpora import corpus
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from tests import labelled
from tests.tinyworld import tiny_requests

pytestmark = pytest.mark.skipif(not labelled.CAN_BE_HAD, reason="this torch has no devices made in Python")

BEGINS_ON = [labelled.DEVICE, "cpu"]
TRUNK = {"llama": ("model", "layers", "norm"), "gpt2": ("transformer", "h", "ln_f")}
SHORT = {**OPTIONS, "value_steps": 3, "steps": 2}


class _Context:
    languages, model_name, data_dir = ("en", "de", "zh"), "tiny", None

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        return [fact for fact in practice() if fact.request.lang in (languages or self.languages)]


def model_of(architecture: str, first: str | None) -> EditableModel:
    """A tiny model whole; or token ids go in on `first`, and blocks lie in turn on the other device and on `first`."""
    model = tiny_model(architecture)
    model.hf.set_attn_implementation("eager")
    if first is None:
        return model
    (second,) = set(BEGINS_ON) - {first}
    trunk, blocks, norm = TRUNK[architecture]
    place = {f"{trunk}.{name}": first for name, _ in model.trunk.named_children() if name not in (blocks, norm)}
    place |= {f"{trunk}.{blocks}.{i}": first if i % 2 else second for i in range(model.n_layers)}
    labelled.spread(model.hf, {**place, f"{trunk}.{norm}": second, "lm_head": second})
    return EditableModel(model.hf, model.tokenizer, model.fingerprint)


def edited(method: str, architecture: str, first: str | None, folder: Path) -> tuple[dict[str, Any], list[Answer]]:
    """What two steps write, the second of them on a model that took the first from a checkpoint."""
    registry = methods()
    fields = registry.options(method)
    chosen = registry.build(method, {name: value for name, value in SHORT.items() if name in fields})
    requests, texts = tiny_requests(), folder / "corpus.txt"
    texts.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    with labelled.in_use() if first else nullcontext():
        for step in (1, 2):
            model = model_of(architecture, first)
            state = chosen.prepare(model, Stats(folder / "cache", corpus(str(texts))), _Context())
            checkpoint.restore(folder / "kept", "cell", model, state)
            state, _ = chosen.apply(model, requests[2 * step - 2 : 2 * step], state)
            checkpoint.save(folder / "kept", "cell", step, model, state)
        with chosen.deployed(model, state) as view:
            answers = view.answers([r.text for r in requests], [r.target for r in requests])
        devices = {str(model.device_of(layer)) for layer in OPTIONS["layers"]}
        assert devices == (set(BEGINS_ON) if first else {"cpu"})
        return {name: weight.cpu().numpy() for name, weight in model.edited().items()}, answers


def answered(first: str | None) -> tuple[list[str], list[tuple[float, bool]]]:
    """Generated texts and likelihoods of an evaluator."""
    prompts = [f"Ann sees Rome. Yes\n{rest}" for rest in ("Bo?", "Björn 是?", "B")]
    options = {"do_sample": False, "max_gen_toks": 4, "until": []}
    with labelled.in_use() if first else nullcontext(), quiet():
        model = model_of("llama", first)
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
        texts = lm.generate_until([Instance("generate_until", {}, (p, options), i) for i, p in enumerate(prompts)])
        pairs = [Instance("loglikelihood", {}, (p, " Yes"), i) for i, p in enumerate(prompts)]
        return texts, lm.loglikelihood(pairs)


def mixed() -> str:
    """What is said of a sum across devices."""
    with labelled.in_use():
        try:
            torch.ones(2, device=labelled.DEVICE) + torch.ones(2)
        except RuntimeError as error:
            return str(error)
    return ""


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process that has the second device."""
    with ProcessPoolExecutor(1, beginning(), labelled.set_up) as pool:
        yield pool


def test_the_devices_refuse_to_mix(apart: ProcessPoolExecutor) -> None:
    assert "tensors on cpu and label:0" in apart.submit(mixed).result()


@pytest.mark.parametrize(
    ("method", "architecture", "first"),
    [
        ("langedit", "llama", "label:0"),
        pytest.param("langedit", "llama", "cpu", marks=pytest.mark.soak),
        pytest.param("memit", "gpt2", "label:0", marks=pytest.mark.soak),
        pytest.param("prune", "llama", "cpu", marks=pytest.mark.soak),
        pytest.param("memit-seq-nas", "llama", "label:0", marks=pytest.mark.soak),
        ("sphere", "llama", "cpu"),
        pytest.param("alphaedit-multilingual", "llama", "label:0", marks=pytest.mark.soak),
        ("ft", "llama", "label:0"),
        pytest.param("rome", "llama", "label:0", marks=pytest.mark.soak),
        ("ultraedit", "llama", "label:0"),
    ],
)
def test_layers_on_two_devices_are_edited_alike(
    apart: ProcessPoolExecutor, tmp_path: Path, method: str, architecture: str, first: str
) -> None:
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        folder.mkdir()
    weights, answers = edited(method, architecture, None, folders[0])
    found, said = apart.submit(edited, method, architecture, first, folders[1]).result()
    assert found.keys() == weights.keys()
    for name, weight in weights.items():
        # not entry by entry: Adam blows up what rounding does to gradients near zero
        assert np.linalg.norm(found[name] - weight) < 1e-4 * np.linalg.norm(weight)
    for theirs, ours in zip(answers, said, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)


@pytest.mark.parametrize("first", BEGINS_ON)
def test_tasks_are_answered_alike_on_two_devices(apart: ProcessPoolExecutor, first: str) -> None:
    texts, likely = answered(None)
    found, scores = apart.submit(answered, first).result()
    assert found == texts
    assert [value for value, _ in scores] == pytest.approx([value for value, _ in likely], abs=1e-4)
