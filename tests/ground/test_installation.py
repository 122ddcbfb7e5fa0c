"""What an installed package asks for, beside what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.ground import installation

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Leaves the metadata of a distribution on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def leave(name: str, version: str, *lines: str) -> None:
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")

    return leave


def test_nothing_is_wrong_where_all_is_there(install: Install) -> None:
    install("wanted-thing", "2.5+cpu")
    install("some-product", "1.0", "Requires-Dist: wanted-thing>=2", 'Requires-Dist: gone>=1; python_version < "3"')
    assert installation.unmet("some-product") == []


def test_what_is_missing_or_old_is_told_with_its_cure(install: Install) -> None:
    install("old-thing", "1.0")
    install("some-product", "1.0", "Requires-Dist: old-thing>=2", "Requires-Dist: gone-thing<3,>=1")
    old, gone = installation.unmet("some-product")
    assert old == "old-thing 1.0 is installed, and >=2 is needed: pip install 'old-thing>=2'"
    assert gone == "gone-thing is not installed: pip install 'gone-thing<3,>=1'"


def test_what_only_extras_need_is_no_problem(install: Install) -> None:
    install("wanted-thing", "2.5")
    install(
        "some-product", "1.0", "Provides-Extra: whole", "Provides-Extra: torn", "Provides-Extra: dev",
        'Requires-Dist: wanted-thing; extra == "whole"', 'Requires-Dist: gone-thing; extra == "torn"',
        'Requires-Dist: gone-thing; extra == "dev"',
    )  # fmt: skip
    assert installation.unmet("some-product") == []
    assert installation.extras("some-product") == {"whole": True, "torn": False}


def test_a_folder_that_was_never_installed_is_told() -> None:
    (line,) = installation.unmet("nobody-has-this")
    assert line.endswith(f" itself is not installed, only its folder is found: pip install -e {installation.FOLDER}")
    assert (installation.FOLDER / "bench").is_dir()
    assert installation.extras("nobody-has-this") == {}
