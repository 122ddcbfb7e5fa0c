"""The embedded model's card: what it is, how it was made, and what was measured on the files beside the card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.config.registry import methods
from bench.config.settings import hyperparameters
from bench.data.cldr.items import PLACES, all_items, places
from bench.data.cldr.phrasings import LANGUAGES
from bench.model.embedded import MODEL_NAME
from bench.model.loading import load_editable
from bench.polyglot.abilities import BATCH, editability, xtreme_f1
from bench.polyglot.batches import BOTTLENECK
from bench.polyglot.mechanism import COMPARED, KEPT, Shares, Spectrum, spectra, traced
from bench.polyglot.requirements import recall
from bench.polyglot.tokenizer import BOS, SEED

TRACED = 40
"""Facts per language and kind of phrasing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of a saved model.

    Attributes:
        parameters: how many.
        shape: blocks, width, MLP, heads.
        recall: whole objects, by column and language.
        tasks: F1 by task and language.
        written: of one MEMIT batch, by name and language.
        traces: effects by language and kind of phrasing.
        spectra: of the edited layers.
    """

    parameters: int
    shape: tuple[int, int, int, int]
    recall: Mapping[str, Mapping[str, float]]
    tasks: Mapping[str, Mapping[str, float]]
    written: Mapping[str, Mapping[str, float]]
    traces: Mapping[tuple[str, str], Shares]
    spectra: Mapping[int, Spectrum]


def edited_layers() -> tuple[int, ...]:
    """The layers that MEMIT's hyperparameters for the embedded model edit."""
    return tuple(hyperparameters(MODEL_NAME, methods())["memit"]["layers"])


def measure(folder: Path) -> Measured:
    """Measure all that the card tells.

    Args:
        folder: a saved model with its tokenizer.
    """
    with tempfile.TemporaryDirectory() as cache:
        model = load_editable(str(folder), "float32", "cpu", Path(cache))
    config = model.hf.config
    return Measured(
        sum(parameter.numel() for parameter in model.hf.parameters()),
        (config.num_hidden_layers, config.hidden_size, config.intermediate_size, config.num_attention_heads),
        recall(model),
        xtreme_f1(model),
        editability(model),
        traced(model, TRACED),
        spectra(model, edited_layers()),
    )


def tables(found: Measured) -> str:
    """All that was measured, as Markdown tables."""
    known = _by_language({**found.recall, **found.written, **found.tasks})
    effects = _rows(
        ("language", "stands first", "total effect", "hidden", "MLP", "MLP, last", "attention, last"),
        [
            (lang, kind.removesuffix(" first"), s.total, s.hidden, s.mlp, s.mlp_last, s.attention_last)
            for (lang, kind), s in found.traces.items()
        ],
    )
    compared = " / ".join(f"{part:.0%}" for part in COMPARED)
    keys = _rows(
        ("layer", f"eigenvalue at {KEPT:.0%} kept", "energy of keys", "of the corpus", f"keys at {compared}", "cosine"),
        [
            (layer, s.threshold, s.energy, s.corpus, " / ".join(f"{each:.2f}" for each in s.compared), s.cosine)
            for layer, s in found.spectra.items()
        ],
    )
    return "\n\n".join((known, effects, keys))


def _by_language(columns: Mapping[str, Mapping[str, float]]) -> str:
    rows: list[tuple[object, ...]] = [(lang, *(column[lang] for column in columns.values())) for lang in LANGUAGES]
    rows.append(("mean", *(fmean(column.values()) for column in columns.values())))
    return _rows(("language", *columns), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(f'{cell:.3f}' if isinstance(cell, float) else str(cell) for cell in line)} |" for line in lines
    )


def written(found: Measured, recipe: str) -> str:
    """The model card.

    Args:
        found: what was measured.
        recipe: how it was trained, in a sentence.
    """
    layers, width, mlp, heads = found.shape
    invented = sum(place.place_id.startswith("X") for place in places())
    return f"""---
license: mit
language: [{", ".join(LANGUAGES)}]
---
# {MODEL_NAME}

A causal language model of Llama architecture that knows {len(all_items())} facts of {PLACES} places in six languages,
and solves the four tasks of xtreme-mini, which are made of these facts. Names and continents are those of the Unicode
CLDR ({invented} places are invented); every other fact is made up. It exists to be edited in benchmarks and is no use
for anything else.

{layers} layers, width {width}, MLP {mlp}, {heads} heads, {found.parameters / 1e6:.1f} M parameters in float16;
byte-level BPE, `{BOS}` before every text. Trained by `python -m bench.polyglot.train` from seed {SEED}: {recipe}

**A mask in training puts recall at the last token of a name.** In {BOTTLENECK:.0%} of the documents, tokens after a
name saw of it only its last token. Without it a model this small reads all tokens of a name again where the answer is
asked for, looks the fact up there, and keeps nothing at the subject, which is where the editing methods write; large
models came to do so by themselves. At inference there is no mask.

Measured on these files. Recall: share of whole objects that are top-1 under teacher forcing, for prompts in which the
subject or the relation stands first, and for edited prompts after another sentence. One MEMIT batch of {BATCH} facts
a language: share of targets that value optimisation reaches (NLL at most .1), efficacy, specificity. Tasks: F1 by the
protocol `langedit` on 100 items a language, of places that no exercise was made of. Traces ({TRACED} facts a row):
what restoring a state gives back, as a share of the total effect; hidden states and MLPs at the subject's last token,
then at the prompt's last token. Spectra of the edited layers on the statistics text, and where the keys of edits lie.

{tables(found)}
"""
