"""A run in one file: all that counts of it and nothing else, the same bytes each time, read as the run is read."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from bench.ground.archives import read_archive, write_archive
from bench.ground.atomic import read_json, write_json, write_text
from bench.ground.errors import BenchError
from bench.store.claims import claimed
from bench.store.packable import expanded_size
from bench.store.packing import MANIFEST, unpack, unpacked
from bench.store.results import load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from tests.store.packs import WORLD, entries, files_of, packed, plain, write_report


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return WORLD.write(tmp_path / "results" / "run")


@pytest.fixture
def file(run: Path, tmp_path: Path) -> Path:
    return packed(run, tmp_path / "run.tar.zst")


def test_a_pack_is_read_as_the_run_is(run: Path, file: Path) -> None:
    mine = load_results(run)
    with unpacked(file) as folder:
        assert folder.name == "run"
        theirs = load_results(folder)
    assert not folder.exists()
    for name in ("cells", "scores", "costs"):
        pd.testing.assert_frame_equal(getattr(theirs, name), getattr(mine, name))
    assert theirs.run == mine.run


def test_everything_is_listed_first_with_its_hash(run: Path, file: Path) -> None:
    held = entries(file)
    assert next(iter(held)) == f"run/{MANIFEST}"
    manifest = json.loads(held.pop(f"run/{MANIFEST}"))
    sums = {f"run/{name}": (kept["size"], kept["sha256"]) for name, kept in manifest["files"].items()}
    assert sums == {name: (len(each), hashlib.sha256(each).hexdigest()) for name, each in held.items()}
    assert list(held) == sorted(held)
    tables = {f"run/{path.relative_to(run)}" for path in run.glob("*/*/*.parquet")}
    assert tables < set(held) and {"run/run.json", "run/report/report.md"} < set(held)
    assert manifest["versions"]["python"] == ["3.11.9"]
    assert manifest["versions"]["torch"] == ["2.13.0"]
    assert manifest["versions"]["commit"] == ["abc1234"]


def test_entries_say_nothing_but_name_and_content(file: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(plain(file))) as archive:
        told = {(each.type, each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in archive}
    assert told == {(tarfile.REGTYPE, 0, 0, 0, "", "", 0o644)}


def test_the_same_run_gives_the_same_bytes(run: Path, file: Path, tmp_path: Path) -> None:
    """At another time, in another place, listed by the disk in another order, after a pack and out of it."""
    other = tmp_path / "elsewhere" / "run"
    for path in sorted(run.rglob("*"), reverse=True):
        if path.is_file():
            (other / path.relative_to(run)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, other / path.relative_to(run))
            (other / path.relative_to(run)).chmod(0o600)
            os.utime(other / path.relative_to(run), (1, 1))
    assert packed(other, tmp_path / "again.tar.zst").read_bytes() == file.read_bytes()
    folder = unpack(file, None, tmp_path / "others")
    assert folder == tmp_path / "others" / "run"
    assert packed(folder, tmp_path / "third.tar.zst").read_bytes() == file.read_bytes()


def test_an_archive_of_many_frames_is_one_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.ground.archives.FRAME", 1000)
    files = [(f"f{i}", bytes([i]) * size) for i, size in enumerate((0, 1, 511, 512, 513, 5000))]
    write_archive(tmp_path / "many", files)
    assert len(plain(tmp_path / "many")) % tarfile.RECORDSIZE == 0
    admitted: list[tuple[str, int]] = []
    found = list(read_archive(tmp_path / "many", lambda *each: admitted.append(each), 20_000))
    assert found == files
    assert admitted == [(name, len(content)) for name, content in files]


def test_what_does_not_count_stays_at_home(run: Path, tmp_path: Path) -> None:
    memit = WORLD.cell("memit", 0, "polyglot-tiny").id()
    write_text(run / memit / "checkpoint" / "00003.safetensors", "weights")
    write_text(run / memit / "checkpoint" / "00003.json", "{}")
    write_text(run / ".locks" / "run.lock", "")
    write_json(run / ".locks" / "holder.json", {"host": "gpu-17", "pid": 1})
    write_text(run / memit / "edits" / ".00003.parquet.0123abcd.tmp", "torn")
    write_text(run / "judge-requests.jsonl", "{}")
    before = files_of(packed(run, tmp_path / "run.tar.zst"))
    assert all(name.partition(".")[2] in ("json", "parquet", "md") for name in before)
    # later settings supersede a cell
    record = read_json(run / "run.json")
    record["cells"] = [each for each in record["cells"] if each["method"] == "none"]
    write_json(run / "run.json", record)
    after = files_of(packed(run, tmp_path / "run.tar.zst"))
    assert set(before) - set(after) == {name for name in before if name.startswith(memit)}


def test_verdicts_and_answers_come_along(run: Path, tmp_path: Path) -> None:
    memit = WORLD.cell("memit", 0, "polyglot-tiny").id()
    texts = dict.fromkeys(("probe", "fact", "kind", "edit_lang", "probe_lang", "prompt", "target", "answer"), "x")
    row = {**texts, "protocol": "generation", "aliases": ["y"], "before": "", "tokens": 1, "ended": "", "value": 1.0}
    ResultStore(run).record(memit, 3, ANSWER_TABLE, [row], part="generation")
    line = {"id": "0", "verdict": True, "judge": "gpt-4.1", "prompt_hash": "12345678", "date": "2026-11-28"}
    write_text(run / "judges" / "gpt-4.1.jsonl", json.dumps(line) + "\n")
    held = files_of(packed(run, tmp_path / "run.tar.zst"))
    assert {f"{memit}/answers/00003-generation.parquet", "judges/gpt-4.1.jsonl"} < set(held)


def test_a_run_that_is_being_computed_is_not_packed(run: Path, tmp_path: Path) -> None:
    memit = WORLD.cell("memit", 0, "polyglot-tiny").id()
    ResultStore(run).running(memit, host="gpu-17", pid=12345, step=1, steps=3)
    with claimed(run, memit) as mine:
        assert mine
        with pytest.raises(BenchError, match="being computed"):
            packed(run, tmp_path / "run.tar.zst")
    assert not (tmp_path / "run.tar.zst").exists()
    # its process is gone
    held = files_of(packed(run, tmp_path / "run.tar.zst"))
    status = json.loads(held[f"{memit}/status.json"])
    assert status["status"] == "interrupted"
    assert not any(b"gpu-17" in each or b"12345" in each for each in held.values())


def test_an_unsound_run_is_not_packed(run: Path, tmp_path: Path) -> None:
    shard = next(run.glob("*/edits/*"))
    shard.write_bytes(b"torn")
    with pytest.raises(BenchError, match="unreadable result shard") as caught:
        packed(run, tmp_path / "run.tar.zst")
    assert str(shard) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


def test_a_torn_answer_is_named_where_the_user_has_it(run: Path, tmp_path: Path) -> None:
    memit = WORLD.cell("memit", 0, "polyglot-tiny").id()
    write_text(run / memit / ANSWER_TABLE / "00003-edits.parquet", "torn")
    with pytest.raises(BenchError, match="unreadable result shard") as caught:
        packed(run, tmp_path / "run.tar.zst")
    assert str(caught.value).startswith(f"{run / memit / ANSWER_TABLE / '00003-edits.parquet'}: ")


def test_names_that_no_pack_has(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="letters, digits"):
        packed(run.rename(run.with_name("my run")), tmp_path / "run.tar.zst")
    run = WORLD.write(tmp_path / "results" / "run")
    cell = next(run.glob("*/cell.json")).parent
    shutil.copytree(cell / "edits", cell / "my edits")
    with pytest.raises(BenchError, match="as a pack may hold") as caught:
        packed(run, tmp_path / "run.tar.zst")
    assert "my edits" in str(caught.value)
    assert not (tmp_path / "run.tar.zst").exists()


def test_a_folder_that_is_there_is_not_unpacked_over(run: Path, file: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(BenchError, match="there already"):
        unpack(file, None, run.parent)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    (tmp_path / "empty").mkdir()
    assert load_results(unpack(file, tmp_path / "empty", run.parent)).cells.shape == (2, 9)


def test_an_error_while_a_pack_is_read_names_the_pack(file: Path) -> None:
    with pytest.raises(BenchError) as caught, unpacked(file) as folder:
        raise BenchError("odd", file=sorted(folder.glob("*/edits/*"))[0], record=3, field="value")
    shard = next(name for name in files_of(file) if "/edits/" in name)
    assert str(caught.value) == f"{file}, record {shard}, record 3, field 'value': odd"
    with pytest.raises(BenchError) as caught, unpacked(file) as folder:
        raise BenchError("the run is odd", file=folder)
    assert str(caught.value) == f"{file}: the run is odd"


def test_two_packs_of_one_name_can_be_told_apart(run: Path, tmp_path: Path) -> None:
    from reports.numbers.names import run_names

    files = [packed(run, tmp_path / where / "run.tar.zst") for where in ("a", "b")]
    with unpacked(files[0]) as first, unpacked(files[1]) as second:
        assert run_names([first, second]) == ["a/run/run", "b/run/run"]


def test_a_report_that_fails_leaves_no_pack(run: Path, tmp_path: Path) -> None:
    from bench.store.packing import pack

    def fails(folder: Path, out: Path) -> None:
        write_report(folder, out)
        raise BenchError("no room", file=out)

    with pytest.raises(BenchError) as caught:
        pack(run, tmp_path / "run.tar.zst", fails)
    assert str(caught.value) == f"{run / 'report'}: no room"
    assert not (tmp_path / "run.tar.zst").exists()


def test_a_table_is_as_large_as_its_rows(run: Path) -> None:
    for path in run.glob("*/*/*.parquet"):
        held = pq.ParquetFile(path).read().nbytes
        assert 0.9 * held < expanded_size(path) < 1.1 * held


@pytest.mark.parametrize("blocks", range(20))
def test_an_archive_may_end_anywhere_in_its_last_record(blocks: int, tmp_path: Path) -> None:
    path, files = tmp_path / "some.tar.zst", [("run/a.json", b"x" * 512 * blocks)]
    write_archive(path, files)
    assert list(read_archive(path, lambda name, size: None, 10**6)) == files
