"""An editor that is killed while it learns goes on learning, and edits as one that never stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench.model.embedded import CLASSIFIERS, classifier_dir
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


def editors(root: Path, kind: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "cache" / "editors").glob(f"*.{kind}")}


@pytest.mark.skipif(not classifier_dir(CLASSIFIERS[0]).is_dir(), reason="it is not trained yet: make classifiers")
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
    assert editors(parts, "safetensors") == editors(whole, "safetensors")
    assert not editors(parts, "training")
