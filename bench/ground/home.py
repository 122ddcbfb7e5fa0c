"""Results name no one: the user's home folder is written ``~``, as a shell reads it."""

from __future__ import annotations

import re
from pathlib import Path


def without_home(text: str) -> str:
    """The text with the user's home folder, wherever a path in it begins so, as ``~``."""
    try:
        home = Path.home()
    except RuntimeError:  # the system knows no home folder
        return text
    for folder in {str(home), str(home.resolve())} - {home.anchor}:
        text = re.sub(rf"(?<![\w/.~-]){re.escape(folder)}(?![\w.-])", "~", text)
    return text
