"""Results name no one."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from bench.ground.atomic import read_json
from bench.ground.home import without_home
from bench.store.packing import unpacked
from bench.store.shards import ResultStore
from tests.cli.conftest import bench


def test_results_do_not_hold_the_users_name(tiny, tiny_world, tmp_path, monkeypatch) -> None:
    home = tmp_path / "home" / "jane.roe"
    shutil.copytree(tiny_world.root / "model", home / "models" / "mine")
    for name in ("facts.jsonl", "corpus.txt", "hparams.yaml"):
        shutil.copy(tiny_world.root / name, home / name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "hf_SECRET")
    places = {"datasets": home / "facts.jsonl", "corpus": home / "corpus.txt", "hparams": home / "hparams.yaml"}
    arguments = tiny(models=home / "models" / "mine", methods="none,memit", **places)
    assert bench(*arguments).code == 0
    again = bench(*tiny(models="~/models/mine", methods="none,memit", **{k: f"~/{v.name}" for k, v in places.items()}))
    assert "2 from before" in again.out
    texts = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "results").rglob("*.json")}
    assert len(texts) == 6
    for path, text in texts.items():
        assert "jane.roe" not in text and "SECRET" not in text, path
    (name,) = {read_json(path)["cell"]["model"]["name"] for path in texts if path.name == "cell.json"}
    assert name == "~/models/mine"
    for path in (tmp_path / "results").rglob("*.parquet"):
        assert b"jane.roe" not in path.read_bytes(), path
    assert bench("pack", tmp_path / "results" / "tiny").code == 0
    with unpacked(tmp_path / "results" / "tiny.tar.zst") as folder:
        told = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        tables = {path: pd.read_parquet(path).to_csv().encode() for path in told if path.suffix == ".parquet"}
        (name,) = {read_json(path)["cell"]["model"]["name"] for path in told if path.name == "cell.json"}
    assert name == "mine"
    for path, content in {**told, **tables}.items():
        assert not any(word in content for word in (b"jane.roe", b"SECRET", str(tmp_path).encode())), path
        assert path.suffix == ".png" or b"~/" not in content, path


def test_a_traceback_is_kept_without_the_home_folder(tiny_world, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane.roe")
    store, cell = ResultStore(tmp_path / "run"), tiny_world.cell()
    store.start(cell, {})
    store.finish(cell.id(), "failed", 'Traceback\n  File "/home/jane.roe/x/y.py", line 1\nOSError: /home/jane.roe')
    assert store.status(cell.id())[1] == 'Traceback\n  File "~/x/y.py", line 1\nOSError: ~'


@pytest.mark.parametrize(
    ("home", "text", "expected"),
    [
        ("/home/jane", "/home/jane/a and /home/jane", "~/a and ~"),
        ("/home/jane", "/home/janet/a", "/home/janet/a"),
        ("/home/jane", "/mnt/home/jane/a", "/mnt/home/jane/a"),
        ("/home/jane", "~/a, a/b, /data/x", "~/a, a/b, /data/x"),
        ("/", "/data/x", "/data/x"),
        ("/home/j+(a", "/home/j+(a/x", "~/x"),
    ],
)
def test_only_the_home_folder_is_shortened(monkeypatch, home: str, text: str, expected: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert without_home(text) == expected
