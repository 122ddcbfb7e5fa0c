"""Hyperparameters of `bench/hparams` with the comments that tell where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import yaml

MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Value:
    """One hyperparameter.

    Attributes:
        option: its name.
        text: its value as it is written.
        source: the comment beside it, or "".
    """

    option: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Values:
    """All that a file says of one method.

    Attributes:
        rows: in the order of the file; what is merged in stands first.
        sources: comments above the method and above what it merges in, the nearest last.
    """

    rows: tuple[Value, ...]
    sources: tuple[str, ...]


@cache
def read(path: Path) -> dict[str, Values]:
    """What a file holds, by method."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text)
    if not isinstance(root, yaml.MappingNode):
        return {}
    lines = text.splitlines()
    blocks = [_Block(lines, name, node) for name, node in root.value]
    return {
        block.name: Values(tuple(rows.values()), tuple(dict.fromkeys(sources)))
        for block in blocks
        if not block.name.startswith("_")
        for rows, sources in [_gathered(block, blocks)]
    }


def heading(path: Path) -> str:
    """The comment at the beginning of a file, which holds for all methods."""
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return " ".join(line.lstrip("# ").rstrip() for line in lines)


class _Block:
    """A name at the outermost level, and what stands behind it."""

    def __init__(self, lines: list[str], name: yaml.Node, node: yaml.Node) -> None:
        self.lines, self.node = lines, node
        self.name, self.line = str(name.value), name.start_mark.line

    @property
    def comment(self) -> str:
        """The lines of comment right above it, and the comment beside its name."""
        first = self.line
        while first and self.lines[first - 1].startswith("#"):
            first -= 1
        above = [line.lstrip("# ").rstrip() for line in self.lines[first : self.line]]
        beside = _comment(self.lines[self.line]) if self._opens_here() else ""
        return " ".join(part for part in (*above, beside) if part)

    def _opens_here(self) -> bool:
        """Whether what stands behind its name on this line is no value of its own."""
        return isinstance(self.node, yaml.MappingNode) and not self.lines[self.line].rstrip().endswith("}")


def _gathered(block: _Block, blocks: list[_Block]) -> tuple[dict[str, Value], list[str]]:
    """Values by option and comments of a block and of what it takes over."""
    rows: dict[str, Value] = {}
    sources: list[str] = []
    owner = next(each for each in blocks if each.node is block.node)
    for origin in [owner] if owner is not block else []:
        merged, said = _gathered(origin, blocks)
        rows.update(merged)
        sources += said
    if owner is block:
        for key, value in _pairs(block.node):
            if key.tag == MERGE:
                origin = next(each for each in blocks if each.node is value)
                merged, said = _gathered(origin, blocks)
                rows.update(merged)
                sources += said
            else:
                rows.pop(key.value, None)
                rows[key.value] = Value(key.value, _written(value), _comment(block.lines[key.start_mark.line]))
    return rows, [*sources, *([block.comment] if block.comment else [])]


def _pairs(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def _written(node: yaml.Node) -> str:
    start, end = node.start_mark, node.end_mark
    return str(start.buffer[start.pointer : end.pointer]).strip() if start.buffer else str(node.value)


def _comment(line: str) -> str:
    """What follows a sign for comments; none of our values holds one."""
    return line.partition(" #")[2].strip()
