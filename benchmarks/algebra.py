"""Rows that need no network: the solves and the projector's update, at any d_ff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.api import State
from bench.cost.drawn import DrawnStats
from bench.model import tiny
from bench.model.editable import EditableModel
from benchmarks import reference
from benchmarks.harness import Comparison, Results, Row, Scaled, Side
from benchmarks.stages import Sizes
from methods._locate.moving import MovingNullSpace
from methods._locate.rules import NullSpace, Ridge
from methods.langedit import running_mean

RIDGE_WEIGHT = 15_000.0
L2 = 10.0
LANGEDIT_L2 = 1.0
"""Published values for Llama3-8B; LangEdit's regulariser is the identity."""

PRIOR = 1_000.0
"""n0: a hundredth of the published one, so that a single step moves the null space visibly."""

LAYER = 0


def solves(sizes: Sizes, device: str) -> Iterator[Comparison]:
    """MEMIT, AlphaEdit with one step of history, LangEdit: dW of one layer."""
    drawn = DrawnStats(width=sizes.lu_width)
    given = tuple(tensor.to(device) for tensor in inputs(drawn, sizes.columns))
    label = f"d_ff {drawn.width}, n {sizes.columns}"
    yield _ridge_row(drawn, given, device, label)
    small = drawn.small_directions().to(device)
    projector = small @ small.T
    del small
    for name, remembers, l2 in (("AlphaEdit", True, L2), ("LangEdit", False, LANGEDIT_L2)):
        rule = NullSpace(drawn.threshold, l2, history=remembers)
        title = f"{name} solve, {label}" + (f", history {sizes.columns}" if remembers else "")
        yield _null_space_row(title, rule, drawn, projector, given, device)


def _ridge_row(drawn: DrawnStats, given: tuple[Tensor, ...], device: str, label: str) -> Comparison:
    keys, _, residual = given
    moment = drawn.matrix().to(device)
    rule = Ridge(RIDGE_WEIGHT)
    begun = rule.prepare(on_device(device), drawn, (LAYER,))
    row = Row(
        "solve",
        f"MEMIT solve, {label}",
        "drawn moments",
        target=50.0,
        tolerance=1e-4,
        note="reference: d_ff x d_ff LU, fp64; product: after one Cholesky factor per run",
    )
    return Comparison(
        row,
        Side(lambda _: {"update": reference.ridge(moment, keys, residual, RIDGE_WEIGHT)}),
        Side(lambda _: {"update": rule.solve(LAYER, keys, residual, begun)}),
    )


def _null_space_row(
    title: str, rule: NullSpace, drawn: DrawnStats, projector: Tensor, given: tuple[Tensor, ...], device: str
) -> Comparison:
    keys, history, residual = given
    begun = after_one(rule, drawn, history, residual, device)
    earlier = history @ history.T if rule.history else None
    row = Row(
        "solve",
        title,
        "drawn moments",
        target=50.0,
        tolerance=1e-3,
        note="reference: d_ff x d_ff LU, fp32; the projector is given",
    )
    return Comparison(
        row,
        Side(lambda _: {"update": reference.null_space(projector, keys, residual, earlier, rule.l2)}),
        Side(lambda state: {"update": rule.solve(LAYER, keys, residual, state)}, partial(fresh, begun)),
    )


def projectors(sizes: Sizes, device: str) -> Iterator[Comparison]:
    """LangEdit's moving null space, one step and layer, at a width that the reference can bear and at the full one."""
    row = f"LangEdit projector update and solve, d_ff {{}}, rank of the change {sizes.columns}"
    for width in dict.fromkeys((sizes.svd_width, sizes.full_width)):
        drawn = DrawnStats(width=width)
        keys, history, residual = (tensor.to(device) for tensor in inputs(drawn, sizes.columns))
        rule = NullSpace(drawn.threshold, LANGEDIT_L2, history=False, covariance=partial(running_mean, prior=PRIOR))
        begun = after_one(rule, drawn, history, residual, device)
        measured = width == sizes.svd_width
        plain = Side(_plain_step(drawn, keys, history, residual, device))
        scaled = Scaled(row.format(sizes.svd_width), (width / sizes.svd_width) ** 3)
        yield Comparison(
            Row(
                "projector",
                row.format(width),
                "drawn moments",
                target=10.0,
                tolerance=1e-3 if measured else None,
                note="reference: full SVD, fp32" + ("" if measured else f", scaled from d_ff {sizes.svd_width}"),
            ),
            plain if measured else scaled,
            Side(_our_step(rule, keys, residual), partial(fresh, begun)),
        )


def _plain_step(
    drawn: DrawnStats, keys: Tensor, history: Tensor, residual: Tensor, device: str
) -> Callable[[None], Results]:
    moment = drawn.matrix().to(device)

    def run(_: None) -> Results:
        mean = (PRIOR * moment + history @ history.T) / (PRIOR + history.shape[1])
        small = reference.small_directions(mean, drawn.threshold)
        # P K and the n x n system: only the decomposition is compared
        projected = small @ (small.T @ keys)
        gram = keys.T @ projected + LANGEDIT_L2 * torch.eye(keys.shape[1], device=keys.device)
        return {"update": residual @ torch.linalg.solve(gram.T, projected.T)}

    return run


def _our_step(rule: NullSpace, keys: Tensor, residual: Tensor) -> Callable[[State], Results]:
    def run(state: State) -> Results:
        rule.begin(state)
        return {"update": rule.solve(LAYER, keys, residual, state)}

    return run


def after_one(rule: NullSpace, drawn: DrawnStats, keys: Tensor, residual: Tensor, device: str) -> State:
    """A rule's state after a first step, which a rule remembers when it solves."""
    state = rule.prepare(on_device(device), drawn, (LAYER,))
    rule.begin(state)
    rule.solve(LAYER, keys, residual, state)
    return state


def fresh(state: State) -> State:
    """A copy whose containers may be written to; a moving null space has not seen the keys yet."""

    def copied(values: dict[str, Any]) -> dict[str, Any]:
        return {
            key: unused(value)
            if isinstance(value, MovingNullSpace)
            else dict(value)
            if isinstance(value, dict)
            else value
            for key, value in values.items()
        }

    def unused(space: MovingNullSpace) -> MovingNullSpace:
        return replace(space, bases={layer: replace(basis, seen={}) for layer, basis in space.bases.items()})

    return State(copied(state.memory), copied(state.constants))


def inputs(drawn: DrawnStats, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """New keys [m, n], keys of the step before [m, n], residual [d, n] with the d / m of Llama3-8B."""
    width = max(1, drawn.width * 2 // 7)
    residual = torch.randn(width, count, generator=torch.Generator().manual_seed(3))
    return drawn.keys(count, seed=1), drawn.keys(count, seed=2), residual


def on_device(device: str) -> EditableModel:
    """A model that only says where statistics go; the drawn ones do not look at it."""
    small = tiny.tiny_model("llama")
    return EditableModel(small.hf.to(device), small.tokenizer)
