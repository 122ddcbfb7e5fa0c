"""What the pages say: their commands, what these need, files and pieces of Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDS = ("GPU", "data", "network", "cluster", "time")
"""What a command may need; where it does, no test runs it."""

_FENCE = re.compile(
    r"(?:^`(?P<file>[\w.-]+)`[^\n]*:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A fence of a page.

    Attributes:
        kind: its language.
        text: what is in it.
        file: name of the file that it is, or "".
    """

    kind: str
    text: str
    file: str


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        text: in one line, without comments.
        needs: see `NEEDS`; () of one that a test runs.
    """

    text: str
    needs: tuple[str, ...]


def names() -> list[str]:
    """All pages, by their paths in the repository."""
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md")]
    return [str(page.relative_to(ROOT)) for page in (*pages, *sorted((ROOT / "docs").glob("*.md")))]


def read(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[Block]:
    """The fences of a page in their order."""
    found = _FENCE.finditer(read(name))
    return [Block(each["kind"], each["text"], each["file"] or "") for each in found]


def files(name: str) -> dict[str, str]:
    """The files of a page by name."""
    return {block.file: block.text for block in blocks(name) if block.file}


def commands(name: str) -> list[Command]:
    """The commands of a page in their order."""
    return [command for block in blocks(name) if block.kind == "bash" for command in of_block(block.text)]


def of_block(text: str) -> Iterator[Command]:
    """The commands of a fence; a comment that stands first may say what all of them need."""
    whole: tuple[str, ...] = ()
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("#"):
            whole = whole or _needs(line)
            continue
        said, _, _ = line.partition("    # ")
        said = said.partition(" # ")[0] if " # " in said else said
        if said.strip():
            yield Command(" ".join(said.split()), whole or _needs(line))


def _needs(line: str) -> tuple[str, ...]:
    found = re.search(r"# needs: ([^;]*)", line)
    return tuple(need.strip() for need in found.group(1).split(",")) if found else ()
