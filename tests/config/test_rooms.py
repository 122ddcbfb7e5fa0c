"""The product finds its own packages, whatever lies where the user stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench

SCRIPT = """
import sys
import evaluators

def main():
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from bench.config.registry import Registry, evaluators as registry, methods

    print(evaluators.mine, "memit" in methods().names(), "edits" in registry().names())
    assert methods().describe("memit").summary and registry().module("edits").build
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        print("memit" in pool.submit(Registry.names, methods()).result())
    print(evaluators.mine)
    from reports.parts.tables import Table

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A user's folder in which all names are taken, in every way."""
    (tmp_path / "methods").mkdir()
    (tmp_path / "evaluators.py").write_text("mine = 'of the user'\n")
    (tmp_path / "reports" / "build").mkdir(parents=True)
    (tmp_path / "reports" / "__init__.py").write_text("raise ImportError('not the reports that are meant')\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def run(place: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    home = str(Path(bench.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([path, home] if path else [home])}
    return subprocess.run([sys.executable, *arguments], cwd=place, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("path", "arguments", "kind", "name"),
    [
        ("", ("-m", "bench"), "methods", "memit"),
        (".", ("-c", "from bench.cli.main import main; main()"), "evaluators", "edits"),
    ],
    ids=["as a module", "the working folder is on the path"],
)
def test_the_command_lists_its_own(place, path, arguments, kind, name):
    found = run(place, *arguments, "list", kind, path=path)
    assert name in found.stdout, found.stderr


def test_a_script_among_such_names_keeps_its_own_module(place):
    found = run(place, "script.py")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == ["of the user True True", "True", "of the user"]
