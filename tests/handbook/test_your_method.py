"""The example of a method: a package of one's own adds it through an entry point."""

from __future__ import annotations

import re

import pytest

from bench.model import tiny
from tests.cli.conftest import bench
from tests.handbook import pages

pytestmark = pytest.mark.xdist_group("packages")  # they are installed once


def test_the_example_is_ten_lines_or_so():
    method = pages.files("docs/your-method.md")["my_method.py"]
    assert len([line for line in method.splitlines() if line.strip()]) <= 12


def test_it_is_listed_with_its_origin(installed):
    listed = bench("list", "methods")
    assert listed.code == 0, listed.err
    assert re.search(r"^my-method +MEMIT with every update halved\. +my-method$", listed.out, flags=re.MULTILINE)


def test_it_passes_the_conformance_checks(installed, monkeypatch):
    """On one architecture; a method that takes MEMIT's update has nothing to do with architectures."""
    monkeypatch.setattr(tiny, "ARCHITECTURES", tiny.ARCHITECTURES[:1])
    checked = bench("check", "my-method")
    assert checked.code == 0, checked.out + checked.err
    assert "FAILED" not in checked.out
