"""A disk that is really full, or mounted for reading only; where mounting is not allowed, `test_faults` has to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.killing import check_same, command, run
from tests.soak.test_faults import FEW


def mount(*arguments: object) -> bool:
    try:
        done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
        pytest.skip("mounting a file system is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def is_one_line(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("bench: ") and done.stderr.count("\n") == 1, done.stderr
    assert reason in done.stderr


@pytest.mark.soak
def test_a_run_goes_on_when_there_is_room_again(disk: Path, tmp_path: Path) -> None:
    few = {**FEW, "cache-dir": str(tmp_path.parent / "cache")}
    is_one_line(run(command(disk, **few)), "No space left on device")
    mount("-o", "remount,ro", disk)
    is_one_line(run(command(disk, **few)), "Read-only file system")
    mount("-o", "remount,rw,size=300m", disk)
    for folder in (disk, tmp_path / "reference"):
        done = run(command(folder, **few))
        assert done.returncode == 0, done.stderr
    check_same(disk, tmp_path / "reference")
