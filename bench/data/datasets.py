"""Data sets by name.

A data set is known by name (`datasets`), or is the path of a file: of the user's own facts or claims, whose layouts
`bench.data.sources.facts_file` and `bench.data.sources.claims_file` describe, or in that of one of the known data sets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.data.common import Dataset
from bench.data.sources import (
    babeledits,
    bmike,
    claims,
    claims_file,
    cldr,
    clm_bench,
    counterfact,
    easyedit,
    facts_file,
    mlake,
    multi_counterfact,
    mzsre,
    xfever,
    zsre,
)
from bench.data.sources.check import layout_of
from bench.ground.digests import content_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown

DATA_DIR_VARIABLE = "BENCH_DATA_DIR"


def datasets() -> dict[str, Dataset]:
    """The known data sets by name."""
    known = (
        cldr.DATASET,
        claims.DATASET,
        *mzsre.DATASETS,
        zsre.DATASET,
        counterfact.DATASET,
        mlake.DATASET,
        *bmike.DATASETS,
        multi_counterfact.DATASET,
        clm_bench.DATASET,
        xfever.DATASET,
    )
    return {each.name: each for each in known}


def dataset(name: str) -> Dataset:
    """Find a data set by name, or read a ``.jsonl`` or ``.json`` file of facts in any known layout.

    Raises:
        BenchError: no such data set, or the file is not as it should be.
    """
    path = Path(name).expanduser()
    if path.suffix in facts_file.SUFFIXES:
        return _of_file(name, path)
    known = datasets()
    if name not in known:
        raise unknown("data set", name, known)
    return known[name]


def fingerprint(name: str, data_dir: Path | None = None) -> str:
    """Hash what the facts of a data set are made from.

    Raises:
        BenchError: as `load`.
    """
    return dataset(name).fingerprint(data_folder(data_dir))


def of_languages(name: str, languages: Sequence[str], data_dir: Path | None = None) -> str:
    """Hash what the facts of a data set in these languages are made from: `fingerprint`, and what it has not.

    Raises:
        BenchError: as `load`.
    """
    further = dataset(name).further
    more = further(languages) if further else ""
    return f"{fingerprint(name, data_dir)}{more and f'+{more}'}"


def reader(name: str) -> str:
    """What makes facts of a data set's files: its own name, or that of the layout where the name is a path.

    Raises:
        BenchError: the file's layout is not known.
    """
    path = Path(name).expanduser()
    return layout_of(path) if path.suffix in facts_file.SUFFIXES else name


def data_folder(given: Path | None = None) -> Path | None:
    """The data folder: as given, else from the environment variable BENCH_DATA_DIR, else none.

    Raises:
        BenchError: it does not exist.
    """
    named = given or os.environ.get(DATA_DIR_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise BenchError("the data folder does not exist", file=folder)
    return folder


def _of_file(name: str, path: Path) -> Dataset:
    layout = layout_of(path)
    if layout == facts_file.LAYOUT:
        return _own_facts(name, path)
    if layout == claims_file.LAYOUT:
        return _own_claims(name, path)
    return replace(OF_FILES[layout](path), name=name, source=str(path))


OF_FILES: Mapping[str, Callable[[Path], Dataset]] = {
    mlake.DATASET.name: mlake.of_file,
    counterfact.FOLDER: counterfact.of_file,
    xfever.DATASET.name: xfever.of_file,
    zsre.FOLDER: zsre.of_file,
    mzsre.MZSRE.folder: lambda path: mzsre.of_file(path, mzsre.MZSRE.folder),
    mzsre.BZSRE.folder: lambda path: mzsre.of_file(path, mzsre.BZSRE.folder),
    easyedit.LAYOUT: easyedit.of_file,
    bmike.LAYOUT: bmike.of_file,
    clm_bench.FOLDER: clm_bench.of_file,
    multi_counterfact.FOLDER: multi_counterfact.of_file,
    babeledits.LAYOUT: babeledits.of_file,
}
"""Of data sets whose files are taken as they are, by layout."""


def _own_facts(name: str, path: Path) -> Dataset:
    facts = facts_file.read(path)
    return Dataset(
        name=name,
        languages=tuple(dict.fromkeys(lang for _, lang in facts)),
        licence="the user's",
        citation="",
        source=str(path),
        what=f"{len(facts)} facts",
        load=lambda request: facts_file.choose(facts, request),
        fingerprint=lambda _: content_digest(path),
    )


def _own_claims(name: str, path: Path) -> Dataset:
    claims = claims_file.read(path)
    edited, practised = (claims[split] for split in (claims_file.EDIT, claims_file.PRACTICE))
    return Dataset(
        name=name,
        languages=claims_file.languages(edited),
        licence="the user's",
        citation="",
        source=str(path),
        what=f"{len(edited)} claims",
        load=lambda request: claims_file.load(path, claims, request),
        fingerprint=lambda _: claims_file.fingerprint(path),
        practice=(lambda request: claims_file.practice(path, claims, request)) if practised else None,
    )
