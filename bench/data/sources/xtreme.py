"""Evaluation items of four XTREME tasks, in the shapes in which LangEdit published its own.

Sources:
    xtreme: what the XTREME download script leaves below ``<data_dir>/xtreme``: ``xnli/dev-de.tsv``,
        ``pawsx/dev-de.tsv``, ``panx/dev-de.tsv`` and ``mlqa/MLQA_V1/dev/dev-context-de-question-de.json``.
    xtreme_langedit: JSON lines, ``<data_dir>/xtreme_langedit/xnli_de.jsonl``.
    hub: validation splits from the `datasets` hub, see `bench.data.sources._xtreme.hub`.

An item has an ``id``, its place in the file from "0", and

    xnli, pawsx: ``sentence1``, ``sentence2``, ``label``: entailment or not_entailment, 1 or 0
    mlqa: ``context``, ``question``, ``answer``, the first one given
    wikiann: ``text``, tokens joined by spaces, and ``label``, a line "TYPE: entity@entity" per type in it

Items stay in the order of the file. Records in errors are lines, for MLQA ids, for the hub rows from 0.
"""

from __future__ import annotations

from pathlib import Path

from bench.data.sources._xtreme import files
from bench.data.sources._xtreme.hub import HUB, read_hub
from bench.data.sources._xtreme.records import LANGUAGES, TASKS, Fields, numbered
from bench.ground.digests import content_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown

__all__ = ["LANGUAGES", "SOURCES", "TASKS", "available", "fingerprint", "read", "read_hub"]

SOURCES = ("xtreme", "xtreme_langedit", "hub")


def read(source: str, task: str, lang: str, data_dir: Path | None) -> list[Fields]:
    """Read the items of a task in a language.

    Args:
        source: one of `SOURCES`.
        task: one of `TASKS`.
        lang: one of the task's `LANGUAGES`.
        data_dir: folder that holds the folder of the source; the hub needs none.

    Returns:
        At least one item, in the order of the file.

    Raises:
        BenchError: an unknown name, no such data, or bad data: names the file, the record and the field.
    """
    _check(source, task)
    if lang not in LANGUAGES[task]:
        raise BenchError(f"{task} has no language '{lang}'; it has: {', '.join(LANGUAGES[task])}")
    if source == "hub":
        return read_hub(task, lang)
    if data_dir is None:
        raise BenchError(f"{source} lies on disk: give the folder above {source}/ with --data-dir or BENCH_DATA_DIR")
    path = _file(source, task, lang, data_dir)
    if source == "xtreme_langedit":
        return numbered(files.jsonl(path, task), path)
    if task == "mlqa":
        return numbered(files.squad(path), path)
    return numbered(files.conll(path, lang) if task == "wikiann" else files.tsv(path, task), path)


def available(source: str, task: str, data_dir: Path | None) -> tuple[str, ...]:
    """Languages whose data can be read, in the order of `LANGUAGES`.

    Those whose file is there; of the hub those that it is known to have, without asking it.

    Raises:
        BenchError: the source or the task is unknown.
    """
    _check(source, task)
    if source == "hub":
        return HUB[task].languages
    if data_dir is None:
        return ()
    return tuple(lang for lang in LANGUAGES[task] if _file(source, task, lang, data_dir).is_file())


def fingerprint(source: str, task: str, lang: str, data_dir: Path | None) -> str:
    """Hash what `read` reads; of the hub the place and its revision.

    Raises:
        BenchError: an unknown name, or no such file.
    """
    _check(source, task)
    if source == "hub":
        return repr(HUB[task])
    if data_dir is None:
        raise BenchError(f"{source} lies on disk: give the folder above {source}/ with --data-dir or BENCH_DATA_DIR")
    return content_digest(_file(source, task, lang, data_dir))


def _check(source: str, task: str) -> None:
    if source not in SOURCES:
        raise unknown("source of XTREME items", source, SOURCES)
    if task not in TASKS:
        raise unknown("XTREME task", task, TASKS)


def _file(source: str, task: str, lang: str, data_dir: Path) -> Path:
    folder = data_dir / source
    if source == "xtreme_langedit":
        return folder / f"{task}_{lang}.jsonl"
    if task == "mlqa":
        return folder / "mlqa" / "MLQA_V1" / "dev" / f"dev-context-{lang}-question-{lang}.json"
    return folder / {"wikiann": "panx"}.get(task, task) / f"dev-{lang}.tsv"
