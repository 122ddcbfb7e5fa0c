"""XTREME items from the `datasets` hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.data.sources._xtreme.records import LANGUAGES, TAGS, Fields, Place, numbered, tagged
from bench.ground.errors import BenchError
from bench.ground.parsing import is_unicode


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a task lies on the hub.

    Attributes:
        path: the repository.
        revision: a commit, or the hub's own branch of Parquet copies.
        languages: those that it has of `LANGUAGES`.
        config: configuration of a language, ``{lang}`` standing for it.
        classes: words for label numbers, should the files not hold them.
        converted: the revision is the branch of Parquet copies, which lists no configurations: folders are them.
    """

    path: str
    revision: str
    languages: tuple[str, ...]
    config: str = "{lang}"
    classes: tuple[str, ...] = ()
    converted: bool = False


HUB: Mapping[str, Hub] = {
    "xnli": Hub(
        "facebook/xnli",
        "b8dd5d7af51114dbda02c0e3f6133f332186418e",
        ("en", "de", "es", "fr", "zh"),
        classes=("entailment", "neutral", "contradiction"),
    ),
    "pawsx": Hub(
        "google-research-datasets/paws-x",
        "4cd8187c404bda33cb1f62b49b001115862acf37",
        LANGUAGES["pawsx"],
        classes=("0", "1"),
    ),
    "mlqa": Hub(
        "facebook/mlqa", "refs/convert/parquet", LANGUAGES["mlqa"], config="mlqa.{lang}.{lang}", converted=True
    ),
    "wikiann": Hub(
        "unimelb-nlp/wikiann", "f0a3be6dc5564c0cc4150bb660144800a1f539d4", LANGUAGES["wikiann"], classes=TAGS
    ),
}
"""Pinned to commits, but for MLQA: its main branch is a loading script, which `datasets` runs no more, so that
only the Parquet copies can be read; no commit of that branch is known here, and the branch may move."""


def read_hub(task: str, lang: str, path: str | None = None) -> list[Fields]:
    """Read the validation items of a task from the hub.

    Args:
        task: one of `TASKS`.
        lang: one of the languages that the hub has of the task.
        path: a folder or repository to read in place of the task's own; the layout must be the same.

    Raises:
        BenchError: the hub has no such language, cannot be reached, or holds bad data.
    """
    import datasets

    hub = HUB[task]
    source, config = path or hub.path, hub.config.format(lang=lang)
    if lang not in hub.languages:
        raise BenchError(f"{hub.path} has no language '{lang}'; it has: {', '.join(hub.languages)}")
    name, folder = (None, config) if hub.converted else (config, None)
    try:
        data = datasets.load_dataset(source, name, data_dir=folder, revision=hub.revision, split="validation")
    except Exception as error:  # the library raises many kinds; all mean that the items are not to be had
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"{source} ({config}) cannot be loaded from the hub: {reason}") from error
    file = f"{source} ({config})"
    classes = _classes(data.features, "ner_tags" if task == "wikiann" else "label", hub.classes)
    return numbered((_row(Place(file, number), task, row, classes) for number, row in enumerate(data)), file)


def _classes(features: Mapping[str, Any], column: str, default: Sequence[str]) -> Sequence[str]:
    """Words for the numbers in a column of labels, or of lists of them."""
    feature = features.get(column)
    names: Sequence[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    return names or default


def _row(place: Place, task: str, row: Mapping[str, Any], classes: Sequence[str]) -> Fields:
    if task == "mlqa":
        answers = place.get(row, "answers")
        texts, starts = place.many(answers, "text"), place.many(answers, "answer_start")
        return place.first_answer(place.text(row, "context"), place.text(row, "question"), texts, starts)
    if task == "wikiann":
        tokens = place.many(row, "tokens")
        if not all(isinstance(token, str) and is_unicode(token) for token in tokens):
            raise place.error("not all are texts", "tokens")
        tags = [place.tag(_word(place, "ner_tags", each, classes)) for each in place.many(row, "ner_tags")]
        if len(tokens) != len(tags):
            raise place.error(f"{len(tags)} tags for {len(tokens)} tokens", "ner_tags")
        return tagged(tokens, tags)
    first, second = ("premise", "hypothesis") if task == "xnli" else ("sentence1", "sentence2")
    sentences = {"sentence1": place.text(row, first), "sentence2": place.text(row, second)}
    return place.pair(task, {**sentences, "label": _word(place, "label", place.get(row, "label"), classes)})


def _word(place: Place, field: str, number: Any, classes: Sequence[str]) -> str:
    if type(number) is not int or not 0 <= number < len(classes):
        raise place.error(f"{number!r} is not the number of a label; there are: {', '.join(classes)}", field)
    return classes[number]
