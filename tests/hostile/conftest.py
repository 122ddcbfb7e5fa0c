"""The tiny world of the command-line tests, for input that nobody wishes for."""

from __future__ import annotations

from tests.cli.conftest import no_pictures, tiny, tiny_world

__all__ = ["no_pictures", "tiny", "tiny_world"]
