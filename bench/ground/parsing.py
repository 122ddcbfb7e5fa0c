"""Read text, JSON and YAML that others have written: what is unsound is one error that names the file.

Beyond bad syntax are refused: a name given twice in one object, for one of the two would be lost; nesting deeper than
anything here has; half of a surrogate pair, which no UTF-8 can hold; and YAML whose aliases make much of little.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.ground.errors import BenchError

DEEPEST = 50
"""Lists and objects within each other, in files of our own and in configurations."""

LONGEST_YAML = 200_000
"""Characters; configurations have some thousands."""

MOST_NODES = 20_000
"""Values of a YAML document with its aliases written out."""


def read_text(path: Path, *, lines: bool = False) -> str:
    """Read a UTF-8 file whole; a byte order mark is taken away.

    Args:
        path: the file.
        lines: its records are its lines, so that an error names one.

    Raises:
        BenchError: it is missing, no plain file, or not UTF-8.
    """
    content = b""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise BenchError("not a file", file=path)
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise BenchError("no such file", file=path) from error
    except OSError as error:
        raise BenchError(f"cannot be read ({error.strerror or error})", file=path) from error
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise BenchError(f"not UTF-8 ({error})", file=path, record=number if lines else None) from error
    except ValueError as error:  # a path with a NUL in it
        raise BenchError(f"no such file ({error})", file=path) from error


def parse_json(text: str, file: object, record: object = None) -> Any:
    """Parse JSON.

    Raises:
        BenchError: it is not JSON, nested too deep, or has a name twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise BenchError("not valid JSON (nested too deep)", file=file, record=record) from error
    except ValueError as error:  # of syntax, a name given twice, a number of thousands of digits
        raise BenchError(f"not valid JSON ({error})", file=file, record=record) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"{_twice(name for name, _ in pairs)!r} is given twice in one object")
    return found


def _twice(names: Iterable[Hashable]) -> Hashable | None:
    """The first name that comes a second time."""
    seen: set[Hashable] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8; half a surrogate pair, as JSON's escapes may give it, cannot."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def check_plain(value: Any, file: object) -> None:
    """Refuse what no file of our own holds, in a value that JSON was parsed to.

    Raises:
        BenchError: nested too deep, or a text that is no Unicode; names its place.
    """
    level: list[tuple[str, Any]] = [("", value)]
    for _ in range(DEEPEST):
        for place, each in level:
            if isinstance(each, str) and not is_unicode(each):
                raise BenchError("holds half of a surrogate pair, which is no text", file=file, field=place or None)
        level = [inner for place, each in level for inner in _inside(place, each)]
        if not level:
            return
    raise BenchError(f"nested more than {DEEPEST} deep", file=file, field=level[0][0][:100])


def _inside(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a list or an object holds, with its place; names of an object are texts of it too."""
    if isinstance(value, dict):
        for name, each in value.items():
            if not is_unicode(name):
                yield place, name
            yield f"{place}.{name}" if place else name, each
    elif isinstance(value, list):
        yield from ((f"{place}.{number}" if place else str(number), each) for number, each in enumerate(value))


# ---------------------------------------------------------------------------- YAML
def parse_yaml(text: str, file: object) -> Any:
    """Parse one YAML document of plain values; nothing is made but lists, mappings, texts, numbers and dates.

    Raises:
        BenchError: it is not YAML, or holds what `bench.ground.parsing` refuses.
    """
    if len(text) > LONGEST_YAML:
        raise BenchError(f"larger than {LONGEST_YAML:,} characters, which is no configuration", file=file)
    try:
        return _Loader(text).get_single_data()
    except Exception as error:  # tags and dates that cannot be made raise many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"not valid YAML ({reason})", file=file) from error


class _Loader(yaml.SafeLoader):
    """Looks at a document before anything is made of it."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        # while it is read, for the scanner takes its time over brackets
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _nodes(node, {}, 1)
        return node


def _nodes(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many nodes there are with aliases written out; one into itself never ends, so it is too deep.

    Args:
        node: where to count from.
        known: what was counted before, by the identity of a node.
        depth: of this node, from 1.

    Raises:
        YAMLError: too many, too deep, a name twice, or a value that is none.
    """
    if depth > DEEPEST:
        raise yaml.YAMLError(f"nested more than {DEEPEST} deep")
    if id(node) not in known:
        _check_node(node)
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        parts = node.value if isinstance(node, yaml.SequenceNode) else [each for pair in pairs for each in pair]
        known[id(node)] = 1 + sum(_nodes(each, known, depth + 1) for each in parts)
    if known[id(node)] > MOST_NODES:
        raise yaml.YAMLError(f"more than {MOST_NODES:,} values with all aliases written out")
    return known[id(node)]


def _check_node(node: yaml.Node) -> None:
    where = f"in line {node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        keys = ((key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := _twice(keys):
            raise yaml.YAMLError(f"{twice[1]!r} is given twice {where}")  # type: ignore[index]
    elif isinstance(node, yaml.ScalarNode):
        if not is_unicode(node.value) or "\0" in node.value:
            raise yaml.YAMLError(f"{node.value!r} is no text {where}")
        if node.tag == "tag:yaml.org,2002:float" and node.value.lower() == ".nan":
            raise yaml.YAMLError(f"{node.value} is no value {where}")
