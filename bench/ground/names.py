"""Unknown names: one wording, with a guess at what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bench.ground.errors import BenchError


def hint(word: str, choices: Iterable[str]) -> str:
    """A clause that names the nearest choice, or lists them all if none is near."""
    known = list(choices)
    near = difflib.get_close_matches(word.lower(), [choice.lower() for choice in known], n=1)
    if near:
        nearest = next(choice for choice in known if choice.lower() == near[0])
        return f"; did you mean '{nearest}'?"
    return f"; there are: {', '.join(known)}" if known else ""


def unknown(kind: str, word: str, choices: Iterable[str], *, file: object = None) -> BenchError:
    """The error for a name that is not among `choices`.

    Args:
        kind: what the name should be, in words: "method", "option of method 'memit'".
        word: the name as given.
        choices: the names there are.
        file: where the name was read, if in a file.
    """
    return BenchError(f"unknown {kind} '{word}'{hint(word, choices)}", file=file)
