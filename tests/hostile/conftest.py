"""The tiny world of the command-line tests, for input that nobody wishes for."""

from __future__ import annotations

from tests.cli.conftest import tiny, tiny_world

__all__ = ["tiny", "tiny_world"]
