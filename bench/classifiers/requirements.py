"""What the embedded classifiers must know, and whether they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from bench.data.claims.facts import FALSE, TRUE
from bench.data.claims.items import Item, items
from bench.data.claims.phrasings import CLAIMS
from bench.model.editable import EditableModel
from bench.model.encoder import EncoderModel
from bench.model.loading import load_view

LANGUAGES = ("en", "fr", "es", "hi", "gu", "bn", "ar", "zh")
"""What they read: XME's six, and two of other families."""

LEAST = 0.95
"""Accuracy in each language."""


def accuracy(model: EditableModel | EncoderModel, facts: Sequence[Item]) -> dict[str, float]:
    """Share of the facts' claims, in all phrasings, whose label the model says, by language."""
    return {lang: fmean(_right(model, facts, lang)) for lang in LANGUAGES}


def _right(model: EditableModel | EncoderModel, facts: Sequence[Item], lang: str) -> list[bool]:
    asked = [
        (item.text(lang, holds, phrasing), TRUE if holds else FALSE)
        for item in facts
        for holds in (True, False)
        for phrasing in range(len(CLAIMS[item.relation][lang]))
    ]
    answers = model.answers([text for text, _ in asked], [label for _, label in asked])
    return [answer.predicted_ids == answer.target_ids for answer in answers]


def card(name: str, folder: Path) -> str:
    """The card of a classifier, measured on its files."""
    model = load_view(str(folder), "float32", "cpu", folder)
    parameters = sum(p.numel() for p in model.hf.parameters())
    return CARD.format(
        name=name,
        kind=type(model.hf).__name__,
        parameters=parameters / 1e6,
        layers=model.n_layers,
        width=model.hf.config.hidden_size,
        facts=len(items()),
        table=_table(accuracy(model, items())),
    )


def _table(found: Mapping[str, float]) -> str:
    return "\n".join(
        ("| language | accuracy |", "| --- | --- |", *(f"| {lang} | {x:.3f} |" for lang, x in found.items()))
    )


CARD = """# {name}

A `{kind}` of {layers} layers, width {width}, {parameters:.2f} million parameters, in float16: says of a claim whether
it is true. Made by `make classifiers` from a fixed seed, for editing experiments; of no other use.

It has read the true and one false claim of each of {facts} facts (countries' currencies and languages, cities'
countries; Unicode CLDR, package `babel`), in three phrasings and eight languages, facts that are edited among them, as
an editing method presupposes. Text is read in lower case, and Bengali and Gujarati script as Devanagari. While it was
trained, further heads told at the claim's object whether the claim is true, and which object would make it true; they
are not part of the model.

Accuracy over all claims, measured on these files:

{table}
"""
