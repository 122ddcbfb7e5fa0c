"""The product's own packages beside this one, whatever else goes by their names where the user stands.

``methods``, ``evaluators`` and ``reports`` are common words: a folder of such a name, or a file as `evaluators.py`,
comes first where the working folder is searched for modules, as ``python -m bench`` and scripts do.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOMS = ("methods", "evaluators", "reports")

HOME = Path(__file__).resolve().parents[2]
"""The folder that holds them."""


class _Finder:
    """Finds the rooms by their place; asked before any other finder."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Where a room lies; None for any other module."""
        if name not in ROOMS:
            return None
        folder = HOME / name
        if not (folder / "__init__.py").is_file():
            return None
        return spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])


def room(name: str) -> ModuleType:
    """Import one of the product's packages.

    From the first call on all of `ROOMS` are the product's. A script's own module of such a name that was imported
    before stays what it is there.
    """
    if name in ROOMS:
        _open()
    return importlib.import_module(name)


def _open() -> None:
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    for name in ROOMS:
        if name in sys.modules and not _is_ours(name):
            for other in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[other]


def _is_ours(name: str) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and Path(file).resolve() == HOME / name / "__init__.py"
