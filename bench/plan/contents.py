"""What names stand for: models, facts, texts, and what evaluators ask; their contents are what cells are known by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.api import DataReading
from bench.config.cell import Cell, DataRef, Dtype, ModelRef
from bench.config.registry import Registry
from bench.config.run import split_places
from bench.ground.home import without_home
from bench.ground.names import unknown


@dataclass(frozen=True, slots=True)
class Contents:
    """What names stand for; each is looked at once, for large models take long to hash.

    Attributes:
        model: by name, dtype, and whether prompts stand in its chat template.
        data: by name and languages.
        text: by name.
    """

    model: Callable[[str, Dtype, bool], ModelRef]
    data: Callable[[str, tuple[str, ...]], DataRef]
    text: Callable[[str], str]

    @classmethod
    def found(cls, data_dir: Path | None, cache_dir: Path, trusted: Collection[str] = ()) -> Contents:
        """Contents as they lie on disk.

        Args:
            data_dir: folder of downloaded data.
            cache_dir: folder of converted models.
            trusted: models whose own code is run; its text is part of their fingerprints.
        """
        from bench.data import corpora, datasets

        return cls(
            cache(lambda name, dtype, chat: model_ref(name, dtype, cache_dir, name in trusted, chat)),
            cache(lambda name, languages: data_ref(name, languages, data_dir)),
            cache(lambda name: corpora.fingerprint(name, datasets.data_folder(data_dir))),
        )

    @classmethod
    def by_name(cls) -> Contents:
        """Names alone, for a plan where models or data are not there."""
        return cls(
            lambda name, dtype, chat: ModelRef(name=name, dtype=dtype), lambda name, _: DataRef(name=name), lambda _: ""
        )


def as_now(
    cell: Cell, methods: Registry, data_dir: Path | None, cache_dir: Path, trusted: Collection[str] = ()
) -> Cell:
    """A cell with its model, facts, text and method as they are found now: another id where one of them has changed.

    Raises:
        BenchError: one of them is not there any more.
    """
    from bench.data import corpora, datasets

    method = cell.method.model_copy(update={"source": methods.source(cell.method.name, cell.method.options)})
    text = corpora.fingerprint(cell.corpus, datasets.data_folder(data_dir)) if method.statistics else ""
    found = {
        "method": method,
        "model": model_ref(
            cell.model.name, cell.model.dtype, cache_dir, cell.model.name in trusted, bool(cell.model.chat)
        ),
        "data": data_ref(cell.data.name, cell.schedule.languages, data_dir),
        "corpus_fingerprint": text,
    }
    return cell.model_copy(update=found)


def trusted_models(names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Models of a run, by name, whose own code the user wants to be run.

    Args:
        names: each may be several, as "a,b".
        known: the run's models.

    Raises:
        BenchError: the run has no such model.
    """
    known = list(dict.fromkeys(known))
    given = [names] if isinstance(names, str) else names
    found = [without_home(name) for each in given for name in split_places(each)]
    for name in found:
        if name not in known:
            raise unknown("model of this run", name, known)
    return tuple(dict.fromkeys(found))


def judged(
    cells: Sequence[Cell],
    evaluators: Sequence[tuple[str, Mapping[str, Any]]],
    registry: Registry,
    data_dir: Path | None,
) -> list[Cell]:
    """The cells, with hashes of what the evaluators ask: the items, and the text of outside evaluators.

    Raises:
        BenchError: an evaluator's data is missing.
    """
    from bench.data import datasets

    folder, built = (
        datasets.data_folder(data_dir),
        {name: registry.build(name, options) for name, options in evaluators},
    )

    def asked(model: str) -> dict[str, str]:
        items = {name: each.fingerprint(model, folder) for name, each in built.items() if isinstance(each, DataReading)}
        texts = {name: registry.source(name, options) for name, options in evaluators}
        return {name: found for name in built if (found := f"{items.get(name, '')}{texts[name]}")}

    by_model = {model: asked(model) for model in dict.fromkeys(cell.model.name for cell in cells)}
    return [cell.model_copy(update={"asked": by_model[cell.model.name]}) for cell in cells]


def model_ref(name: str, dtype: Dtype, cache_dir: Path, trusted: bool, chat: bool = False) -> ModelRef:
    """A model by its weights and tokenizer, by its own code where that is run, and its chat template where it is used.

    Raises:
        BenchError: it has no chat template that can be used.
    """
    from bench.model import catalog
    from bench.model.loading import chat_digest

    code = catalog.code_digest(name, cache_dir) if trusted else ""
    weights = catalog.fingerprint(name, cache_dir)
    frame = chat_digest(name, cache_dir, trusted) if chat else ""
    return ModelRef(name=name, dtype=dtype, fingerprint=f"{weights}+{code}" if code else weights, chat=frame)


def data_ref(name: str, languages: tuple[str, ...], data_dir: Path | None) -> DataRef:
    """A data set by the files that its facts are made of.

    Raises:
        BenchError: no such data set, or it lacks a language.
    """
    from bench.data import datasets

    known = datasets.dataset(name).languages
    for language in languages:
        if language not in known:
            raise unknown(f"language of data set '{name}':", language, known)
    contents = datasets.of_languages(name, languages, data_dir)
    return DataRef(name=name, fingerprint=contents, reader=datasets.reader(name))
