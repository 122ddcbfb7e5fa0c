"""Ways to spoil a file: its bytes, the values in it, its lines, or the place where it lies."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Doc = Any
"""What JSON or YAML holds."""

DEEP, LONG, TWICE = "@@deep@@", "@@long@@", "@@twice@@"
"""Stand for what `json.dumps` cannot write: lists within lists, a number of many digits, a name given twice."""

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "  ", "\ud800", "a\0b", "\n", "*", "../..", "{}",
    "{} {}", "x" * 5000, [], {}, [[]], ["x"], [None], {"a": {"b": []}}, *3 * (DEEP, LONG, "\ud800"),
)  # fmt: skip
PIECES = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n\n",
    b"\t",
    b'"',
    b"{",
    b"]",
    b"\xe2\x80\xa8",
    b"\\",
)


@dataclass(frozen=True)
class Spoilt:
    """What was done.

    Attributes:
        how: in a word.
        at: where in a document a value was changed; () where it was not a value.
    """

    how: str
    at: tuple[str | int, ...] = ()


# ---------------------------------------------------------------------------- places
def place(draw: Draw, path: Path) -> Spoilt:
    """Put something else where the file should be."""
    how = draw(st.sampled_from(["folder", "missing", "loop", "dangling", "pipe", "device"]))
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "loop":
        path.symlink_to(path.name)
    elif how == "dangling":
        path.symlink_to("nowhere")
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/null")
    return Spoilt(how)


# ---------------------------------------------------------------------------- bytes
def content(draw: Draw, path: Path) -> Spoilt:
    """Tear the file, flip a bit, or put bytes into it that do not belong there."""
    old = path.read_bytes()
    how = draw(
        st.sampled_from(["truncate", "flip", "insert", "cut", "repeat", "empty", "blank", "utf-16", "crlf", "bom"])
    )
    start = draw(st.integers(0, len(old) - 1))
    end = min(len(old), start + draw(st.integers(1, 40)))
    new = {
        "truncate": lambda: old[:start],
        "flip": lambda: old[:start] + bytes([old[start] ^ 1 << draw(st.integers(0, 7))]) + old[start + 1 :],
        "insert": lambda: old[:start] + draw(st.sampled_from(PIECES)) + old[start:],
        "cut": lambda: old[:start] + old[end:],
        "repeat": lambda: old[:end] + old[start:],
        "empty": lambda: b"",
        "blank": lambda: b" \n\t\n",
        "utf-16": lambda: old.decode("utf-8", "replace").encode("utf-16"),
        "crlf": lambda: old.replace(b"\n", b"\r\n"),
        "bom": lambda: b"\xef\xbb\xbf" + old,
    }[how]()
    path.write_bytes(new)
    return Spoilt(how)


def lines(draw: Draw, path: Path) -> Spoilt:
    """Change the fields of one line between tabs, or the order of lines."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")]
    row = draw(st.sampled_from([row for row in rows if len(row) > 1]))
    column = draw(st.integers(0, len(row) - 1))
    how = draw(st.sampled_from(["drop", "add", "empty", "odd", "swap", "spaces", "line twice", "line gone"]))
    if how == "drop":
        del row[column]
    elif how in ("add", "swap"):
        row.insert(0 if how == "swap" else column, row.pop() if how == "swap" else "x")
    elif how in ("empty", "odd"):
        row[column] = (
            "" if how == "empty" else draw(st.sampled_from(["\0", "B-", "2", "entailmen", "\u2028", "-1", "NaN"]))
        )
    elif how == "spaces":
        row[:] = [" ".join(row)]
    elif how == "line twice":
        rows.insert(rows.index(row), row)
    else:
        rows.remove(row)
    path.write_text("\n".join("\t".join(each) for each in rows), encoding="utf-8", newline="")
    return Spoilt(how)


# ---------------------------------------------------------------------------- documents
def document(draw: Draw, doc: Doc) -> tuple[Doc, Spoilt]:
    """Change one value of a document: what it is, what it is called, whether it is there."""
    doc = copy.deepcopy(doc)
    where = draw(st.sampled_from([(), *_paths(doc)]))
    if not where:
        return draw(st.sampled_from(ODD)), Spoilt("whole")
    *above, last = where
    parent = doc
    for key in above:
        parent = parent[key]
    named = isinstance(parent, dict)
    ways = ["drop", "odd", "odd", "odd", "wrap", "again"] + (["rename", "rename", "twice", "extra"] if named else [])
    how = draw(st.sampled_from(ways))
    if how == "drop":
        del parent[last]
    elif how == "odd":
        parent[last] = draw(st.sampled_from(ODD))
    elif how == "wrap":
        parent[last] = [parent[last]]
    elif how == "again":
        # a second one in a list; of a named value the text, which is another type for all but texts
        parent.__setitem__(last, str(parent[last])) if named else parent.insert(last, copy.deepcopy(parent[last]))
    elif how == "rename":
        parent[f"{last}x"] = parent.pop(last)
    elif how == "twice":
        parent[f"{TWICE}{last}"] = copy.deepcopy(parent[last])
    else:
        parent["zzz"] = 1
    return doc, Spoilt(how, where)


def _paths(doc: Doc) -> Iterator[tuple[str | int, ...]]:
    inside = doc.items() if isinstance(doc, dict) else enumerate(doc) if isinstance(doc, list) else ()
    for key, value in inside:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))


def dumps(doc: Doc) -> str:
    """As JSON, in ASCII, with what no library would write."""
    text = json.dumps(doc)
    return text.replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000).replace(f'"{LONG}"', "9" * 5_000).replace(TWICE, "")


def emptied(folder: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
