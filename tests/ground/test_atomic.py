"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ground.atomic import read_json, replacing, write_json
from bench.ground.errors import BenchError


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
