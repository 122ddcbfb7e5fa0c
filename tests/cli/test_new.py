"""`bench new`: what it writes works as it is, inside the checkout and outside; what cannot be is one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import new
from bench.config.rooms import HOME
from tests import started
from tests.cli.conftest import bench
from tests.config.test_registry import distribute

KNOWN = Path("bench/data/datasets.py")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user stands who has the package installed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout to write into, as far as `bench new` looks at it; the user stands below its root."""
    for folder in ("methods", "evaluators", "docs", "tests/methods", "tests/evaluators", "tests/data", KNOWN.parent):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    shutil.copy(HOME / KNOWN, tmp_path / KNOWN)
    monkeypatch.setattr(new, "HOME", tmp_path)
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run_tests() -> None:
    """Run tests in a folder, with another to import from; both stand before the rest of the arguments."""
    cwd, path, *places = sys.argv[1:]
    os.chdir(cwd)
    sys.path.insert(0, path)
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *places]))


def pass_their_tests(*places: object, cwd: Path, path: Path) -> None:
    """Run tests in a process of their own, with a folder more to import from."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *map(str, places)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_outside_a_plug_in_is_a_package_of_its_own(elsewhere: Path) -> None:
    answer = bench("new", "method", "half-memit")
    assert answer.code == 0, answer.err
    assert files(elsewhere) == {
        "half-memit/half_memit.py", "half-memit/test_half_memit.py", "half-memit/pyproject.toml",
    }  # fmt: skip
    assert "pip install -e ./half-memit" in answer.out
    assert "bench check half-memit" in answer.out
    project = (elsewhere / "half-memit" / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."bench.methods"]\nhalf-memit = "half_memit"' in project
    assert bench("new", "evaluator", "first-token").code == 0
    project = (elsewhere / "first-token" / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."bench.evaluators"]\nfirst-token = "first_token"' in project


@pytest.mark.xdist_group("workers")  # the process that others come from begins once
def test_outside_what_is_written_passes_its_tests(elsewhere: Path) -> None:
    for what, name in (("method", "half-memit"), ("evaluator", "first-token"), ("dataset", "my-facts")):
        assert bench("new", what, name).code == 0
    # as `pip install -e` leaves them
    site = elsewhere / "site"
    site.mkdir()
    for group, name in (("methods", "half-memit"), ("evaluators", "first-token")):
        distribute(site, name.replace("-", "_"), f"bench.{group}", {name: name.replace("-", "_")})
        shutil.copy(elsewhere / name / f"{name.replace('-', '_')}.py", site)
    done = started.run(run_tests, [str(elsewhere), str(site), "half-memit", "first-token", "my-facts"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_outside_a_data_set_is_a_file_that_is_sound(elsewhere: Path) -> None:
    assert bench("new", "dataset", "my-facts").code == 0
    assert files(elsewhere) == {"my-facts/my-facts.jsonl", "my-facts/test_my_facts.py"}
    checked = bench("data", "check", "my-facts/my-facts.jsonl")
    assert (checked.code, checked.err) == (0, "")


def test_in_a_checkout_files_go_where_their_like_are(checkout: Path) -> None:
    before = files(checkout)
    for what, name in (("method", "half-memit"), ("evaluator", "first-token"), ("dataset", "my-facts")):
        answer = bench("new", what, name)
        assert answer.code == 0, answer.err
    assert files(checkout) - before == {
        "methods/half_memit.py", "tests/methods/test_half_memit.py",
        "evaluators/first_token.py", "tests/evaluators/test_first_token.py",
        "bench/data/sources/my_facts.py", "tests/data/test_my_facts.py",
    }  # fmt: skip


def test_in_a_checkout_a_method_is_entered_in_the_list_of_papers(checkout: Path) -> None:
    sources = checkout / "handbook" / "sources.csv"
    sources.parent.mkdir()
    sources.write_text("method,source,year\nnone,,\n", encoding="utf-8")
    answer = bench("new", "method", "half-memit")
    assert sources.read_text(encoding="utf-8") == "method,source,year\nnone,,\nhalf-memit,no paper yet,\n"
    assert "make docs" in answer.out


def test_in_a_checkout_a_data_set_is_entered_in_the_list_of_all(checkout: Path) -> None:
    before = (checkout / KNOWN).read_text(encoding="utf-8").splitlines()
    assert bench("new", "dataset", "my-facts").code == 0
    after = (checkout / KNOWN).read_text(encoding="utf-8").splitlines()
    added = [line for line in after if line not in before]
    assert added == ["    my_facts,", "        my_facts.DATASET,"]
    assert [line for line in after if line not in added] == before
    imported = after[after.index("from bench.data.sources import (") + 1 : after.index(")")]
    assert imported == sorted(imported)
    assert after[after.index("        my_facts.DATASET,") + 1] == "    )"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose packages are this one's, and the user in it."""
    folder = tmp_path / "copy"
    for package in ("bench", "methods", "evaluators", "reports"):
        shutil.copytree(HOME / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    monkeypatch.setattr(new, "HOME", folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.soak
def test_in_a_checkout_what_is_written_passes_its_tests(copy: Path) -> None:
    for what, name in (("method", "half-memit"), ("evaluator", "first-token"), ("dataset", "my-facts")):
        assert bench("new", what, name).code == 0
    pass_their_tests("tests", cwd=copy, path=copy)


@pytest.mark.parametrize("name", ["a1", "b" * 40, "-".join("abcdefghij" * 2)])
def test_in_a_checkout_what_is_written_is_as_clean_as_the_rest(copy: Path, name: str) -> None:
    pytest.importorskip("ruff")
    for what in ("method", "evaluator", "dataset"):
        assert bench("new", what, name).code == 0
    written = [path for path in copy.rglob("*.py") if name.replace("-", "_") in path.stem]
    assert len(written) == 6
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        ruff = [sys.executable, "-m", "ruff", *command, *map(str, written), str(copy / KNOWN)]
        done = subprocess.run(ruff, cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("what", "name", "part"),
    [
        ("method", "memit", "method 'memit' is there already"),
        ("method", "modern", "method 'modern' is there already"),
        ("evaluator", "xtreme", "evaluator 'xtreme' is there already"),
        ("dataset", "mzsre", "data set 'mzsre' is there already"),
        ("method", "My_Method", "cannot be a name"),
        ("method", "../up", "cannot be a name"),
        ("method", "memit[x=1]", "cannot be a name"),
        ("method", "lambda", "cannot be a name"),
        ("dataset", "a" * 41, "cannot be a name"),
        ("dataset", "", "cannot be a name"),
        ("method", "json", "there is a Python module 'json' already"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(elsewhere: Path, what: str, name: str, part: str) -> None:
    bench("new", what, name).is_one_line(part)
    assert files(elsewhere) == set()


def test_a_file_that_is_there_stays_as_it_is(elsewhere: Path) -> None:
    assert bench("new", "dataset", "my-facts").code == 0
    own = elsewhere / "my-facts" / "my-facts.jsonl"
    own.write_text("mine", encoding="utf-8")
    (elsewhere / "my-facts" / "test_my_facts.py").unlink()
    bench("new", "dataset", "my-facts").is_one_line(
        "my-facts/my-facts.jsonl", "is there already", "nothing was written"
    )
    assert own.read_text(encoding="utf-8") == "mine"
    assert files(elsewhere) == {"my-facts/my-facts.jsonl"}


def test_a_list_that_is_not_found_is_told() -> None:
    with pytest.raises(new.BenchError, match="no list of data sets"):
        new.entered("known = []", "mine")
