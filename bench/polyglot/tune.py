"""Hyperparameters of the embedded model, every method with the same search budget: ``make tune-polyglot``.

A trial edits one stream of its own seed (none of the benchmark's), as long as the one that is reported, with one
setting. It is judged by the harmonic mean of efficacy, generality, specificity and XTREME F1. Every method gets
`TRIALS` trials: the first ones drawn from its space, the rest each change one option of the best so far. A winner at
the edge of its space is no winner: as long as there is one, its choices go on beyond the edge and every method gets
`MORE` trials. All trials go to a log; the best become ``bench/hparams/polyglot-tiny.yaml``. A search that was stopped
goes on; trials of an earlier search of the same model can be read from its log.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.data import datasets
from bench.ground.atomic import write_text
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from bench.model import catalog
from bench.model.loading import load_editable
from bench.polyglot.scale_free import scale_free, text
from bench.polyglot.spaces import PEAK, SPACES
from bench.polyglot.trials import (
    METRICS,
    Space,
    Trial,
    edges,
    read_log,
    write_hyperparameters,
    write_log,
    write_settings,
)
from bench.store.results import load_results
from bench.store.shards import ResultStore

MODEL, DATA = "polyglot-tiny", "cldr"
SEED = 1000
"""Of the tuning stream; the benchmark's seeds count from 0."""

TRIALS, DRAWN, MORE, ROUNDS = 10, 5, 4, 4
SCHEDULE = Schedule(batch_size=20, edits_per_language=80)
ITEMS = 25
"""Of xtreme-mini per task and language; the benchmark asks 100."""

_log = logging.getLogger(__name__)


def draw(space: Space, rng: random.Random) -> dict[str, Any]:
    """A setting drawn evenly from a space."""
    return {name: rng.choice(list(choices)) for name, choices in space.items()}


def neighbour(space: Space, options: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A setting with one option moved to the next choice of its list, either way."""
    name = rng.choice([name for name, choices in space.items() if len(choices) > 1])
    choices = list(space[name])
    place = choices.index(options[name])
    beside = [choices[i] for i in (place - 1, place + 1) if 0 <= i < len(choices)]
    return {**options, name: rng.choice(beside)}


def widened(space: Space, options: Mapping[str, Any]) -> Space:
    """A space with two choices more, in the same ratio, beyond every edge that a setting stands on."""
    wider = {name: list(choices) for name, choices in space.items()}
    for name in edges(space, options):
        choices = wider[name]
        low = options[name] == choices[0]
        ratio = choices[0] / choices[1] if low else choices[-1] / choices[-2]
        beyond = [choices[0 if low else -1] * ratio**power for power in (1, 2)]
        wider[name] = [*reversed(beyond), *choices] if low else [*choices, *beyond]
    return wider


def search(
    method: str, space: Space, before: Sequence[Trial], trials: int, folder: Path, known: Sequence[Trial] = ()
) -> list[Trial]:
    """Try more settings of one method, as many as there are; all trials so far, the best first.

    Args:
        method: by name.
        space: its settings.
        before: trials so far.
        trials: how many more.
        folder: of all trials.
        known: trials of an earlier search, which are not computed again.
    """
    done = list(before)
    most = math.prod(len(choices) for choices in space.values())
    for number in range(len(done), min(len(done) + trials, most)):
        rng = random.Random(f"{SEED}/{method}/{number}")
        drawn = number < DRAWN
        options = draw(space, rng) if drawn else neighbour(space, done[0].options, rng)
        while options in [trial.options for trial in done]:
            # a neighbour that was tried leads on to its own neighbours
            options = draw(space, rng) if drawn else neighbour(space, options, rng)
        done.append(_found(known, method, options) or evaluate(method, options, folder))
        done.sort(key=lambda trial: -trial.score)
    return done


def _found(known: Sequence[Trial], method: str, options: Mapping[str, Any]) -> Trial | None:
    return next((trial for trial in known if (trial.method, trial.options) == (method, options)), None)


def evaluate(method: str, options: Mapping[str, Any], folder: Path) -> Trial:
    """Edit the tuning stream with one setting and score it; what was computed before is read.

    Args:
        method: by name.
        options: of the method; a setting with which it fails reaches nothing.
        folder: of all trials and of the statistics.
    """
    import torch

    from bench.compute.task import Task
    from bench.compute.world import World

    torch.set_num_threads(1)
    registry = methods()
    try:
        given = registry.config(method, options)
    except BenchError as error:
        # choices beyond an edge need not be any of the method's
        _log.info("%s %s: %s", method, dict(options), error)
        return Trial(method, options, dict.fromkeys(METRICS, 0.0))
    cell = Cell(
        method=MethodSpec(name=method, options=given.model_dump(mode="json"), statistics=True),
        model=ModelRef(name=MODEL, fingerprint=catalog.fingerprint(MODEL, folder / "cache")),
        data=DataRef(name=DATA, fingerprint=datasets.fingerprint(DATA)),
        schedule=SCHEDULE,
        token_budget=50_000,
        seed=SEED,
    )
    evaluators: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("edits", {}),
        ("xtreme", {"source": "mini", "limit": ITEMS}),
    )
    place = folder / method
    outcome = Task(ResultStore(place), World(registry, evaluators, None, folder / "cache", "cpu"))(cell, Unheard())
    if outcome is None:
        raise BenchError(f"{cell.label()}: another process computes it", file=place)
    if outcome.status not in ("done", "diverged"):
        _log.info("%s %s: %s", method, dict(options), outcome.reason.splitlines()[-1])
        return Trial(method, options, dict.fromkeys(METRICS, 0.0))
    return Trial(method, options, _scores(place, cell.id()))


def _scores(place: Path, cell: str) -> dict[str, float]:
    """Means over facts of the editing metrics, and over tasks and languages of XTREME F1, in percent."""
    scores = load_results(place).scores
    rows = scores[(scores["cell"] == cell) & scores["metric"].isin(METRICS) & (scores["protocol"] != "likelihood")]
    rows = rows.assign(mass=rows["value"] * rows["weight"])
    sums = rows.groupby(["metric", "fact", "edit_lang"])[["mass", "weight"]].sum()
    means = (sums["mass"] / sums["weight"]).groupby("metric").mean() * 100
    return {metric: float(means[metric]) for metric in METRICS}


def together(found: Mapping[str, Sequence[Trial]], known: Sequence[Trial]) -> list[Trial]:
    """Every method's trials, the best first, and those of an earlier search that this one has not come to."""
    trials = [trial for each in found.values() for trial in each]
    rest = [trial for trial in known if _found(trials, trial.method, trial.options) is None]
    order = list(found)
    return sorted([*trials, *rest], key=lambda trial: (order.index(trial.method), -trial.score))


def _tell(best: Trial, space: Space) -> None:
    at = ", ".join(edges(space, best.options))
    told = f"; at an edge: {at}" if at else ""
    _log.info("%s: %.2f %s %s%s", best.method, best.score, dict(best.scores), dict(best.options), told)


def main(
    workers: Annotated[int, typer.Option(help="methods searched at the same time")] = 2,
    folder: Annotated[Path, typer.Option(help="where trials and statistics are kept")] = Path("build/tuning"),
    log: Annotated[Path | None, typer.Option(help="of an earlier search of this model; its trials are taken")] = None,
    tables: Annotated[Path, typer.Option(help="for the tables of trials and of settings")] = Path("results/reference"),
) -> None:
    """Search the hyperparameters of every method for the embedded model, and write those by ratio beside them."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    spaces: dict[str, Space] = dict(SPACES)
    found: dict[str, list[Trial]] = {name: [] for name in spaces}
    known = [trial for trial in read_log(log) if trial.method in spaces] if log else []
    trials = 0
    with ProcessPoolExecutor(workers) as pool:
        for turn in range(ROUNDS):
            if turn:
                spaces = {name: widened(space, found[name][0].options) for name, space in spaces.items()}
            count = MORE if turn else TRIALS
            trials += count
            searched = pool.map(
                partial(search, trials=count, folder=folder, known=known), spaces, spaces.values(), found.values()
            )
            for name, each in zip(spaces, searched, strict=True):
                found[name] = each
                # a search that is stopped leaves all it knows
                write_log(together(found, known), tables / f"tuning-{MODEL}.csv")
                _tell(each[0], spaces[name])
            if not any(edges(spaces[name], each[0].options) for name, each in found.items()):
                break
    write_log(together(found, ()), tables / f"tuning-{MODEL}.csv")
    best = {name: each[0] for name, each in found.items()}
    hparams = Path(__file__).parents[1] / "hparams"
    write_hyperparameters(best, trials, hparams / f"{MODEL}.yaml")
    model = load_editable(MODEL, "float32", "cpu", folder / "cache")
    ratios = scale_free(model, PEAK, best["ft"].options)
    write_text(hparams / f"{MODEL}-scale-free.yaml", text(ratios))
    write_settings(found, spaces, ratios, tables / f"settings-{MODEL}.md")


if __name__ == "__main__":
    typer.run(main)
