"""Find where a subject stands in a prompt that was translated apart from it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from bench.data.common import SPACELESS_LANGUAGES
from bench.data.spans import How, Span

CLOSE_ENOUGH = 75.0
"""Lowest partial ratio, of 100, at which the closest span is taken for the subject."""

WHOLE = 85.0
"""Lowest ratio, of 100, at which that span is held to be the whole subject."""

SAME_WORD = 60.0
"""Lowest ratio at which its first word and its last one are the subject's."""

_MARKS = str.maketrans("’‘ʼ´`“”„«»‐‑–—\u00a0\u202f", "'''''\"\"\"\"\"----  ")
_WORD = re.compile(r"\w+")
_WORD_BEFORE = re.compile(r"([\w.]+)[ -]$")
_WORD_AFTER = re.compile(r"[ -]?(\w+)")


def align(prompt: str, subject: str, english: str, lang: str) -> Span | None:
    """Find the subject in the prompt.

    Tried in turn: the subject as it is, the subject but for case and typographic marks, the English subject
    (these three as whole words), the same three inside words (a German genitive: "Ciceros"), and last the
    closest span. Where the subject stands several times, the last one is taken: it has read the most of the
    question and is the nearest to where the answer is given.

    Args:
        prompt: the question, in `lang`.
        subject: its subject, in `lang`.
        english: the subject of the same record in English.
        lang: ISO 639-1 code.
    """
    folded = fold(prompt)
    tries: tuple[tuple[How, str, str], ...] = (
        ("exact", subject, prompt),
        ("casefold", fold(subject), folded),
        ("english", fold(english), folded),
    )
    spaced = lang not in SPACELESS_LANGUAGES
    for whole_words in (True, False) if spaced else (False,):
        for how, needle, text in tries:
            start = _last(needle, text, whole_words)
            if start >= 0:
                return Span(start, start + len(needle), how)
    return _closest(folded, (fold(subject), fold(english)), spaced)


def is_whole(prompt: str, span: Span, needles: Sequence[str], lang: str) -> bool:
    """Whether the closest span is surely the whole subject and nothing else.

    It is where it has as many words as a subject that it is much like, begins and ends as that does, and no capital or
    digit stands beside it that may belong to the name (German writes all nouns with capitals).
    """
    name = fold(prompt[span.start : span.end])
    like = any(_is_like(name, fold(needle)) for needle in needles)
    return like and (lang == "de" or not goes_on(prompt, span))


def _is_like(name: str, needle: str) -> bool:
    ours, theirs = _WORD.findall(name), _WORD.findall(needle)
    if needle.endswith(("!", "?")) and needle[-1] != name[-1:]:  # a title whose mark is left out
        return False
    if not ours or len(ours) != len(theirs) or fuzz.ratio(name, needle) < WHOLE:
        return False
    return all(fuzz.ratio(ours[end], theirs[end]) >= SAME_WORD for end in (0, -1))


def goes_on(prompt: str, span: Span) -> bool:
    """Whether a word with a capital or a digit stands right beside a span; a sentence's first word does not count."""
    before, after = _WORD_BEFORE.search(prompt[: span.start]), _WORD_AFTER.match(prompt[span.end :])
    first = before is not None and before.start() > 0 and is_capital(before[1])
    return first or (after is not None and is_capital(after[1]))


def is_capital(word: str) -> bool:
    """Whether a word is written as names are."""
    return any(each.isupper() or each.isdigit() for each in word)


def fold(text: str) -> str:
    """Lower-case and unify typographic marks, character by character: offsets stay valid."""
    lowered = (char.lower() if len(char.lower()) == 1 else char for char in text)
    return "".join(lowered).translate(_MARKS)


def _last(needle: str, text: str, whole_words: bool) -> int:
    """Start of the last occurrence of `needle`, or -1."""
    if not whole_words:
        return text.rfind(needle)
    found = list(re.finditer(rf"(?<!\w){re.escape(needle)}(?!\w)", text))
    return found[-1].start() if found else -1


def _closest(text: str, needles: tuple[str, ...], spaced: bool) -> Span | None:
    """The span most like one of `needles`, if alike enough; whole words where words are spaced."""
    matches = [(fuzz.partial_ratio_alignment(needle, text, score_cutoff=CLOSE_ENOUGH), needle) for needle in needles]
    best = max(((m, needle) for m, needle in matches if m is not None), key=lambda x: x[0].score, default=None)
    if best is None:
        return None
    window, needle = best
    start, end = window.dest_start, window.dest_end
    if spaced:
        start, end = _snap(text, start, end, needle)
    return Span(start, end, "closest") if start < end else None


def _snap(text: str, start: int, end: int, needle: str) -> tuple[int, int]:
    """The run of whole words around [start, end) that is most like `needle` as a whole."""
    words = [word.span() for word in _WORD.finditer(text)]
    runs = [
        (first, last)
        for number, (first, _) in enumerate(words)
        for _, last in words[number:]
        if first < end and last > start
    ]
    return max(runs, key=lambda run: fuzz.ratio(needle, text[run[0] : run[1]]), default=(start, end))
