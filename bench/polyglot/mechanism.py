"""Does the embedded model recall as editing methods presuppose? Causal traces, and where keys of edits lie."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from bench.data.cldr.items import probed_items
from bench.data.cldr.phrasings import LANGUAGES, SUBJECT_FIRST
from bench.data.corpora import EMBEDDED, corpus
from bench.model.editable import EditableModel
from bench.model.hooks import tapped
from bench.model.stats import Stats
from bench.polyglot.requirements import KINDS, Question, questions
from bench.trace.prompts import ATTENTION, HIDDEN, MLP, Noise, Prompt, Traced, embedding_std, subject_tokens
from bench.trace.prompts import KINDS as STATES
from bench.trace.session import WINDOW
from bench.trace.tracer import Tracer

SAMPLES, NOISE, NOISE_SEED = 4, 3.0, 1
TOKEN_BUDGET = 30_000
KEPT = 0.75
"""Share of directions in the null space, as the published threshold leaves on large models; and others to compare."""

COMPARED = (0.7, 0.8, 0.9)

KEYS = 200


@dataclass(frozen=True, slots=True)
class Shares:
    """What restoring states gives back, as shares of the total effect; means over facts.

    Attributes:
        total: fall of the answer's probability when the subject is corrupted.
        hidden, mlp: the best layer's at the subject's last token.
        mlp_last, attention_last: the best layer's at the prompt's last token.
        by_layer: of MLPs at the subject's last token [L].
    """

    total: float
    hidden: float
    mlp: float
    mlp_last: float
    attention_last: float
    by_layer: tuple[float, ...]


def traced(model: EditableModel, facts: int, seed: int = 4) -> dict[tuple[str, str], Shares]:
    """Effects by language and kind of phrasing.

    Args:
        model: the model.
        facts: how many in each language and kind; those the model does not know are left out.
        seed: draws them.
    """
    return {
        (lang, kind): _shares(model, _drawn(lang, phrasings[:1], facts, seed))
        for lang in LANGUAGES
        for kind, phrasings in KINDS.items()
    }


def _drawn(lang: str, phrasings: Sequence[int], facts: int, seed: int) -> list[Question]:
    asked = questions(lang, phrasings, items=probed_items())
    order = torch.randperm(len(asked), generator=torch.Generator().manual_seed(seed)).tolist()
    return [asked[i] for i in order[:facts]]


def _shares(model: EditableModel, asked: Sequence[Question]) -> Shares:
    texts = [q.prompt for q in asked]
    prompts = subject_tokens(model.tokens, texts, [q.span for q in asked])
    answers = model.answers(texts, [q.target for q in asked])
    known = [
        Prompt(prompt.ids, prompt.first, prompt.stop, answer.target_ids[0])
        for prompt, answer in zip(prompts, answers, strict=True)
        if answer.predicted_ids[0] == answer.target_ids[0]
    ]
    std = embedding_std(model, [q.item.subject[q.lang] for q in asked])
    window = max(1, min(WINDOW, model.n_layers // 2))
    found = Tracer(model, Noise(NOISE * std, SAMPLES, NOISE_SEED), window).trace(known)
    total = fmean(each.high - each.low for each in found)
    mlp = _effects(known, found, MLP, True) / total
    return Shares(
        total,
        float(_effects(known, found, HIDDEN, True).max()) / total,
        float(mlp.max()),
        float(_effects(known, found, MLP, False).max()) / total,
        float(_effects(known, found, ATTENTION, False).max()) / total,
        tuple(mlp.tolist()),
    )


def _effects(prompts: Sequence[Prompt], found: Sequence[Traced], kind: str, at_subject: bool) -> Tensor:
    """Mean effect of a kind of state by layer, at the subject's or the prompt's last token [L]."""
    rows = [
        each.scores[STATES.index(kind), (prompt.stop if at_subject else len(prompt.ids)) - 1 - prompt.first] - each.low
        for prompt, each in zip(prompts, found, strict=True)
    ]
    return torch.stack(rows).mean(0)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Second moments of a layer on the statistics text, and keys of edits; the null space is `KEPT` of the directions.

    Attributes:
        threshold: eigenvalue below which it lies.
        norm: mean squared norm of keys in it.
        energy: the same as a share of the keys'.
        corpus: share of the corpus' energy in it.
        compared: the keys' share where `COMPARED` of directions are kept.
        cosine: mean of the keys of different facts.
    """

    threshold: float
    norm: float
    energy: float
    corpus: float
    compared: tuple[float, ...]
    cosine: float


@torch.no_grad()
def spectra(model: EditableModel, layers: Sequence[int]) -> dict[int, Spectrum]:
    """Where the keys of edits lie, by layer."""
    asked = [q for lang in LANGUAGES for q in _drawn(lang, SUBJECT_FIRST[:1], KEYS // len(LANGUAGES), 5)]
    with tempfile.TemporaryDirectory() as cache:
        moments = Stats(Path(cache), corpus(EMBEDDED), TOKEN_BUDGET).moments(model, layers)
    keys = _keys(model, asked, layers)
    return {layer: _spectrum(moments[layer].matrix.double(), keys[layer]) for layer in layers}


def _spectrum(moment: Tensor, keys: Tensor) -> Spectrum:
    values, vectors = torch.linalg.eigh(moment)
    energy = (keys @ vectors).square()
    share = (energy.cumsum(1) / energy.sum(1, keepdim=True)).mean(0)
    kept = round(KEPT * len(values))
    units = torch.nn.functional.normalize(keys, dim=1)
    count = len(keys)
    return Spectrum(
        float(values[kept]),
        float(energy[:, :kept].sum(1).mean()),
        float(share[kept - 1]),
        float(values[:kept].sum() / values.sum()),
        tuple(float(share[round(part * len(values)) - 1]) for part in COMPARED),
        float(((units @ units.T).sum() - count) / (count * (count - 1))),
    )


@torch.no_grad()
def _keys(model: EditableModel, asked: Sequence[Question], layers: Sequence[int]) -> dict[int, Tensor]:
    """Inputs of the MLPs' projections at the subjects' last tokens [n, m], by layer."""
    found = {layer: list[Tensor]() for layer in layers}
    for prompt in subject_tokens(model.tokens, [q.prompt for q in asked], [q.span for q in asked]):
        run = model.begin([prompt.ids[: prompt.stop]])
        with tapped({layer: model.projection(layer) for layer in layers}) as seen:
            run.run(run.embedded, 0, max(layers) + 1)
        for layer in layers:
            found[layer].append(run.at(seen[layer].inputs, [prompt.stop - 1]).double())
    return {layer: torch.cat(rows) for layer, rows in found.items()}
