"""Hyperparameters of the embedded model, every method with the same search budget: ``make tune-polyglot``.

A trial edits one stream of its own seed (none of the benchmark's) with one setting and is judged by the harmonic
mean of efficacy, generality and specificity. Every method gets `TRIALS` trials: the first ones drawn from its
space, the rest each change one option of the best so far. All trials go to a log; the best become
``bench/hparams/polyglot-tiny.yaml``.
"""

from __future__ import annotations

import csv
import logging
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.data import datasets
from bench.ground.atomic import replacing, write_text
from bench.ground.progress import Unheard
from bench.model import catalog
from bench.store.results import load_results
from bench.store.shards import ResultStore

MODEL, DATA = "polyglot-tiny", "cldr"
SEED = 1000
"""Of the tuning stream; the benchmark's seeds count from 0."""

TRIALS, DRAWN = 10, 6
SCHEDULE = Schedule(batch_size=10, edits_per_language=10)
METRICS = ("efficacy", "generality", "specificity")

Space = Mapping[str, Sequence[Any]]

VALUES: Space = {
    "value_steps": (25,),
    "value_lr": (0.5,),
    "value_decay": (1e-3,),
    "clamp": (0.75, 1.0, 1.5, 2.0, 4.0),
    "kl_weight": (0.0625,),
    "prefix_lengths": ([[10, 1]],),
}
"""Value optimisation has the same space in all methods that have it."""

FAMILY: Space = {**VALUES, "layers": ([0], [0, 1], [0, 1, 2], [1, 2])}
RIDGE: Space = {**FAMILY, "moment_weight": (30, 100, 300, 1000, 3000)}
NULL: Space = {
    **FAMILY,
    "threshold": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "l2": (0.1, 1.0, 10.0, 100.0),
}
SPACES: Mapping[str, Space] = {
    "ft": {
        "layer": (0, 1, 2, 3),
        "steps": (25,),
        "lr": (5e-5, 1e-4, 2e-4, 5e-4, 1e-3),
        "weight_decay": (0.0,),
        "norm_constraint": (None, 5e-4, 1e-3, 2e-3, 5e-3),
        "batch_size": (64,),
        "objective": ("prompt_last",),
    },
    "rome": {**VALUES, "layer": (0, 1, 2), "use_moment": (True, False)},
    "memit": RIDGE,
    "prune": {**RIDGE, "log_base": (1.2, 1.5, 2.718281828459045)},
    "rect": {**RIDGE, "keep": (0.2, 0.4, 0.6)},
    "alphaedit": NULL,
    "langedit": {**NULL, "prior": (1000, 100_000)},
}
RELEASED = {"prune-released": "prune", "langedit-released": "alphaedit"}
"""Variants take the values of the method they vary."""

HEADER = """\
# The embedded model. Found by `make tune-polyglot`: {trials} trials for every method on a tuning stream of its own
# seed; all trials are in results/reference/tuning-polyglot-tiny.csv. Variants take the values of what they vary.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of a method and what it reached on the tuning stream, in percent."""

    method: str
    options: Mapping[str, Any]
    scores: Mapping[str, float]

    @property
    def score(self) -> float:
        """Harmonic mean of the three metrics."""
        values = [self.scores[metric] for metric in METRICS]
        return statistics.harmonic_mean(values) if min(values) > 0 else 0.0


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


def search(method: str, cache_dir: Path) -> list[Trial]:
    """All trials of one method, the best first."""
    rng, space = random.Random(f"{SEED}/{method}"), SPACES[method]
    trials: list[Trial] = []
    for number in range(TRIALS):
        options = draw(space, rng) if number < DRAWN else neighbour(space, trials[0].options, rng)
        while options in [trial.options for trial in trials]:
            # a neighbour that was tried leads on to its own neighbours
            options = draw(space, rng) if number < DRAWN else neighbour(space, options, rng)
        trials.append(evaluate(method, options, cache_dir))
        trials.sort(key=lambda trial: -trial.score)
    return trials


def evaluate(method: str, options: Mapping[str, Any], cache_dir: Path) -> Trial:
    """Edit the tuning stream with one setting and score it."""
    import torch

    from bench.compute.driver import run_cell
    from bench.compute.world import World

    torch.set_num_threads(1)
    registry = methods()
    cell = Cell(
        method=MethodSpec(name=method, options=registry.config(method, options).model_dump(mode="json")),
        model=ModelRef(name=MODEL, fingerprint=catalog.fingerprint(MODEL, cache_dir)),
        data=DataRef(name=DATA, fingerprint=datasets.fingerprint(DATA)),
        schedule=SCHEDULE,
        token_budget=50_000,
        seed=SEED,
    )
    world = World(registry, (("edits", {}),), None, cache_dir, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        run_cell(cell, ResultStore(Path(folder)), world, Unheard())
        scores = load_results(folder).scores
    records = scores[scores.metric.isin(METRICS)].assign(mass=lambda rows: rows.value * rows.weight)
    sums = records.groupby(["metric", "fact", "edit_lang"])[["mass", "weight"]].sum()
    means = (sums.mass / sums.weight).groupby("metric").mean() * 100
    return Trial(method, options, {metric: float(means[metric]) for metric in METRICS})


def write_log(trials: Sequence[Trial], path: Path) -> None:
    """All trials as a table, the best of each method first."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["method", "score", *METRICS, "options"])
        for trial in trials:
            figures = [f"{value:.2f}" for value in (trial.score, *(trial.scores[m] for m in METRICS))]
            table.writerow(
                [
                    trial.method,
                    *figures,
                    yaml.safe_dump(dict(trial.options), default_flow_style=True, width=999).strip(),
                ]
            )


def write_hyperparameters(best: Mapping[str, Trial], path: Path) -> None:
    """The best settings as the model's hyperparameter file."""
    settings: dict[str, Any] = {"none": {}, **{name: dict(trial.options) for name, trial in best.items()}}
    for variant, base in RELEASED.items():
        settings[variant] = dict(settings[base])
    body = "\n".join(
        yaml.safe_dump({name: options}, sort_keys=False, default_flow_style=None, width=100)
        for name, options in settings.items()
    )
    write_text(path, HEADER.format(trials=TRIALS) + "\n" + body)


def main(
    workers: Annotated[int, typer.Option(help="methods searched at the same time")] = 2,
    cache_dir: Annotated[Path, typer.Option(help="where statistics are kept")] = Path("build/tuning-cache"),
    log: Annotated[Path, typer.Option(help="table of all trials")] = Path("results/reference/tuning-polyglot-tiny.csv"),
) -> None:
    """Search the hyperparameters of every method for the embedded model."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found: list[Trial] = []
    with ProcessPoolExecutor(workers) as pool:
        for trials in pool.map(partial(search, cache_dir=cache_dir), SPACES):
            best = trials[0]
            _log.info("%s: %.2f %s %s", best.method, best.score, dict(best.scores), dict(best.options))
            found += trials
    write_log(found, log)
    best_of = {trial.method: trial for trial in reversed(found)}
    write_hyperparameters(
        {name: best_of[name] for name in SPACES}, Path(__file__).parents[1] / "hparams" / f"{MODEL}.yaml"
    )


if __name__ == "__main__":
    typer.run(main)
