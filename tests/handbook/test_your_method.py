"""The example of a method: a package of one's own adds it through an entry point."""

from __future__ import annotations

import re
import subprocess

import pytest

from bench.cli.main import main
from bench.model import tiny
from bench.store.results import load_results
from tests import started
from tests.handbook import pages

pytestmark = pytest.mark.xdist_group("packages")  # they are installed once


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return started.run(main, arguments)


def on_one_architecture() -> None:
    """The command, sooner; a method that takes MEMIT's update has nothing to do with architectures."""
    tiny.ARCHITECTURES = tiny.ARCHITECTURES[:1]
    main()


def test_the_example_is_ten_lines_or_so():
    method = pages.files("docs/your-method.md")["my_method.py"]
    assert len([line for line in method.splitlines() if line.strip()]) <= 12


def test_it_is_listed_with_its_origin(installed):
    listed = bench("list", "methods")
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"^my-method +MEMIT with every update halved\. +my-method$", listed.stdout, flags=re.MULTILINE)


def test_it_passes_the_conformance_checks(installed):
    checked = started.run(on_one_architecture, ["check", "my-method"])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "FAILED" not in checked.stdout


def test_it_runs_beside_the_methods_of_the_package(installed, tiny, tmp_path):
    run = bench(*tiny(methods="memit,my-method"))
    assert run.returncode == 0, run.stdout + run.stderr
    results = load_results(tmp_path / "results" / "tiny")
    assert dict(zip(results.cells["method"], results.cells["status"], strict=True)) == {
        "memit": "done",
        "my-method": "done",
    }
    method_of = results.cells.set_index("cell")["method"]
    norms = results.costs[(results.costs["quantity"] == "update_norm") & (results.costs["step"] == 1)]
    by_method = norms.groupby([norms["cell"].map(method_of), "layer"])["value"].sum().unstack(0)
    assert (by_method["my-method"] / by_method["memit"]).to_numpy() == pytest.approx(0.5, rel=1e-3)
