"""Linear algebra alone: updates, null spaces and restraint from recorded keys, values and updates."""

from __future__ import annotations

import pytest
import torch

from methods import rome
from methods._locate.prompts import prompt_sets
from methods._locate.rules import NullSpace
from methods._locate.solve import Projector, moment_factor, null_space_update, ridge_update, weighted_covariance
from methods._locate.values import optimise_values
from methods.langedit_released import released_recursion
from methods.prune import restrain
from tests.golden.golden import LAYERS, Golden, difference


def test_projector_of_alphaedit(golden: Golden) -> None:
    hparams = golden.json("hparams")["AlphaEdit"]
    rule = NullSpace(hparams["nullspace_threshold"], hparams["L2"], history=True)
    state = rule.prepare(golden.model(), golden.stats, LAYERS)  # type: ignore[arg-type]
    recorded = golden.tensors("alphaedit")["P"]
    for i, layer in enumerate(LAYERS):
        assert difference(state.constants["projectors"][layer](torch.eye(64)), recorded[i]) < 1e-5


def test_langedit_projectors_from_recorded_keys(golden: Golden) -> None:
    """Linear algebra alone: covariance and P of every step from the recorded keys."""
    recorded = golden.tensors("langedit")
    threshold = golden.json("hparams")["AlphaEdit"]["nullspace_threshold"]
    for step in range(6):
        scale, factors = released_recursion([4] * step)
        for i, layer in enumerate(LAYERS):
            keys = [recorded[f"s{s}.ks.layer{layer}"].T for s in range(step)]
            history = torch.cat(keys, dim=1) if keys else torch.zeros(64, 0)
            weights = torch.tensor([f for f in factors for _ in range(4)])
            ours = weighted_covariance(golden.stats.recorded[f"mom2.layer{layer}"], scale, history, weights)
            assert difference(ours, recorded[f"s{step}.cov"][i]) < 3e-6
            projector = Projector.from_eigen(*torch.linalg.eigh(ours.double()), threshold)
            assert difference(projector(torch.eye(64)), recorded[f"s{step}.P"][i]) < 3e-5


def test_linear_algebra_of_memit_from_recorded_keys(golden: Golden) -> None:
    weight = golden.json("hparams")["MEMIT"]["mom2_update_weight"]
    recorded = golden.tensors("memit")
    for batch in ("b0", "b1", "b2"):
        for i, layer in enumerate(LAYERS):
            keys, outputs = (recorded[f"{batch}.{n}.layer{layer}"].T for n in ("ks", "cur_zs"))
            residual = (recorded[f"{batch}.zs"].T - outputs) / (len(LAYERS) - i)
            factor = moment_factor(golden.stats.recorded[f"mom2.layer{layer}"])
            ours = ridge_update(keys, residual, factor, weight)
            assert difference(ours, recorded[f"{batch}.delta.layer{layer}"]) < 1e-6


@pytest.mark.parametrize("name", ["alphaedit", "langedit"])
def test_linear_algebra_of_null_space_from_recorded_keys(golden: Golden, name: str) -> None:
    l2 = golden.json("hparams")["AlphaEdit"]["L2"]
    recorded = golden.tensors(name)
    for step in range(3 if name == "alphaedit" else 6):
        for i, layer in enumerate(LAYERS):
            tag = f"{'b' if name == 'alphaedit' else 's'}{step}"
            projection = recorded["P"][i] if name == "alphaedit" else recorded[f"{tag}.P"][i]
            values, vectors = torch.linalg.eigh(torch.eye(64) - projection.double())
            keys, outputs = (recorded[f"{tag}.{n}.layer{layer}"].T for n in ("ks", "cur_zs"))
            residual = (recorded[f"{tag}.zs"].T - outputs) / (len(LAYERS) - i)
            earlier = [recorded[f"{tag[0]}{s}.ks.layer{layer}"].T for s in range(step)]
            history = torch.cat(earlier, dim=1) if earlier else None
            projector = Projector(vectors[:, values > 0.5], onto=False)
            past = None if history is None else projector(history)
            ours = null_space_update(projector(keys), residual, past, l2)
            assert difference(ours, recorded[f"{tag}.delta.layer{layer}"]) < 1e-5


@pytest.mark.parametrize("tag", ["b1", "b3"])
def test_prune_restraint_from_recorded_updates(golden: Golden, tag: str) -> None:
    recorded, model = golden.tensors("prune"), golden.model()
    for layer in LAYERS:
        update = recorded[f"{tag}.unpruned_delta.layer{layer}"]
        ours = restrain(model.original(layer), update)
        assert difference(ours, recorded[f"{tag}.added_on_top.layer{layer}"]) < 1e-5


@pytest.mark.parametrize(("tag", "use_moment"), [("adj1", True), ("adj0", False)])
def test_rome_from_its_parts(golden: Golden, tag: str, use_moment: bool) -> None:
    recorded, losses = golden.tensors("rome"), golden.json("rome_losses")[tag]
    model = golden.model()
    config = rome.Config(**golden.options("ROME"), layer=1, use_moment=use_moment)
    sets = prompt_sets(model.tokens, golden.requests()[:3], golden.prefixes(per_language=False))
    factor = moment_factor(golden.stats.recorded["mom2.layer1"]) if use_moment else None
    for i, prompts in enumerate(sets):
        name = f"{tag}.fact{i}"
        values = optimise_values(model, [prompts], 1, config.values(), "projection")
        keys = rome.read_keys(model, prompts, 1)
        left, right = rome.rank_one(keys, values.targets[0], factor)
        assert difference(values.targets[0], recorded[f"{name}.target"]) < 5e-5
        assert difference(keys.bare, recorded[f"{name}.cur_input"]) < 1e-5
        assert difference(keys.output, recorded[f"{name}.cur_output"]) < 1e-5
        assert difference(left, recorded[f"{name}.u"]) < 1e-5
        assert difference(right, recorded[f"{name}.v"]) < 5e-5
        assert int(values.updates[0]) == losses[i]["optimizer_steps"]
        model.add(1, torch.outer(right, left))
        assert difference(model.weight(1), recorded[f"{name}.weight"]) < 1e-5
