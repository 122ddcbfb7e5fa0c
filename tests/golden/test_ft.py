"""FT against recorded outputs of the released code."""

from __future__ import annotations

import pytest

from bench.model.editable import EditableModel
from methods import ft
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
    config = ft.Config(
        layer=1,
        steps=raw["num_steps"],
        lr=raw["lr"],
        weight_decay=raw["weight_decay"],
        norm_constraint=raw["norm_constraint"] or None,
        batch_size=raw.get("batch_size", 64),
        objective="prompt_last",
    )
    before = {name: model.master(name).clone() for name in model.parameter_names(1)}
    prompts = model.tokens.prompts([r.text for r in golden.requests()[:8]])
    rows = list(zip(prompts, targets, strict=True))
    if tokenizer != "nobos":
        rows = [
            (prompt, target[: width_of(rows, i, config.batch_size, model)]) for i, (prompt, target) in enumerate(rows)
        ]
    losses = ft.train(model, rows, config)
    recorded = golden.tensors("ft")
    trace = golden.json("ft")[f"{tokenizer}.{setting}"]["batch_losses"]
    assert losses == pytest.approx(trace, abs=3e-4)
    for name, start in before.items():
        key = f"{tokenizer}.{setting}.{name}"
        assert difference(model.master(name), recorded[key]) < 1e-5
        assert difference(model.master(name) - start, recorded[f"{key}.delta"]) < 7e-4


def width_of(rows: list[tuple[list[int], list[int]]], i: int, size: int, model: EditableModel) -> int:
    """Padded width of a row's own minibatch."""
    batch = rows[i - i % size : i - i % size + size]
    return max(len([t for t in target if t != model.tokens.pad_id]) for _, target in batch)
