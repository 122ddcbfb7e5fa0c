"""Whole methods as `build` makes them, one batch and several in sequence, agree with the released implementations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.api import Method
from bench.model.editable import EditableModel
from benchmarks.reference_steps import LangEditRule, edit
from methods._locate import editor
from methods._locate.editor import LocateOptions
from methods._locate.prompts import PromptSet
from methods._locate.values import Values, optimise_values
from tests.golden.golden import LAYERS, MANGLED, Golden, Recorded, difference

BATCHES = (range(0, 8), range(8, 16), range(16, 24))
STEPS = tuple(range(4 * i, 4 * i + 4) for i in range(6))
THREE = tuple((f"b{i}", batch) for i, batch in enumerate(BATCHES))


def lend_mangled_values(monkeypatch: pytest.MonkeyPatch, batch: Sequence[int], recorded: Tensor) -> None:
    """The release cuts two targets inside a character; there its recorded values are taken."""

    def patched(model: EditableModel, sets: Sequence[PromptSet], layer: int, config: Any, *rest: Any) -> Values:
        values = optimise_values(model, sets, layer, config, *rest)
        for place, case in enumerate(batch):
            if case in MANGLED:
                values.targets[place] = recorded[place]
            else:
                assert difference(values.targets[place], recorded[place]) < 3e-4
        return values

    monkeypatch.setattr(editor, "optimise_values", patched)


def run_batches(
    golden: Golden,
    method: Method,
    recorded: dict[str, Tensor],
    batches: Sequence[tuple[str, Sequence[int]]],
    tolerances: Sequence[float],
    monkeypatch: pytest.MonkeyPatch,
) -> EditableModel:
    """Edit batch after batch; what each changes, as the method deploys it, is what was recorded."""
    model, requests = golden.model(), golden.requests()
    state = method.prepare(model, golden.stats, Recorded())  # type: ignore[arg-type]
    for (name, batch), tolerance in zip(batches, tolerances, strict=True):
        before = {layer: model.weight(layer).clone() for layer in LAYERS}
        if f"{name}.zs" in recorded:
            lend_mangled_values(monkeypatch, batch, recorded[f"{name}.zs"])
        state, report = method.apply(model, [requests[i] for i in batch], state)
        with method.deployed(model, state):
            deltas = {layer: model.weight(layer) - before[layer] for layer in LAYERS}
        for layer, delta in deltas.items():
            assert difference(delta, recorded[f"{name}.delta.layer{layer}"]) < tolerance, (name, layer)
            assert report.update_norms[layer] == pytest.approx(float(delta.norm()), rel=1e-4)
            if f"{name}.mask.layer{layer}" in recorded and name == "b0":
                assert torch.equal((delta != 0).cpu(), recorded[f"{name}.mask.layer{layer}"].bool())
    return model


def test_memit(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = golden.json("hparams")["MEMIT"]["mom2_update_weight"]
    method = golden.built("memit", monkeypatch, "MEMIT", layers=LAYERS, moment_weight=weight)
    recorded = golden.tensors("memit")
    model = run_batches(golden, method, recorded, THREE, (7e-5, 2e-4, 2e-4), monkeypatch)
    for layer in LAYERS:
        assert difference(model.weight(layer), recorded[f"b2.weight.layer{layer}"]) < 1e-4


def test_rect(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = golden.json("hparams")["MEMIT"]["mom2_update_weight"]
    method = golden.built("rect", monkeypatch, "MEMIT", layers=LAYERS, moment_weight=weight, keep=0.4)
    run_batches(golden, method, golden.tensors("rect"), THREE, (5e-5, 2e-4, 2e-4), monkeypatch)


def null_space(golden: Golden, name: str, monkeypatch: pytest.MonkeyPatch, per_language: bool) -> Method:
    hparams = golden.json("hparams")["AlphaEdit"]
    values = {"threshold": hparams["nullspace_threshold"], "l2": hparams["L2"]}
    return golden.built(name, monkeypatch, "AlphaEdit", per_language, layers=LAYERS, **values)


def test_alphaedit(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    method = null_space(golden, "alphaedit", monkeypatch, per_language=False)
    run_batches(golden, method, golden.tensors("alphaedit"), THREE, (7e-5, 2e-4, 7e-4), monkeypatch)


def test_alphaedit_is_langedit_whose_null_space_stays(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """The released LangEdit with its switch off; the values of its last step, which has cut targets, are missing."""
    method = null_space(golden, "alphaedit", monkeypatch, per_language=True)
    steps = [(f"fixedP.s{i}", step) for i, step in enumerate(STEPS[:5])]
    run_batches(golden, method, golden.tensors("langedit"), steps, (5e-5, 2e-4, 2e-4, 5e-4, 5e-4), monkeypatch)


def test_langedit_released(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    method = null_space(golden, "langedit-released", monkeypatch, per_language=True)
    steps = [(f"s{i}", step) for i, step in enumerate(STEPS)]
    tolerances = (5e-5, 2e-4, 2e-4, 5e-4, 5e-4, 5e-4)
    run_batches(golden, method, golden.tensors("langedit"), steps, tolerances, monkeypatch)


def test_langedit_after_its_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was recorded of it: three steps are those of the plain reference, written from Eq. 4 and 10."""
    golden = Golden("llama")
    threshold, prior, l2 = golden.json("hparams")["AlphaEdit"]["nullspace_threshold"], 20.0, 1.5
    options = {"layers": LAYERS, "threshold": threshold, "l2": l2, "prior": prior, "value_steps": 4}
    method = golden.built("langedit", monkeypatch, "AlphaEdit", per_language=True, **options)
    config = LocateOptions(**{**golden.options("AlphaEdit"), "layers": LAYERS, "value_steps": 4}).values()
    model, plain, requests = golden.model(), golden.model(), golden.requests()
    moments = {layer: moment.matrix for layer, moment in golden.stats.moments(plain, LAYERS).items()}
    sums = {layer: torch.zeros_like(moment) for layer, moment in moments.items()}
    state = method.prepare(model, golden.stats, Recorded())  # type: ignore[arg-type]
    for number, step in enumerate(STEPS[:3]):
        state, _ = method.apply(model, [requests[i] for i in step], state)
        rule = LangEditRule(moments, sums, 4 * number, prior, threshold, l2)
        sets = golden.sets(plain, per_language=True)[step.start : step.stop]
        edit(plain, sets, LAYERS, config, rule)
        for layer in LAYERS:
            original = model.original(layer)
            assert difference(model.weight(layer) - original, plain.weight(layer) - original) < 1e-4


# ---------------------------------------------------------------------------- PRUNE
def calmed(original: Tensor, delta: Tensor, base: float) -> Tensor:
    """U f(S) V^T, plainly."""
    left, values, right = np.linalg.svd(delta.double().numpy(), full_matrices=False)
    limit = np.linalg.norm(original.double().numpy(), 2)
    assert values.max() > limit, "nothing to restrain: the test would pass whatever is done"
    logs = np.log(np.maximum(values, limit) / limit) / math.log(base) + limit
    return torch.from_numpy(left * np.where(values > limit, logs, values) @ right)


def pruned(
    golden: Golden, name: str, monkeypatch: pytest.MonkeyPatch, batches: Sequence[range], **options: Any
) -> tuple[EditableModel, dict[int, Tensor], dict[int, Tensor]]:
    """The model after some batches, its weights then, and those that are deployed."""
    weight = golden.json("hparams")["PRUNE"]["mom2_update_weight"]
    method = golden.built(name, monkeypatch, "PRUNE", layers=LAYERS, moment_weight=weight, **options)
    model, requests = golden.model(), golden.requests()
    state = method.prepare(model, golden.stats, Recorded())  # type: ignore[arg-type]
    for batch in batches:
        state, _ = method.apply(model, [requests[i] for i in batch], state)
        with method.deployed(model, state):
            deployed = {layer: model.weight(layer).clone() for layer in LAYERS}
    return model, {layer: model.weight(layer) for layer in LAYERS}, deployed


@pytest.mark.parametrize("name", ["prune", "prune-released"])
def test_prune(golden: Golden, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PRUNE after its paper deploys W0 + f(dW), the released driver W0 + dW + f(dW), which it recorded apart."""
    recorded = golden.tensors("prune")
    model, raw, deployed = pruned(golden, name, monkeypatch, BATCHES[:1], log_base=math.e)
    for layer in LAYERS:
        original = model.original(layer)
        assert difference(raw[layer] - original, recorded[f"b1.unpruned_delta.layer{layer}"]) < 2e-4
        whole = recorded[f"b1.{'delta' if name == 'prune-released' else 'added_on_top'}.layer{layer}"]
        assert difference(deployed[layer] - original, whole) < 2e-4


@pytest.mark.parametrize(("name", "base"), [("prune", math.e), ("prune", 1.2), ("prune-released", 2.0)])
def test_prune_after_its_formula(name: str, base: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three batches, restrained whenever they are used and never twice; the recorded third one holds cut targets."""
    model, raw, deployed = pruned(Golden("llama"), name, monkeypatch, STEPS[:3], log_base=base)
    for layer in LAYERS:
        original, delta = model.original(layer), raw[layer] - model.original(layer)
        expected = calmed(original, delta, base) + (delta if name == "prune-released" else 0)
        assert difference(deployed[layer] - original, expected) < 1e-5


# ---------------------------------------------------------------------------- ROME
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("tag", "use_moment"), [("adj1", True), ("adj0", False)])
def test_rome(golden: Golden, tag: str, use_moment: bool, together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three facts in one step and in three: every one is edited, on the weights that the last one left."""
    recorded, model, requests = golden.tensors("rome"), golden.model(), golden.requests()[:3]
    method = golden.built("rome", monkeypatch, "ROME", layer=1, use_moment=use_moment)
    state = method.prepare(model, golden.stats, Recorded())  # type: ignore[arg-type]
    for last, step in [(2, requests)] if together else [(i, [each]) for i, each in enumerate(requests)]:
        before = model.weight(1).clone()
        state, report = method.apply(model, step, state)
        assert difference(model.weight(1), recorded[f"{tag}.fact{last}.weight"]) < 1e-5
        assert report.update_norms == {1: pytest.approx(float((model.weight(1) - before).norm()), rel=1e-4)}
    losses = [each["final"] for each in golden.json("rome_losses")[tag]]
    if together:
        assert report.losses["total"] == pytest.approx(sum(each["loss"] for each in losses) / 3, abs=1e-3)
        assert report.losses["nll"] == pytest.approx(sum(each["nll"] for each in losses) / 3, abs=1e-3)
