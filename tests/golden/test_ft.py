"""FT as `build` makes it against recorded outputs of the released code."""

from __future__ import annotations

import pytest

from bench.api import State
from bench.config.registry import methods
from bench.model.editable import EditableModel
from methods import ft
from methods.ft import train
from tests.golden.golden import Golden, difference

FT_CASES = ["FT_constr", "FT_unconstr", "FT_constr_minibatch", "FT_weight_decay"]


@pytest.mark.parametrize("setting", FT_CASES)
def test_ft_fed_with_the_released_targets(golden: Golden, setting: str) -> None:
    """The release trains on BOS and padding where the tokenizer has no unk; fed with those ids we agree."""
    model = golden.model()
    check_ft(golden, model, golden.primary, setting, released_targets(golden, model, golden.primary))


def test_ft_with_our_own_targets_where_the_release_masks_padding() -> None:
    golden = Golden("gptj")
    model = golden.model()
    targets = [list(s.target_ids) for s in golden.sets(model)[:8]]
    for setting in FT_CASES:
        model.reset()
        check_ft(golden, model, "nobos", setting, targets)


def test_ft_of_the_alternative_tokenizer(golden: Golden) -> None:
    model = golden.model(golden.alternative)
    targets = released_targets(golden, model, golden.alternative)
    check_ft(golden, model, golden.alternative, "FT_constr", targets)


def released_targets(golden: Golden, model: EditableModel, tokenizer: str) -> list[list[int]]:
    """Target ids of batch b0 as the release sees them, per minibatch padded; masked where the pad is unk."""
    rows = [[*model.tokens.leading, *s.target_ids] for s in golden.sets(model)[:8]]
    if tokenizer == "nobos":
        return rows
    width = max(len(row) for row in rows)
    return [row + [model.tokens.pad_id] * (width - len(row)) for row in rows]


def check_ft(golden: Golden, model: EditableModel, tokenizer: str, setting: str, targets: list[list[int]]) -> None:
    raw = golden.json("hparams")[setting]
    options = {
        "layer": 1,
        "steps": raw["num_steps"],
        "lr": raw["lr"],
        "weight_decay": raw["weight_decay"],
        "norm_constraint": raw["norm_constraint"] or None,
        "batch_size": raw.get("batch_size", 64),
        "objective": "prompt_last",
    }
    method = methods().build("ft", options)
    before = {name: model.master(name).clone() for name in model.parameter_names(1)}
    requests = golden.requests()[:8]
    if tokenizer != "nobos":
        targets = [target[: width_of(targets, i, options["batch_size"], model)] for i, target in enumerate(targets)]
    losses: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        # as the release has tokenised them; the losses of all batches are only listened to
        patch.setattr(model.tokens, "targets", lambda texts, end_of_text: targets)
        patch.setattr(ft, "train", lambda *given: losses.extend(train(*given)) or losses)
        _, report = method.apply(model, requests, State())
    assert report.losses == {"nll": losses[-1]}
    recorded = golden.tensors("ft")
    trace = golden.json("ft")[f"{tokenizer}.{setting}"]["batch_losses"]
    assert losses == pytest.approx(trace, abs=3e-4)
    for name, start in before.items():
        key = f"{tokenizer}.{setting}.{name}"
        assert difference(model.master(name), recorded[key]) < 1e-5
        assert difference(model.master(name) - start, recorded[f"{key}.delta"]) < 7e-4


def width_of(targets: list[list[int]], i: int, size: int, model: EditableModel) -> int:
    """Padded width of a row's own minibatch."""
    batch = targets[i - i % size : i - i % size + size]
    return max(len([t for t in target if t != model.tokens.pad_id]) for target in batch)
