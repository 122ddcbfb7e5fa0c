"""What the cells of a run share and their numbers do not depend on: folders, a device, where plug-ins are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import registry
from bench.config.registry import Registry
from bench.ground.rows import Kept
from bench.model.devices import choose_device
from bench.plan import contents
from bench.plan.needs import kept_cells

if TYPE_CHECKING:
    from bench.api import Evaluator
    from bench.model.placement import DeviceMap
    from bench.plan.planning import Plan


@dataclass(frozen=True, slots=True)
class World:
    """What a cell needs and its numbers do not depend on.

    Attributes:
        methods: where methods are found.
        evaluators: (name, options) pairs; the name is also that of the table of scores.
        data_dir: folder of downloaded data, or None.
        cache_dir: statistics and converted models.
        device: "cpu" or "cuda".
        kept: ids of the cells that keep their last checkpoints when they are done, for `bench verify`.
        evaluator_registry: where evaluators are found.
        trusted: models whose own code is run.
        device_map: spreads the model over several devices.
        answers: which answers are kept.
    """

    methods: Registry
    evaluators: tuple[tuple[str, Mapping[str, Any]], ...]
    data_dir: Path | None
    cache_dir: Path
    device: str
    kept: frozenset[str] = frozenset()
    evaluator_registry: Registry = field(default_factory=registry.evaluators)
    trusted: tuple[str, ...] = ()
    device_map: DeviceMap | None = None
    answers: Kept = "failed"

    def build_evaluators(self) -> dict[str, Evaluator]:
        """Evaluators of one cell, by name; they may remember what they prepared for it."""
        return {name: self.evaluator_registry.build(name, options) for name, options in self.evaluators}


def make_world(planned: Plan, device: str, device_map: DeviceMap | None = None, answers: Kept = "failed") -> World:
    """What all cells of a run share."""
    return World(
        methods=planned.methods,
        evaluators=planned.evaluators,
        data_dir=planned.data_dir,
        cache_dir=planned.cache_dir,
        device=device,
        kept=kept_cells(planned.cells),
        trusted=planned.trusted,
        device_map=device_map,
        answers=answers,
    )


def verifying_world(
    models: Iterable[str], data_dir: Path | None, cache_dir: Path, device: str, trust_remote_code: Iterable[str]
) -> World:
    """Where cells of a run with these models are computed again; every cell names its own evaluators.

    Raises:
        BenchError: no such device, or no such model to trust.
    """
    return World(
        methods=registry.methods(),
        evaluators=(),
        data_dir=data_dir,
        cache_dir=cache_dir,
        device=choose_device(device),
        trusted=contents.trusted_models(trust_remote_code, models),
        answers="none",
    )
