"""Put the files of a data set into the data folder, from the hub or from a folder in its layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.data.common import Dataset, Hub
from bench.ground.atomic import replacing, write_text
from bench.ground.errors import BenchError


def missing(wanted: Dataset, data_dir: Path) -> list[str]:
    """Files of a data set that are not there, as paths below the data folder."""
    return [name for name in wanted.files if not (data_dir / name).is_file()]


def fetch(wanted: Dataset, data_dir: Path, source: str | None = None, revision: str | None = None) -> list[Path]:
    """Download what is missing of a data set.

    Args:
        wanted: the data set.
        data_dir: the data folder.
        source: a repository of data sets, or a folder, to take rows from in place of the data set's own repository;
            each of its configurations that is named like a file becomes that file, the only one the only file.
        revision: commit of `source`.

    Returns:
        The files that were written.

    Raises:
        BenchError: the data set is on no hub, or the hub cannot be reached; says which files to place where.
    """
    absent = missing(wanted, data_dir)
    downloads = wanted.hub.files.values() if wanted.hub and not source else ()
    if not absent or (downloads and all((data_dir / name).is_file() for name in downloads)):
        return []
    if source:
        return list(_from_rows(source, revision, {Path(name).stem: data_dir / name for name in absent}))
    if wanted.hub is None:
        raise BenchError(f"{wanted.name} is on no hub known here; {_by_hand(wanted, absent, data_dir)}")
    return [_download(wanted, wanted.hub, path, data_dir / name) for path, name in wanted.hub.files.items()]


def _by_hand(wanted: Dataset, absent: list[str], data_dir: Path) -> str:
    return f"get from {wanted.source} and put into {data_dir}: {', '.join(absent)}"  # many files are cut at the end


def _download(wanted: Dataset, hub: Hub, path: str, target: Path) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        found = hf_hub_download(hub.repository, path, repo_type="dataset", revision=hub.revision)
    except Exception as error:  # the library raises many kinds; all mean that the file is not to be had
        reason = type(error).__name__
        raise BenchError(
            f"{path} of {hub.repository} at {hub.revision[:12]} cannot be downloaded ({reason}); place it at {target}"
        ) from error
    with replacing(target) as temporary:
        shutil.copyfile(found, temporary)
    return target


def _from_rows(source: str, revision: str | None, targets: Mapping[str, Path]) -> Iterator[Path]:
    """Write the rows of every configuration that is named like a file, all splits in turn."""
    import datasets

    try:
        configurations = datasets.get_dataset_config_names(source, revision=revision)
        chosen = {name: targets[name] for name in configurations if name in targets}
        if not chosen and len(configurations) == len(targets) == 1:
            chosen = {configurations[0]: next(iter(targets.values()))}
        loaded = {name: datasets.load_dataset(source, name, revision=revision) for name in chosen}
    except Exception as error:  # as above
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"{source} cannot be loaded from the hub: {reason}") from error
    if not chosen:
        raise BenchError(
            f"{source} has no configuration named {' or '.join(targets)}; there are: {', '.join(configurations)}"
        )
    for name, splits in loaded.items():
        rows = [_without_gaps(row) for rows in splits.values() for row in rows]
        write_text(chosen[name], json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        yield chosen[name]


def _without_gaps(value: Any) -> Any:
    """The row without the empty fields that tables fill up records with."""
    if isinstance(value, dict):
        return {key: _without_gaps(each) for key, each in value.items() if each is not None}
    return [_without_gaps(each) for each in value] if isinstance(value, list) else value
