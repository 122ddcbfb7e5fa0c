"""What is installed: versions, what this package asks for and is not there, and its optional extras."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement

DISTRIBUTION = "langedit-bench"

FOLDER = Path(__file__).resolve().parents[2]
"""Where this package lies."""

PACKAGES = (DISTRIBUTION, "torch", "transformers", "tokenizers", "numpy", "babel", "lm_eval")
"""Whose versions numbers may depend on in their last bits."""

TOOLS = ("dev",)
"""Extras of those who work on this package."""


def version_of(package: str) -> str | None:
    """The version that is installed, if any."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def unmet(distribution: str = DISTRIBUTION) -> list[str]:
    """What a distribution cannot do without and is missing, or too old or new: a line each, with its cure."""
    if version_of(distribution) is None:
        return [f"{distribution} itself is not installed, only its folder is found: pip install -e {FOLDER}"]
    return [line for text in requires(distribution) or () if (line := _problem(Requirement(text), ""))]


def extras(distribution: str = DISTRIBUTION) -> Mapping[str, bool]:
    """The optional extras of a distribution, and whether all that they need is there."""
    if version_of(distribution) is None:
        return {}
    asked = [Requirement(text) for text in requires(distribution) or ()]
    names = metadata(distribution).get_all("Provides-Extra") or ()
    return {name: not any(_problem(each, name) for each in asked) for name in names if name not in TOOLS}


def _problem(asked: Requirement, extra: str) -> str:
    """What is wrong with a requirement; "" for nothing, also where it is not asked for here."""
    if asked.marker is not None and not asked.marker.evaluate({"extra": extra}):
        return ""
    found = version_of(asked.name)
    if found is not None and asked.specifier.contains(found, prereleases=True):
        return ""
    there = "is not installed" if found is None else f"{found} is installed, and {asked.specifier} is needed"
    return f"{asked.name} {there}: pip install '{asked.name}{asked.specifier}'"
