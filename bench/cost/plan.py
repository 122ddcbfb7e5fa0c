"""What `bench cost` will measure: how deep a model fits a machine, and which layers are edited in a cut one.

A shape too large for the memory is cut to its first blocks, to as many as fit. What a cut costs is measured at two
depths with the same edited layers, so that the difference is the cost of the blocks above them; edited layers
therefore have to lie within the shallower of the two, and are moved down where they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config.cell import LANGUAGES, Dtype
from bench.config.registry import Registry
from bench.config.run import RunSpec
from bench.config.variants import base_of
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model.sizes import BYTES, free_bytes
from bench.plan.memory import LAYERS, edited_layers
from bench.plan.planning import method_specs
from bench.plan.texts import SMALL

if TYPE_CHECKING:
    from bench.model.shapes import Shape

ROOM = 0.9
"""Share of the free memory that a plan may fill."""

ROWS, COLUMNS, TARGET = 6, 8, 3
"""Prompts per fact, tokens of a prompt from the subject on, tokens of a target: about what the facts have."""

MATRIX_BYTES, WORKSPACE_BYTES = 12, 24
"""Per entry of a second moment: it and its factor for every edited layer; a decomposition at work, once."""


@dataclass(frozen=True, slots=True)
class MethodPlan:
    """One method with its options on the whole model and on what is measured of it."""

    name: str
    whole: Mapping[str, Any]
    measured: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """How much is edited.

    Attributes:
        edits: facts per step.
        steps: of which the first is a warm-up.
        batch_sizes: further numbers of facts per step.
        languages: every step has facts of all of them.
    """

    edits: int
    steps: int
    batch_sizes: tuple[int, ...]
    languages: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, least, values in (
            ("--edits", 1, (self.edits,)),
            ("--steps", 2, (self.steps,)),
            ("--batch-sizes", 1, self.batch_sizes),
        ):
            if any(value < least for value in values):
                raise BenchError(f"{name} must be at least {least}")


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What is measured.

    Attributes:
        model: name of a shape, or of a checkpoint.
        is_shape: random weights.
        whole: blocks of the model; 0 for a checkpoint, which is never cut.
        depth: blocks measured; 0 for a checkpoint.
        shallow: blocks of the second measurement; 0 where there is none.
        need: bytes that it is predicted to take; 0 for a checkpoint.
        token_budget: most tokens of the corpus behind the statistics.
        cache_dir: statistics are kept below it while the plan is carried out.
    """

    model: str
    is_shape: bool
    whole: int
    depth: int
    shallow: int
    methods: tuple[MethodPlan, ...]
    load: Load
    dtype: Dtype
    device: str
    need: int
    token_budget: int
    cache_dir: Path

    @property
    def is_cut(self) -> bool:
        """Less than the whole model is measured."""
        return self.depth < self.whole


def plan(
    model: str,
    spec: RunSpec,
    load: Load,
    *,
    layers: int | None,
    device: str,
    cache_dir: Path,
    registry: Registry,
) -> CostPlan:
    """Decide what to measure.

    Args:
        model: a shape, or a checkpoint as `bench.model.catalog.resolve` finds it.
        spec: methods, hyperparameters, dtype and token budget; the unedited model is left out.
        load: how much is edited.
        layers: blocks to keep; None keeps as many as fit.
        device: where it is measured.
        cache_dir: see `CostPlan`.
        registry: where methods are found.

    Raises:
        BenchError: unknown model, method or option, no such number of layers, or not even one block fits.
    """
    from bench.model import catalog
    from bench.model.shapes import SHAPES, check_depth

    names = tuple(name for name in spec.methods if name != "none")
    _check_names("method", [base_of(name) for name in names], registry.names())
    _check_names("language", load.languages, LANGUAGES)
    if not names:
        raise BenchError("no method to measure: the unedited model has no cost")
    spec = spec.model_copy(update={"methods": names})
    rest = CostPlan(model, False, 0, 0, 0, (), load, spec.dtype, device, 0, spec.token_budget or SMALL, cache_dir)
    if model not in SHAPES:
        if "/" not in model and not Path(model).is_dir() and model not in catalog.known_models():
            raise unknown("model", model, [*SHAPES, *catalog.known_models()])
        if layers is not None:
            raise BenchError("--layers cuts shapes, not checkpoints")
        found = tuple(MethodPlan(s.name, s.options, s.options) for s in method_specs(spec, model, registry))
        return replace(rest, methods=found)
    shape = SHAPES[model]
    like = shape.like or model
    made_for = SHAPES.get(spec.hparams or like, shape).layers
    whole = {s.name: moved(s.options, made_for, shape.layers) for s in method_specs(spec, like, registry)}
    fits = deepest(shape, list(whole.values()), load, spec.dtype, device) if layers is None else layers
    depth = check_depth(shape, fits)
    shallow, methods = at_depth(shape, whole, depth)
    need = max(needed_bytes(shape, depth, each.measured, load, spec.dtype) for each in methods)
    return replace(
        rest, is_shape=True, whole=shape.layers, depth=depth, shallow=shallow, methods=methods, need=need
    )  # fmt: skip


def _check_names(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)


# ---------------------------------------------------------------------------- edited layers
def moved(options: Mapping[str, Any], made_for: int, depth: int) -> dict[str, Any]:
    """Options whose layers lie within `depth` blocks: as they are where they do, else moved down.

    The highest goes to its relative place, the others stand below it; there are fewer only where blocks are.
    """
    layers = edited_layers(options)
    if not layers or max(layers) < depth:
        return dict(options)

    def lower(chosen: Sequence[int]) -> list[int]:
        count = min(len(chosen), depth)
        top = max(round(max(chosen) * (depth - 1) / (made_for - 1)), count - 1)
        return list(range(top - count + 1, top + 1))

    if "layers" not in options:
        return {**options, "layer": lower(layers)[-1]}
    return {**options, **{name: lower(options[name]) for name in LAYERS if options.get(name)}}


def at_depth(shape: Shape, whole: Mapping[str, Mapping[str, Any]], depth: int) -> tuple[int, tuple[MethodPlan, ...]]:
    """The second depth, 0 where none is needed or possible, and the methods' options for both."""
    shallow = 0
    if depth < shape.layers:
        most = max((len(edited_layers(options)) for options in whole.values()), default=1)
        # far from the depth, for the difference of two close ones is noise
        shallow = min(max(1, depth // 2), most, depth - 1)
    within = shallow or depth
    return shallow, tuple(MethodPlan(name, o, moved(o, shape.layers, within)) for name, o in whole.items())


# ---------------------------------------------------------------------------- memory
def deepest(shape: Shape, whole: Sequence[Mapping[str, Any]], load: Load, dtype: Dtype, device: str) -> int:
    """The most blocks that fit the free memory.

    Raises:
        BenchError: not even one does.
    """
    room = ROOM * free_bytes(device)
    named = {str(i): options for i, options in enumerate(whole)}
    for depth in range(shape.layers, 0, -1):
        _, methods = at_depth(shape, named, depth)
        if max(needed_bytes(shape, depth, each.measured, load, dtype) for each in methods) <= room:
            return depth
    raise BenchError(
        f"not even one block of {shape.name} fits: {room / 1e9:.1f} GB are free; give --layers to try nevertheless, "
        "fewer --edits, or --dtype bfloat16"
    )


def needed_bytes(shape: Shape, depth: int, options: Mapping[str, Any], load: Load, dtype: Dtype) -> int:
    """About what a method takes at its peak: weights, copies of edited ones, statistics, activations, logits."""
    from bench.model.shapes import weight_bytes

    config, each = shape.config(depth), BYTES[dtype]
    width, vocabulary = config.hidden_size, config.vocab_size
    inner = getattr(config, "intermediate_size", 0) or config.n_inner
    layers = edited_layers(options)
    # a fp32 master, the original, and two fp32 copies at work
    edited = len(layers) * width * inner * (12 + each)
    # gradients of weights are taken at all edited layers, without statistics of text
    of_weights = "mini_batch" in options or "target_modules" in options
    with_moments = len(layers) if options.get("use_moment", "layers" in options and not of_weights) else 0
    moments = inner**2 * (MATRIX_BYTES * with_moments + (WORKSPACE_BYTES if with_moments else 0))
    facts = max(load.edits, *load.batch_sizes, 0)
    above = max(depth - 1 - (min if of_weights else max)(layers, default=0), 1)
    saved = facts * ROWS * COLUMNS * (10 * width + 4 * inner) * each * above
    logits = facts * ROWS * TARGET * vocabulary * 4 * 4
    more: int = edited + moments + saved + logits
    return weight_bytes(shape.name, depth, dtype) + more
