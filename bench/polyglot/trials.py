"""Trials of the search for hyperparameters, and the files that it leaves."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.ground.atomic import replacing, write_text

METRICS = ("efficacy", "generality", "specificity", "xtreme_f1")

Space = Mapping[str, Sequence[Any]]

BOUNDED = (
    "layer",
    "layers",
    "block",
    "stray",
    "top_k",
    "overlap",
    "objective",
    "use_moment",
    "keep",
    "norm_constraint",
    "probable",
    "energy",
    "strength",
)
"""Options whose choices are all there are."""

SLACK = 0.1
"""Of EMMET, as published: with it EMMET is MEMIT, whose weight is the slack times its own (`methods.emmet`)."""

SAME = {"prune-released": "prune", "prune-seq": "prune", "rect-seq": "rect"}
"""Variants that take the values of the method they vary."""

REACHED = ("Method", "Score", "Efficacy", "Generality", "Specificity", "XTREME F1", "Score over doing nothing")

HEADER = """\
# The embedded model. Found by `make tune-polyglot`: {trials} trials for every method, or all settings where there are
# fewer, on a tuning stream of its own seed; all trials are in results/reference/tuning-polyglot-tiny.csv. Variants take
# the values of what they vary; what has no trials there was not searched.
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of a method and what it reached on the tuning stream, in percent."""

    method: str
    options: Mapping[str, Any]
    scores: Mapping[str, float]

    @property
    def score(self) -> float:
        """Harmonic mean of the metrics."""
        values = [self.scores[metric] for metric in METRICS]
        return statistics.harmonic_mean(values) if min(values) > 0 else 0.0


def edges(space: Space, options: Mapping[str, Any]) -> list[str]:
    """Options of a setting at an end of their choices, where there could be more."""
    return [
        name
        for name, choices in space.items()
        if _goes_on(name, choices) and options[name] in (choices[0], choices[-1])
    ]


def ends(space: Space, options: Mapping[str, Any], trials: Sequence[Trial]) -> list[str]:
    """Options of a setting at an end of the choices that were tried, where there could be more."""
    found = []
    for name, choices in space.items():
        tried = [choice for choice in choices if any(trial.options[name] == choice for trial in trials)]
        if _goes_on(name, choices) and options[name] in (tried[0], tried[-1]):
            found.append(name)
    return found


def _goes_on(name: str, choices: Sequence[Any]) -> bool:
    """Whether there could be choices beyond those of an option."""
    return len(choices) > 2 and name not in BOUNDED


def write_log(trials: Sequence[Trial], path: Path) -> None:
    """All trials as a table, the best of each method first."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["method", "score", *METRICS, "options"])
        for trial in trials:
            figures = [f"{value:.2f}" for value in (trial.score, *(trial.scores[m] for m in METRICS))]
            options = yaml.safe_dump(dict(trial.options), default_flow_style=True, width=999).strip()
            table.writerow([trial.method, *figures, options])


def read_log(path: Path) -> list[Trial]:
    """The trials of a log that `write_log` wrote; their scores are rounded."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Trial(row["method"], yaml.safe_load(row["options"]), {metric: float(row[metric]) for metric in METRICS})
            for row in csv.DictReader(file)
        ]


def write_hyperparameters(best: Mapping[str, Trial], trials: int, path: Path) -> None:
    """The best settings as the model's hyperparameter file; methods that are not searched keep theirs."""
    settings: dict[str, Any] = {"none": {}, **{name: dict(trial.options) for name, trial in best.items()}}
    settings |= {variant: dict(settings[base]) for variant, base in SAME.items() if base in settings}
    if "memit" in settings:
        memit = settings["memit"]
        settings["emmet"] = {**memit, "moment_weight": memit["moment_weight"] / SLACK, "slack": SLACK}
    before = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    settings |= {name: options for name, options in before.items() if name not in settings}
    body = "\n".join(
        yaml.safe_dump({name: options}, sort_keys=False, default_flow_style=None, width=100)
        for name, options in settings.items()
    )
    write_text(path, HEADER.format(trials=trials) + "\n" + body)


def write_settings(
    found: Mapping[str, Sequence[Trial]],
    spaces: Mapping[str, Space],
    ratios: Mapping[str, Mapping[str, Any]],
    path: Path,
) -> None:
    """What the best trials reached, and both settings side by side, every option that was searched: Markdown tables.

    Args:
        found: every method's trials, the best first.
        spaces: what was searched in the end.
        ratios: the scale-free settings.
        path: of the table.
    """
    head = ("Method", "Option", "Tuned", "Scale-free", "Searched", "At an edge")
    best = {method: trials[0] for method, trials in found.items()}
    text = f"{_markdown(REACHED, _reached(best))}\n{_markdown(head, _settings(found, spaces, ratios))}"
    write_text(path, text)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


def _reached(best: Mapping[str, Trial]) -> Iterator[tuple[str, ...]]:
    """A method that damages most where it edits is best where it does next to nothing, which only this shows."""
    nothing = best.get("none")
    for method, trial in best.items():
        over = f"{trial.score - nothing.score:+.1f}" if nothing else "-"
        yield (method, *(f"{value:.1f}" for value in (trial.score, *(trial.scores[m] for m in METRICS))), over)


def _settings(
    found: Mapping[str, Sequence[Trial]], spaces: Mapping[str, Space], ratios: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, ...]]:
    for method, trials in found.items():
        trial = trials[0]
        marks = dict.fromkeys(ends(spaces[method], trial.options, trials), "nothing tried beyond")
        marks |= dict.fromkeys(edges(spaces[method], trial.options), "yes")
        for name, choices in spaces[method].items():
            if len(choices) > 1:
                values = (trial.options[name], ratios.get(method, {}).get(name, "-"), ", ".join(map(_plain, choices)))
                yield (method, name, *map(_plain, values), marks.get(name, ""))


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
