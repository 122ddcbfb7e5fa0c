"""Names of runs and of their files that are unique."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from reports.numbers.aggregate import Panel


def slug(text: str) -> str:
    """What of a text can stand in a file name."""
    return re.sub(r"[^A-Za-z0-9._+]+", "-", text).strip("-") or "run"


def suffix(panel: Panel, parts: Sequence[Panel]) -> str:
    """What tells this setting's files from the others'; "" if there is one setting only."""
    different = [
        value
        for name, value in panel.setting._asdict().items()
        if len({getattr(part.setting, name) for part in parts}) > 1
    ]
    return "".join(f"-{slug(value)}" for value in different)


def run_names(folders: Sequence[Path]) -> list[str]:
    """A name per run: its folder's, with as many folders above as tell it from the others."""
    paths = [folder.resolve() for folder in folders]
    names = []
    for path in paths:
        for depth in range(1, len(path.parts)):
            name = "/".join(path.parts[-depth:])
            if sum("/".join(other.parts[-depth:]) == name for other in paths) == 1:
                break
        names.append(name)
    return names
