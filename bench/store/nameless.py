"""A copy of a run that says nothing of the machine it was computed on, nor of its people.

Records name models, facts and texts by their places on the disk, and quote errors; of a place the copy keeps the last
part, which is what people call it. A cell's id stands for contents, so it stays.
"""

from __future__ import annotations

import getpass
import platform
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from bench.ground.atomic import read_json, write_json
from bench.ground.errors import BenchError, StorageError
from bench.ground.home import without_home
from bench.store.judging import FOLDER as JUDGES
from bench.store.records import read_cell
from bench.store.results import load_results
from bench.store.shards import ResultStore
from bench.store.status import standings

PLACE = r"(?:file://|/|~[\w.-]*(?:[/\\]|$)|\.\.?[/\\]|\\\\|[A-Za-z]:[/\\])"
"""How a text begins that is a place on a disk; a name of the hub, "owner/model", is none."""

INSIDE = re.compile(
    rf"""(?P<link>https?://\S+)|(?P<mark>["'])(?P<quoted>{PLACE}[^"'\n]*)(?P=mark)"""
    rf"""|(?<![\w./\\~<-])(?P<bare>{PLACE}[^\s"'(),:;<>\[\]{{}}]*)"""
)
"""Places in a text of several words: in quotation marks, where they may have spaces, and without."""

SHORTEST = 3
"""Letters of a login or a machine's name that are looked for; a shorter one is in any text, and tells nothing."""


def copy_nameless(root: Path, folder: Path) -> None:
    """Copy what counts of a run: records and tables, no checkpoints, no locks, no cells that were superseded.

    Args:
        root: the run's folder.
        folder: that is made.

    Raises:
        BenchError: the run cannot be read, is being computed, or a cell is known by a place alone.
    """
    results = load_results(root)
    busy = [each.cell for each in standings(root) if each.status == "running"]
    if busy:
        raise BenchError("is being computed; wait until it is finished", file=root, record=busy[0])
    store = ResultStore(root)
    cells = [str(cell) for cell in results.cells["cell"] if (root / cell / "cell.json").exists()]
    records = {f"{cell}/cell.json": read_json(root / cell / "cell.json") for cell in cells}
    if (root / "run.json").exists():
        records = {"run.json": read_json(root / "run.json"), **records}
    names = Names(records.values())
    for name, record in records.items():
        write_json(folder / name, names.of(record), durable=False)
    for cell in cells:
        _check_id(records[f"{cell}/cell.json"], root / cell / "cell.json", folder / cell / "cell.json")
        status, reason, when = store.outcome(cell)
        status = "interrupted" if status == "running" else status
        told = {"status": status, "reason": names.in_reason(reason), "when": when}
        write_json(folder / cell / "status.json", told, durable=False)
        for path in sorted((root / cell).glob("*/*.parquet")):
            _copy(path, folder / path.relative_to(root))
    for path in sorted((root / JUDGES).glob("*.jsonl")):
        _copy(path, folder / path.relative_to(root))


def _copy(path: Path, copy: Path) -> None:
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    except OSError as error:
        raise StorageError(f"cannot be copied: {error.strerror or error}", file=path) from error


def _check_id(record: Mapping[str, Any], path: Path, copy: Path) -> None:
    """Refuse a cell whose id depends on a place, which the copy does not tell."""
    try:
        read_cell(copy)
    except BenchError as error:
        places = [name for name, text in _texts(record["cell"]) if _is_place(text)]
        # of these the id is one of contents, where contents are known
        field = min(places, key=("model.name", "data.name", "corpus").__contains__, default=error.field)
        why = "the cell is known by this place on the machine, which a pack does not tell; give it by a name"
        raise BenchError(why, file=path, field=field) from error


class Names:
    """Names for places; two places never get one name.

    Args:
        records: all that stand in one run.
    """

    def __init__(self, records: Iterable[Any]) -> None:
        texts = [text for record in records for _, text in _texts(record)]
        taken = {text for text in texts if not _is_place(text)}
        self._names: dict[str, str] = {}
        for place in filter(_is_place, texts):
            if place not in self._names:
                self._names[place] = _free(_last(place), taken)
                taken.add(self._names[place])

    def of(self, value: Any) -> Any:
        """A record with names for places."""
        if isinstance(value, dict):
            return {self.in_text(key): self.of(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if isinstance(value, str):
            return self._names[value] if _is_place(value) else self.in_text(value)
        return value

    def in_text(self, text: str) -> str:
        """A text of several words with names for places."""
        return INSIDE.sub(lambda found: found["link"] or self._in_place(found), without_home(text))

    def in_reason(self, text: str) -> str:
        """Why a cell failed, with names for places, and without those of the user and the machine."""
        text = self.in_text(text)
        for word, stands_for in ((_login(), "user"), (platform.node(), "host")):
            if len(word) >= SHORTEST:
                text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", stands_for, text)
        return text

    def _in_place(self, found: re.Match[str]) -> str:
        place, mark = found["quoted"] or found["bare"], found["mark"] or ""
        return f"{mark}{self._names.get(place) or _last(place)}{mark}"


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a system that knows no users
        return ""


def _is_place(text: str) -> bool:
    return re.match(PLACE, text) is not None


def _last(place: str) -> str:
    """The last part of a place; a home folder stays what it is, without a name."""
    parts = [part for part in re.split(r"[/\\]", without_home(place).removeprefix("file://")) if part]
    return re.sub("^~.+", "~", parts[-1]) if parts else place


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with a number where another place has it."""
    tries = chain([name], (f"{name} ({number})" for number in count(2)))
    return next(each for each in tries if each not in taken)


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a record, with its place there."""
    if isinstance(value, str):
        yield place, value
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, each in inside:
        yield from _texts(each, f"{place}.{key}" if place else str(key))
