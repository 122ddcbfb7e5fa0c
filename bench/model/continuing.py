"""A tokenizer as it reads what goes on from an earlier text.

Many tokenizers write a space before the text they are given, so that a word is the same piece at the beginning as
in the middle: SentencePiece's kind by a Metaspace or a Prepend, byte-level ones where ``add_prefix_space`` is set. A
target does not stand at the beginning, and gets no space that is not written.
"""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

WRITTEN_SPACES = frozenset("▁Ġ")
"""How pieces write a space."""

Part = dict[str, Any]
"""A normalizer or pre-tokenizer as its file describes it."""


def without_prefix_space(backend: Tokenizer) -> Tokenizer | None:
    """A copy of a tokenizer that writes no space before a text, nor drops one; None where it is so itself."""
    parts = {name: _described(getattr(backend, name)) for name in ("normalizer", "pre_tokenizer")}
    changed = {name: _changed(part) for name, part in parts.items()}
    if changed == parts:
        return None
    copied = Tokenizer.from_str(json.dumps({**json.loads(backend.to_str()), **changed}))
    copied.no_truncation()
    copied.no_padding()
    copied.encode_special_tokens = backend.encode_special_tokens
    return copied


def _described(part: Any) -> Part | None:
    # the file as a whole holds the vocabulary too, and takes a second to write
    return None if part is None else json.loads(part.__getstate__())


def _changed(part: Part | None) -> Part | None:
    """A part without what it does to the beginning of a text; None where that is all it does."""
    if part is None or part["type"] == "Prepend":
        return None
    match part["type"]:
        case "Sequence":
            name = "normalizers" if "normalizers" in part else "pretokenizers"
            return {**part, name: _members(part[name])}
        case "Metaspace":
            return {**part, "prepend_scheme": "never"}
        case "ByteLevel":
            return {**part, "add_prefix_space": False} if "add_prefix_space" in part else part
        case "Strip":
            return {**part, "strip_left": False}
    return part


def _members(parts: list[Part]) -> list[Part]:
    # where words are cut at spaces first, only the prefix would tell a word after a space from one without
    marks = any(part["type"] == "Metaspace" for part in parts)
    kept = [part for part in parts if not (marks and part["type"] == "WhitespaceSplit")]
    return [changed for changed in map(_changed, kept) if changed is not None]
