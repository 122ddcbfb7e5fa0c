"""A model asked as it was taught to be: every prompt is what a user says in its chat template.

Edits and probes are framed alike; texts behind statistics and context prefixes are not. A target is what the assistant
begins with, so the space that is written before it falls away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.model.tokens import Covered, Tokens

WITHOUT = "run it without --chat-template"

SENTINELS = ("x1y2z3", "Who is x1y2z3?")
"""Texts that a template must show as they are."""

FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}
"""What templates may ask for: the day, which would else change numbers daily, and that the answer comes first."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chat template puts around what a user says, up to where the assistant begins."""

    before: str
    after: str

    @classmethod
    def of(cls, tokenizer: Any) -> Frame:
        """The frame of a tokenizer's template.

        Raises:
            BenchError: it has none, or one that does not show a user's text as it is.
        """
        if not getattr(tokenizer, "chat_template", None):
            raise BenchError(f"the tokenizer has no chat template; {WITHOUT}")
        frames = {cls._around(tokenizer, text) for text in SENTINELS}
        if len(frames) != 1:
            raise BenchError(f"the chat template does not show what a user says as it is; {WITHOUT}")
        return frames.pop()

    @classmethod
    def _around(cls, tokenizer: Any, text: str) -> Frame:
        said = [{"role": "user", "content": text}]
        try:
            whole = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True, **FIXED)
        except Exception as error:  # a template is a program
            reason = " ".join(str(error).split()) or type(error).__name__
            raise BenchError(f"the chat template cannot be used: {reason}") from error
        before, found, after = whole.partition(text)
        if not found or text in after:
            raise BenchError(f"the chat template does not show what a user says once; {WITHOUT}")
        return cls(before, after)

    def digest(self) -> str:
        """A hash of it."""
        return text_digest(self.before, self.after)


class ChatTokens(Tokens):
    """A tokenizer whose prompts stand in a frame, and whose targets are what the assistant begins with.

    Args:
        tokenizer: a fast tokenizer with a chat template.
        vocabulary: how many tokens the model knows.

    Raises:
        BenchError: it has no chat template that can be used.
    """

    def __init__(self, tokenizer: Any, vocabulary: int | None = None) -> None:
        super().__init__(tokenizer, vocabulary)
        self._plain = Tokens(tokenizer, vocabulary)
        self.frame = Frame.of(tokenizer)
        self.framed = self.frame.digest()
        # the frame has its own
        self.leading = []
        first, second = self.prompts(SENTINELS)
        self._before = [a for a, b in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))]

    @property
    def plain(self) -> Tokens:
        """The same without a frame, for texts that nobody says."""
        return self._plain

    @property
    def before(self) -> Sequence[int]:
        """Ids of the frame up to what a user says."""
        return self._before

    def contents(self) -> tuple[str, ...]:
        """As of any tokenizer, and the frame."""
        return (*super().contents(), self.frame.before, self.frame.after)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text in its frame."""
        return super().prompts([self._framed(text) for text in texts])

    def targets(self, texts: Sequence[str], *, end_of_text: bool = False) -> list[list[int]]:
        """Ids of each target as an answer begins with it."""
        return super().targets([text.lstrip() for text in texts], end_of_text=end_of_text)

    def cover(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[Covered]:
        """Ids of each text in its frame and the tokens that hold some of its subject."""
        shift = len(self.frame.before)
        moved = [(start + shift, end + shift) for start, end in spans]
        return super().cover([self._framed(text) for text in texts], moved)

    def _framed(self, text: str) -> str:
        return self.frame.before + text + self.frame.after
