"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ground.atomic import filling, read_json, replacing, sweep, write_json
from bench.ground.errors import BenchError, StorageError


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_json(tmp_path / "atomic", 1)
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot write"):
        write_json(tmp_path / "file" / "value.json", 1)


@pytest.mark.parametrize(("text", "problem"), [("{", "not valid JSON"), ("\x80", "not UTF-8")])
def test_broken_json_names_its_file(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BenchError, match=rf"broken\.json: {problem}"):
        read_json(path)


# ---------------------------------------------------------------------------- folders
def test_a_folder_is_filled_whole_and_the_rest_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "model").mkdir(parents=True)
    for name in ("model/old.txt", "mine.txt", "a.txt", "stale.txt"):
        (folder / name).write_text("old")
    with filling(folder, ["stale.txt", "a.txt", "never.txt"]) as place:
        (place / "model").mkdir()
        (place / "model" / "new.txt").write_text("new")
        (place / "a.txt").write_text("new")
        assert (folder / "a.txt").read_text() == "old"
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert files == {"model/new.txt": "new", "mine.txt": "old", "a.txt": "new"}


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("else")])
def test_a_folder_that_is_not_filled_stays_as_it_was(tmp_path: Path, is_there: bool, error: Exception) -> None:
    folder = tmp_path / "folder"
    if is_there:
        folder.mkdir()
        (folder / "a.txt").write_text("old")
    with (
        pytest.raises(StorageError if isinstance(error, OSError) else RuntimeError) as caught,
        filling(folder) as place,
    ):
        (place / "a.txt").write_text("half")
        raise error
    if isinstance(error, OSError):
        assert str(caught.value).startswith(f"{folder}: cannot write: No space left on device")
    assert folder.exists() == is_there
    assert not is_there or [path.name for path in folder.iterdir()] == ["a.txt"]


def test_what_cannot_take_its_place_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("old")
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.parent.parent == tmp_path and target == tmp_path / "a.txt" and path.parent.name != ".old":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StorageError, match="Input/output error"), filling(tmp_path) as place:
        (place / "a.txt").write_text("new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_has_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".new.0123abcd.tmp" / "model").mkdir(parents=True)
    (tmp_path / ".a.txt.0123abcd.tmp").touch()
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())
