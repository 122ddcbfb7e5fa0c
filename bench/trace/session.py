"""Trace a model's facts, language after language, and keep what was found after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

from bench.ground.atomic import write_json, write_text
from bench.ground.errors import BenchError
from bench.ground.progress import Display, Progress
from bench.model.editable import EditableModel
from bench.trace.effects import layers_to_edit, mlp_effects
from bench.trace.facts import Known, Question, has_true_answers, known
from bench.trace.prompts import KINDS, Noise, embedding_std, parts_of
from bench.trace.tracer import Tracer

WINDOW = 10
"""Layers of the paper's window; a shallow model has at most half of its layers in one."""

FEWEST = 3
"""Facts from which on a language is drawn and counts for the advice, if any has as many."""

COLUMNS = ("language", "form", "fact", "part", "token", "kind", "layer", "effect")
"""Of trace.csv; tokens count from the subject's first one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    model: str
    data: str
    languages: tuple[str, ...]
    facts: int
    samples: int
    noise: float
    window: int | None
    seed: int
    dtype: str
    device: str

    def __post_init__(self) -> None:
        for name in ("facts", "samples", "window"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BenchError(f"--{name} must be at least 1, not {value}")
        if not 0 < self.noise < float("inf"):
            raise BenchError(f"--noise must be positive, not {self.noise:g}")
        if self.seed < 0:
            raise BenchError(f"--seed must not be negative, not {self.seed}")


@dataclass
class Course:
    """What has been found so far.

    Attributes:
        rows: of trace.csv.
        facts: every traced fact, for trace.json.
        counts: facts tried and traced, by language, all forms of prompts together.
        effects: of MLPs at the subject's last token [L], by language, mean over forms.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    effects: dict[str, list[float]] = field(default_factory=dict)


def trace(
    model: EditableModel, request: Request, asked: Mapping[str, Sequence[Question]], folder: Path, display: Display
) -> None:
    """Trace language after language; trace.csv and trace.json are written after each.

    Raises:
        BenchError: the model knows no fact.
    """
    begun = perf_counter()
    std = embedding_std(model, [question.subject for each in asked.values() for question in each])
    window = request.window or max(1, min(WINDOW, model.n_layers // 2))
    tracer, course = Tracer(model, Noise(request.noise * std, request.samples, request.seed), window), Course()
    with display.board(len(asked)) as board:
        for lang, each in asked.items():
            progress = board.cell(lang)
            found, tried = _known(model, each, request.facts)
            course.counts[lang] = {"tried": tried, "traced": len(found)}
            if found:
                _trace(tracer, lang, found, course, progress)
            if course.rows:
                about = {**asdict(request), "layers": model.n_layers, "window": window, "embedding_std": std}
                _write(folder, about, course, perf_counter() - begun)
            board.finished(lang, "done", f"{len(found)} of {tried} facts traced")
    if not course.rows:
        raise BenchError(f"{request.model} knows none of the facts of {request.data} that were tried")


def _known(model: EditableModel, asked: Sequence[Question], wanted: int) -> tuple[list[Known], int]:
    """The first `wanted` questions of every form that the model answers, and how many were tried for that."""
    forms = dict.fromkeys(question.form for question in asked)
    parts = [known(model, [question for question in asked if question.form == form], wanted) for form in forms]
    return [each for found, _ in parts for each in found], sum(tried for _, tried in parts)


def _trace(tracer: Tracer, lang: str, found: Sequence[Known], course: Course, progress: Progress) -> None:
    prompts = [each.prompt for each in found]
    progress.step(0, len(found), "facts")
    traced = tracer.trace(prompts, lambda done: progress.step(done, len(found), "facts"))
    course.effects[lang] = mlp_effects(prompts, traced).tolist()
    for each, result in zip(found, traced, strict=True):
        answer = tracer.model.tokenizer.decode([each.prompt.answer])
        of = {"language": lang, "form": each.question.form, "fact": each.question.fact_id}
        course.facts.append({**of, "answer": answer, "high": result.high, "low": result.low})
        effects = (result.scores - result.low).tolist()
        course.rows += [
            (*of.values(), part, token - each.prompt.first, kind, layer, effect)
            for part, token in parts_of(each.prompt)
            for kind, by_token in zip(KINDS, effects, strict=True)
            for layer, effect in enumerate(by_token[token - each.prompt.first])
        ]


def _write(folder: Path, about: dict[str, Any], course: Course, seconds: float) -> None:
    """Write trace.csv, the effect of every restored state, and trace.json, how they were found."""
    traced = {lang: count["traced"] for lang, count in course.counts.items() if count["traced"]}
    enough = min(FEWEST, about["facts"], max(traced.values()))
    averaged = [lang for lang, count in traced.items() if count >= enough]
    means = [sum(each) / len(each) for each in zip(*(course.effects[lang] for lang in averaged), strict=True)]
    layers = layers_to_edit(means)
    about |= {
        # no folders of this machine
        "model": Path(about["model"]).name,
        "data": Path(about["data"]).name,
        "true_answers": has_true_answers(about["data"]),
        "seconds": seconds,
        "counts": course.counts,
        "averaged": averaged,
        "mlp_effects": means,
        "recommended": {"layers": layers, "set": f"method.memit.layers={','.join(map(str, layers))}" if layers else ""},
        "facts_traced": course.facts,
    }
    write_json(folder / "trace.json", about)
    write_text(folder / "trace.csv", pd.DataFrame(course.rows, columns=COLUMNS).to_csv(index=False))
