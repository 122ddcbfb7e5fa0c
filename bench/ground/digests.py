"""Hashes that name contents: of files and of texts, whatever they are called and wherever they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bench.ground.errors import BenchError


def digest(paths: Iterable[Path], *words: str) -> str:
    """Hash the contents and names of files (folders do not count), and `words`, to 16 hex digits."""
    total = hashlib.blake2b("\0".join(words).encode(), digest_size=8)
    for path in sorted(paths, key=lambda each: each.name):
        total.update(path.name.encode() + b"\0" + bytes.fromhex(content_digest(path)))
    return total.hexdigest()


def text_digest(*texts: str, size: int = 8) -> str:
    """Hash texts to `size` bytes, two hex digits each."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=size).hexdigest()


def content_digest(path: Path) -> str:
    """Hash the contents of a file, whatever it is called, to 32 hex digits.

    Raises:
        BenchError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise BenchError(f"cannot read: {error.strerror or error}", file=path) from error
