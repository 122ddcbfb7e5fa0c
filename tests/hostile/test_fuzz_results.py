"""A run's folder, spoilt: records, statuses and shards are refused by name, or all of a cell's numbers are there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from bench.config.cell import Cell
from bench.ground.errors import BenchError
from bench.plan.planning import check_schema
from bench.store.estimate import paces
from bench.store.outcomes import existing
from bench.store.results import Results, load_results
from bench.store.shards import FINISHED, ResultStore
from reports.experiments import figure5
from reports.numbers import traces
from reports.numbers.aggregate import panels
from reports.parts import provenance
from reports.parts.joining import join, sameness
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.spoiling import Draw, Spoilt
from tests.hostile.test_fuzz_facts import written
from tests.reports.world import World

EXAMPLES = 20
WORLD = World(methods=("none", "memit"), seeds=(0,), languages=("en", "de"), facts=2)
RUN = "run"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound") / RUN
    WORLD.write(root)
    for path in sorted(root.glob("*/cell.json")):
        record = json.loads(path.read_text("utf-8"))
        record["environment"]["alignment"] = [{"lang": "en", "read": 2, "exact": 2, "dropped": {"twice": 1}}]
        record["environment"]["evaluators"] = {"edits": {}}
        path.write_text(json.dumps(record), "utf-8")
    return root


def copied(sound: Path, *patterns: str) -> Callable[[Path], list[Path]]:
    """Write a run of two cells; the files that match are the ones to spoil, of the first cell where each has one."""

    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / RUN)
        return [sorted((root / RUN).glob(pattern))[0] for pattern in patterns]

    return write


def values(draw: Draw, path: Path) -> Spoilt:
    """Change a value of a record."""
    changed, spoilt = spoiling.document(draw, json.loads(path.read_text("utf-8")))
    path.write_text(spoiling.dumps(changed), encoding="utf-8")
    return spoilt


def read(root: Path) -> Results:
    """Read a run as a report does, up to the tables that stand behind its numbers."""
    results = load_results(root / RUN)
    assert panels(results)
    records = provenance.cell_records(root / RUN, results.cells)
    for table in (provenance.what_was_run(records), provenance.options(records), provenance.alignment(records)):
        assert all(isinstance(cell.text, str) for row in table.rows for cell in row)
    provenance.cost(results, results.cells)
    provenance.unfinished(results.cells)
    return results


def whole(sound: Path) -> Callable[[Path, Results], None]:
    """Every finished cell has the numbers it had."""
    expected = load_results(sound)

    def check(root: Path, results: Results) -> None:
        cells = results.cells
        assert set(cells["status"]) <= {"done", "diverged", "failed", "interrupted", "running", "missing"}
        assert all(isinstance(text, str) for name in cells for text in cells[name] if name != "seed")
        finished = cells.loc[cells["status"].isin(FINISHED), "cell"]
        for found, wanted in ((results.scores, expected.scores), (results.costs, expected.costs)):
            mine, theirs = (rows[rows["cell"].isin(finished)].reset_index(drop=True) for rows in (found, wanted))
            pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)

    return check


def run_reader(
    name: str, sound: Path, patterns: Sequence[str], spoil: Sequence[Callable[[Draw, Path], Spoilt]]
) -> Reader:
    return Reader(name, copied(sound, *patterns), spoil, read, whole(sound))


# ---------------------------------------------------------------------------- records
@pytest.mark.parametrize("name", ["run.json", "cell.json"])
def test_malformed_records(name: str, sound: Path, tmp_path: Path, record_property: Any) -> None:
    pattern = name if name == "run.json" else f"*/{name}"
    spoil = [values, values, values, spoiling.content, spoiling.place]
    reader = run_reader(f"results, {name}", sound, [pattern], spoil)
    if name == "run.json":
        # a run may list fewer cells than there are folders
        reader = Reader(reader.name, reader.write, reader.spoil, read, lambda root, results: listed(root, results))
    fuzz(reader, tmp_path, record_property, 2 * EXAMPLES)


def listed(root: Path, results: Results) -> None:
    path = root / RUN / "run.json"
    wanted = json.loads(path.read_bytes().decode("utf-8-sig")).get("cells") if path.exists() else None
    assert wanted is None or [*results.cells["cell"]] == [cell["cell"] for cell in wanted]


def memit(root: Path) -> Path:
    (path,) = [path for path in (root / RUN).glob("*/cell.json") if "memit" in path.read_text("utf-8")]
    return path


def test_malformed_status(sound: Path, tmp_path: Path, record_property: Any) -> None:
    """An unsound status is never an error, and never one of those that count: the cell is computed again."""

    def standing(root: Path) -> Results:
        results = read(root)
        cell = Cell.model_validate(json.loads(memit(root).read_text("utf-8"))["cell"])
        outcome = existing(cell, ResultStore(root / RUN), (("edits", {}),))
        assert outcome.status in (None, "done", "diverged", "failed", "interrupted", "running")
        status = {row["cell"]: row["status"] for row in results.cells.to_dict("records")}[cell.id()]
        assert status == (outcome.status or "done")
        if status not in FINISHED:
            raise BenchError("refused: to be computed again")
        return results

    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / RUN)
        return [memit(root).with_name("status.json")]

    spoil = [values, values, spoiling.content, spoiling.place]
    reader = Reader("results, status.json", write, spoil, standing, whole(sound), names=False)
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_no_run_goes_on_upon_unsound_records(sound: Path, tmp_path: Path, record_property: Any) -> None:
    """What `bench run` reads before it computes anything."""
    reader = Reader(
        "results, before a run",
        copied(sound, "run.json", "*/cell.json"),
        [spoiling.content, spoiling.content, spoiling.place, values],
        lambda root: check_schema(ResultStore(root / RUN)),
        lambda root, _: None,
    )
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_times_are_guessed_from_whole_cells(sound: Path, tmp_path: Path, record_property: Any) -> None:
    known = paces(sound.parent)
    assert len(known) == 2

    def guess(root: Path) -> Any:
        found = paces(root)
        assert all(isinstance(pace.edit, float) for pace in found.values())
        if len(found) < len(known):
            raise BenchError("refused: one cell less to guess from")
        return found

    write = copied(sound, "*/cell.json", "*/status.json")
    spoil = [spoiling.content, spoiling.place]
    reader = Reader("times of earlier runs", write, spoil, guess, lambda *_: None, names=False)
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_malformed_runs_that_are_compared(sound: Path, tmp_path: Path, record_property: Any) -> None:
    def compared(root: Path) -> Any:
        runs = join(sound, root / RUN)
        return [sameness(runs, row) for row in runs.cells.to_dict("records")]

    write = copied(sound, "*/cell.json", "*/edits/*.parquet")
    spoil = [spoiling.content, spoiling.place]

    def same(root: Path, found: Any) -> None:
        scores = dict(zip(load_results(root / RUN).cells["status"], found, strict=False))
        assert all(each.scores == "identical" or "interrupted" in scores for each in found)

    fuzz(Reader("bench compare", write, spoil, compared, same), tmp_path, record_property, EXAMPLES)


# ---------------------------------------------------------------------------- shards
def table(draw: Draw, path: Path) -> Spoilt:
    """A shard that Parquet can read and that is not the one that was written."""
    data = pq.read_table(path)
    names = data.schema.names
    name = draw(st.sampled_from(names))
    at = names.index(name)
    change: dict[str, Callable[[], pa.Table]] = {
        "drop": lambda: data.drop_columns([name]),
        "rename": lambda: data.rename_columns([each + "x" * (each == name) for each in names]),
        "add": lambda: data.append_column("more", pa.array([1] * len(data))),
        "texts": lambda: data.set_column(at, name, pa.array([str(each) for each in data[name].to_pylist()])),
        "gaps": lambda: data.set_column(at, name, pa.nulls(len(data), data.schema.field(name).type)),
        "order": lambda: data.select([*names[1:], names[0]]),
        "no version": lambda: data.replace_schema_metadata({}),
        "another version": lambda: data.replace_schema_metadata({"schema_version": "2"}),
        "odd version": lambda: data.replace_schema_metadata({b"schema_version": b"\xff"}),
        "rows gone": lambda: data.slice(0, len(data) // 2),
        "rows twice": lambda: pa.concat_tables([data, data]),
        "another cell": lambda: data.set_column(0, "cell", pa.array(["0" * 16] * len(data))),
        "another step": lambda: data.set_column(1, "step", pa.array([9] * len(data), pa.int32())),
        "no rows": lambda: data.slice(0, 0),
    }
    how = draw(st.sampled_from(sorted(change)))
    pq.write_table(change[how](), path)
    return Spoilt(f"{how} {name}")


def exchanged(draw: Draw, path: Path) -> Spoilt:
    """The shard of another cell, another step or another table."""
    others = [other for other in path.parents[2].glob("*/*/*.parquet") if other != path]
    shutil.copyfile(draw(st.sampled_from(sorted(others))), path)
    return Spoilt("exchanged")


@pytest.mark.parametrize("table_name", ["edits", "cost"])
def test_malformed_shards(table_name: str, sound: Path, tmp_path: Path, record_property: Any) -> None:
    spoil = [spoiling.content, spoiling.content, spoiling.content, table, exchanged, spoiling.place]
    reader = run_reader(f"results, shards of {table_name}", sound, [f"*/{table_name}/*.parquet"], spoil)
    fuzz(reader, tmp_path, record_property, 2 * EXAMPLES)


def test_no_flipped_bit_changes_a_number(sound: Path, tmp_path: Path) -> None:
    """Bytes all over a shard, one after another: refused, or read as it was written."""
    shutil.copytree(sound, tmp_path / RUN)
    path = sorted((tmp_path / RUN).glob("*/cost/*.parquet"))[0]
    expected, old = load_results(tmp_path / RUN).costs, path.read_bytes()
    refused = 0
    for place in range(0, len(old), 19):
        path.write_bytes(old[:place] + bytes([old[place] ^ 1 << place % 8]) + old[place + 1 :])
        try:
            found = load_results(tmp_path / RUN).costs
        except BenchError as error:
            assert path.name in str(error)
            refused += 1
        else:
            pd.testing.assert_frame_equal(found, expected)
    assert refused > len(old) / 19 / 3


# ---------------------------------------------------------------------------- traces
KINDS = ("hidden", "mlp", "attention")
TRACED = {
    "model": "m", "data": "cldr", "facts": 3, "samples": 2, "noise": 3.0, "window": 2, "seed": 1, "layers": 2,
    "dtype": "float32", "true_answers": True, "counts": {"en": {"tried": 4, "traced": 3}}, "averaged": ["en"],
    "mlp_effects": [0.1, 0.2], "recommended": {"layers": [1], "set": "method.memit.layers=1"},
    "facts_traced": [{"language": "en", "fact": f"f{n}", "answer": "a", "high": 0.5, "low": 0.1} for n in range(3)],
}  # fmt: skip
EFFECTS = [
    f"en,f{n},{part},0,{kind},{layer},0.{layer + 1}"
    for n in range(3) for part in ("last", "end") for kind in KINDS for layer in range(2)
]  # fmt: skip


def test_malformed_traces(tmp_path: Path, record_property: Any) -> None:
    def write(root: Path) -> list[Path]:
        text = "\n".join(["language,fact,part,token,kind,layer,effect", *EFFECTS]) + "\n"
        return [written(root, "trace.json", spoiling.dumps(TRACED)), written(root, "trace.csv", text)]

    def spoil(draw: Draw, path: Path) -> Spoilt:
        return values(draw, path) if path.suffix == ".json" else fields(draw, path)

    def read(root: Path) -> traces.Effects:
        effects = traces.read(root)
        assert figure5.advice(effects)
        assert figure5.peaks(effects).rows
        return effects

    def whole(root: Path, effects: traces.Effects) -> None:
        assert len(effects.rows) == len(EFFECTS)
        assert set(effects.languages) <= set(effects.asked)

    fuzz(Reader("bench trace", write, [spoil, spoil, spoiling.content, spoiling.place], read, whole), tmp_path,
         record_property, 2 * EXAMPLES)  # fmt: skip


def fields(draw: Draw, path: Path) -> Spoilt:
    """Change a field of a table between commas."""
    path.write_text(path.read_text("utf-8").replace(",", "\t"), "utf-8")
    spoilt = spoiling.lines(draw, path)
    path.write_text(path.read_text("utf-8").replace("\t", ","), "utf-8")
    return spoilt
