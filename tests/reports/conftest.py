"""One finished run, one with gaps, and their reports; written once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.results import load_results
from reports.numbers.aggregate import Panel, panels
from reports.render import build_report
from tests.reports.world import World

GAPS = {("rome", 2): "diverged", ("rect", 1): "failed", ("ft", 0): "missing", ("prune", 1): "interrupted"}


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return World().write(tmp_path_factory.mktemp("runs") / "complete")


@pytest.fixture(scope="session")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return World(status=GAPS).write(tmp_path_factory.mktemp("runs") / "gappy")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a report is made of soon, for tests of how it is written."""
    world = World(methods=("none", "memit", "langedit"), seeds=(0, 1), languages=("en", "zh"), facts=2)
    return world.write(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="session")
def complete_panel(complete: Path) -> Panel:
    return panels(load_results(complete))[0]


@pytest.fixture(scope="session")
def gappy_panel(gappy: Path) -> Panel:
    return panels(load_results(gappy))[0]


@pytest.fixture(scope="session")
def report(gappy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(gappy, tmp_path_factory.mktemp("reports"))
