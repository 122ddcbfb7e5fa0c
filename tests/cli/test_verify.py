"""``bench verify``: stored scores are those of the model, and what is not is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bench.ground.errors import WeightsError
from bench.store.results import load_results
from tests.cli.conftest import bench, run_arguments
from tests.tinyworld import TinyWorld

pytestmark = pytest.mark.xdist_group("verify")  # its run takes long


@pytest.fixture(scope="module")
def finished(tiny_world: TinyWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a run, once for all tests."""
    folder = tmp_path_factory.mktemp("finished")
    given = {"methods": "none,memit,alphaedit", "seeds": 2, "edits_per_language": 2}
    assert bench(*run_arguments(tiny_world, folder, **given)).code == 0
    return folder


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "results"))


def verify(results: Path, *more: object) -> tuple[int, str]:
    cache = ("--cache-dir", results.parent / "cache", "--display", "none")
    answer = bench("verify", "tiny", "--results-dir", results, "--device", "cpu", *cache, *more)
    return answer.code, answer.out


def folder_of(results: Path, method: str) -> Path:
    cells = load_results(results / "tiny").cells
    found = cells[(cells["method"] == method) & (cells["seed"] == 0)]["cell"].item()
    return results / "tiny" / str(found)


def test_stored_scores_are_computed_again_to_the_last_bit(results: Path) -> None:
    code, out = verify(results)
    assert code == 0, out
    assert "3 agrees" in out
    assert all("scores equal, means within 0" in line for line in out.splitlines()[1:4])


def test_cells_of_further_seeds_keep_no_checkpoint(results: Path) -> None:
    kept = {path.parent.parent.name for path in results.glob("tiny/*/checkpoint/*")}
    cells = load_results(results / "tiny").cells
    assert kept == set(cells[cells["seed"] == 0]["cell"])


def test_an_altered_score_is_found(results: Path) -> None:
    shard = next(folder_of(results, "memit").glob("edits/*.parquet"))
    table = pq.read_table(shard)
    values = table["value"].to_pylist()
    values[0] = 1.0 - values[0]
    altered = table.set_column(table.schema.get_field_index("value"), table.schema.field("value"), [values])
    pq.write_table(altered, shard)
    code, out = verify(results)
    assert code == 1
    assert "2 agrees" in out and "1 differs" in out


def test_an_altered_record_is_found(results: Path) -> None:
    path = folder_of(results, "memit") / "cell.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["cell"]["method"]["options"]["layers"] = [0]
    path.write_text(json.dumps(record), encoding="utf-8")
    answer = bench("verify", "tiny", "--results-dir", results, "--display", "none")
    answer.is_one_line("cell.json", "altered")


def test_another_model_under_the_name_is_not_taken(results: Path, tiny_world, tmp_path: Path) -> None:
    shutil.copytree(tiny_world.root / "model", tmp_path / "model")
    for path in results.glob("tiny/*/cell.json"):
        text = path.read_text(encoding="utf-8").replace(str(tiny_world.root / "model"), str(tmp_path / "model"))
        path.write_text(text, encoding="utf-8")
    assert verify(results)[0] == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    config["rms_norm_eps"] = 0.5
    (tmp_path / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    code, out = verify(results)
    assert code == 1
    assert out.count("another model by now") == 3


def test_a_torn_checkpoint_is_said(results: Path) -> None:
    first = sorted(folder_of(results, "memit").glob("checkpoint/*"))[0]
    first.write_bytes(first.read_bytes()[:-1])
    code, out = verify(results)
    assert code == 0
    assert "no sound checkpoint of step" in out and "1 not checked" in out


def test_weights_that_are_not_the_models_end_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def incomplete(*_: object) -> None:
        raise WeightsError("cannot load model 'm': its weights lack parameters of the model: x")

    monkeypatch.setattr("bench.compute.driver.load_model", incomplete)
    bench("verify", "tiny", "--results-dir", results, "--display", "none").is_one_line("lack parameters")
