"""Is a cell still what it was planned as, and can it go on from what an earlier call has left of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.compute.world import World
from bench.config.cell import Cell
from bench.data import corpora, datasets
from bench.data.corpora import HUB
from bench.ground.errors import BenchError


def refuse_changed(cell: Cell, world: World) -> None:
    """Facts and text must be those that the cell was planned with, since its id stands for them."""
    folder, planned = datasets.data_folder(world.data_dir), cell.corpus_fingerprint
    name, languages = cell.data.name, cell.schedule.languages
    if cell.data.fingerprint and datasets.of_languages(name, languages, folder) != cell.data.fingerprint:
        raise BenchError("the facts have changed since the run began; run it again", file=cell.data.name)
    if planned and not cell.corpus.startswith(HUB) and corpora.fingerprint(cell.corpus, folder) != planned:
        raise BenchError("the text has changed since the run began; run it again", file=cell.corpus)


def goes_on(cell: Cell, begun: Mapping[str, Any], world: World) -> bool:
    """Whether an earlier call has scored, as far as it came, what and how this one does."""
    used = begun.get("evaluators")
    if used is None:
        return False
    wanted = cell.scored_by(world.evaluators)
    if cell.schedule.eval_every or cell.schedule.passes > 1:
        return bool(used == wanted)
    # all scoring is at the end: another evaluator finds the model there
    return all(used.get(name, options) == options for name, options in wanted.items())


def elsewhere(begun: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """On what the steps before these were computed, where that was something else."""
    before = {key: begun.get(key) for key in ("device", "threads", "packages", "commit")}
    differs = any(value != now[key] for key, value in before.items())
    return [*begun.get("earlier", []), *([before] if differs else [])]
