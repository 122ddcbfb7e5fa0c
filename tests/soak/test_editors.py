"""An editor that is killed while it learns goes on learning, and edits as one that never stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench.ground import sealed
from tests.soak.killing import check_same, command, run, start
from tests.soak.test_faults import wait_until

SMALL = {
    "preset": "xme-smoke",
    "models": "claims-bert-tiny",
    "languages": "en,hi",
    "edits-per-language": "2",
    "set": "method.mend.validate_every=5",
}


def flags(root: Path) -> dict[str, str]:
    # with a cache of its own, for the other run's holds the editor
    return {
        **SMALL,
        "methods": "mend[layers=LL,training_steps=60,edits_per_step=4]",
        "cache-dir": str(root / "cache"),
    }


def editors(root: Path, kind: str) -> dict[str, Path]:
    return {path.name: path for path in (root / "cache" / "editors").glob(f"*.{kind}")}


@pytest.mark.soak
def test_a_killed_editor_goes_on_learning(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = run(command(whole, **flags(whole)))
    assert done.returncode == 0, done.stderr
    process = start(command(parts, **flags(parts)))
    wait_until(lambda: bool(editors(parts, "training")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert editors(parts, "training")
    assert not editors(parts, "safetensors")
    done = run(command(parts, **flags(parts)))
    assert done.returncode == 0, done.stderr
    check_same(parts, whole)
    found, known = (editors(root, "safetensors") for root in (parts, whole))
    assert found.keys() == known.keys()
    for name, path in found.items():
        (tensors, told), (tensors_of_whole, told_of_whole) = map(sealed.read, (path, known[name]))
        assert told == told_of_whole
        assert tensors.keys() == tensors_of_whole.keys()
        assert all(tensors[key].equal(tensors_of_whole[key]) for key in tensors)
    assert not editors(parts, "training")
