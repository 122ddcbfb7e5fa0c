"""``bench cost``: what it measures, what it extrapolates, what it writes beside the published numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from bench.compute.pool import beginning
from bench.config.registry import methods
from bench.config.run import PAPER_METHODS
from bench.config.settings import hyperparameters
from bench.cost import session
from bench.cost.measuring import block_passes, whole_seconds
from bench.cost.plan import CostPlan, Load, MethodPlan, moved, needed_bytes
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.model.shapes import SHAPES
from reports.cost import published
from tests.cli.conftest import bench

LOAD = Load(edits=4, steps=2, batch_sizes=(), languages=("en",))
FEW = {"value_steps": 2, "steps": 2, "prefix_lengths": [[4, 1]]}
"""In place of the shape's own options: what a fact costs changes nothing about what is measured and told."""

pytestmark = pytest.mark.xdist_group("workers")  # its set-up takes long; so does the beginning of their parent


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cut shape, measured once for all tests, by processes that begin as the workers of a pool: sooner."""
    root = tmp_path_factory.mktemp("cost")
    known = hyperparameters("llama3-8b", methods())
    fewer = {name: {**known[name], **{key: FEW[key] for key in FEW if key in known[name]}} for name in ("ft", "memit")}
    # where a shape of eight layers has those of the larger model
    fewer["ft"]["layer"], fewer["memit"]["layers"] = 5, [0, 1, 2, 3, 4]
    (root / "few.yaml").write_text(yaml.safe_dump(fewer), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "get_context", lambda _: beginning())
        answer = bench(
            "cost", "--model", "released-tiny", "--methods", "ft,memit", "--edits", 4, "--steps", 2, "--layers", 2,
            "--batch-sizes", "1", "--languages", "en", "--device", "cpu", "--dtype", "float32", "--display", "plain",
            "--token-budget", 200, "--hparams", root / "few.yaml", "--cache-dir", root / "cache", "--out", root / "out",
        )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "cut to 2 of 8 layers" in answer.out
    assert "extrapolated" in answer.out
    return root / "out"


def test_every_step_has_its_phases(measured: Path) -> None:
    rows = pd.read_csv(measured / "cost.csv")
    memit = rows[(rows["method"] == "memit") & ~rows["extrapolated"]]
    assert {"values", "keys", "solve", "total"} <= set(memit[memit["step"] == 2]["phase"])
    assert set(memit[memit["step"] == 0]["phase"]) == {"other", "total"}
    assert set(memit["layers"]) == {1, 2}
    assert set(memit["edits"]) == {0, 1, 4}
    steps = memit[(memit["layers"] == 2) & (memit["step"] == 2)].set_index("phase")["seconds"]
    assert steps.drop("total").sum() == pytest.approx(steps["total"])
    assert (rows[rows["phase"] == "total"]["gigabytes"].dropna() > 0.01).all()


def test_the_whole_is_extrapolated_and_marked(measured: Path) -> None:
    rows = pd.read_csv(measured / "cost.csv")
    whole = rows[rows["extrapolated"]]
    assert set(whole["method"]) == {"ft", "memit"}
    assert set(whole["layers"]) == {8}
    assert whole["step"].isna().all()
    text = (measured / "cost.md").read_text(encoding="utf-8")
    assert text.count("| yes ") == text.count("| no ") == 2
    assert "first 2 of 8 layers" in text
    assert "worst case" in text


def test_the_edited_layers_of_the_cut_are_told(measured: Path) -> None:
    about = read_json(measured / "cost.json")
    assert about["methods"]["memit"] == {"whole": [0, 1, 2, 3, 4], "measured": [0]}
    assert "MEMIT 0,1,2,3,4 at 0" in (measured / "cost.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["steps", "batch"])
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_both_plots_are_drawn(measured: Path, name: str, suffix: str) -> None:
    assert (measured / name).with_suffix(suffix).stat().st_size > 1000


def test_no_statistics_are_left_behind(measured: Path) -> None:
    assert not list((measured.parent / "cache").glob("cost-*"))


def test_published_numbers_are_complete() -> None:
    table = published()
    assert list(table) == ["model", "method", "table", "seconds", "gigabytes", "machine", "source"]
    assert not table.isna().any(axis=None)
    ours = set(PAPER_METHODS) - {"none", "langedit-released"}  # the paper knows one LangEdit
    assert set(table["source"]) == {"published"}
    for model in ("llama3-8b", "gpt-j-6b", "qwen2.5-7b"):
        assert set(table[table["model"] == model]["method"]) == ours


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--model", "llama9"], ["unknown model 'llama9'", "llama3-8b"]),
        (["--layers", 0], ["1 to 8 layers"]),
        (["--layers", 9], ["1 to 8 layers"]),
        (["--methods", "memitt"], ["unknown method 'memitt'", "did you mean 'memit'"]),
        (["--edits", 0], ["--edits must be at least 1"]),
        (["--steps", 1], ["--steps must be at least 2"]),
        (["--batch-sizes", "1,x"], ["--batch-sizes takes numbers"]),
        (["--model", "polyglot-tiny", "--layers", 2], ["--layers cuts shapes"]),
        (["--dtype", "int7"], ["'dtype'"]),
        (["--languages", "xx"], ["'xx'"]),
        (["--methods", "none"], ["no method"]),
    ],
)
def test_bad_input_is_one_line(flags: list[object], parts: list[str], tmp_path: Path) -> None:
    bench("cost", "--model", "released-tiny", "--out", tmp_path / "out", *flags).is_one_line(*parts)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------- planning and extrapolation
@pytest.mark.parametrize(
    ("layers", "made_for", "depth", "expected"),
    [
        ((4, 5, 6, 7, 8), 32, 32, [4, 5, 6, 7, 8]),
        ((4, 5, 6, 7, 8), 32, 9, [4, 5, 6, 7, 8]),
        ((4, 5, 6, 7, 8), 32, 8, [0, 1, 2, 3, 4]),
        ((4, 5, 6, 7, 8), 32, 2, [0, 1]),
        ((21,), 32, 11, [7]),
        ((3,), 4, 1, [0]),
    ],
)
def test_layers_that_a_cut_lacks_are_moved_down(
    layers: tuple[int, ...], made_for: int, depth: int, expected: list[int]
) -> None:
    assert list(moved({"layers": layers}, made_for, depth)["layers"]) == expected
    assert moved({"layer": layers[-1]}, made_for, depth)["layer"] <= depth - 1


def test_a_step_that_costs_the_same_per_block_is_extrapolated_exactly() -> None:
    plan = CostPlan("x", True, 32, 10, 5, (), LOAD, "float32", "cpu", 0, 0, Path())
    then, now = {"layers": [4, 5, 6, 7, 8]}, {"layers": [0, 1, 2, 3, 4]}

    def cost(depth: int, layers: list[int]) -> dict[str, float]:
        below, above = max(layers) + 1, depth - 1 - max(layers)
        keys = 0.5 * block_passes(layers)
        return {"values": 2.0 + 0.5 * below + 3.0 * above, "keys": keys, "solve": 7.0 * len(layers), "other": 1.0}

    deep, shallow = cost(10, now["layers"]), cost(5, now["layers"])
    per_block = {phase: (deep[phase] - shallow[phase]) / 5 for phase in deep}
    found = whole_seconds(plan, MethodPlan("memit", then, now), {**deep, "total": 9.9}, per_block)
    assert found == pytest.approx(cost(32, then["layers"]))


def test_memory_grows_with_depth_and_with_statistics() -> None:
    shape = SHAPES["llama3-8b"]
    needs = [needed_bytes(shape, depth, {"layers": [0]}, LOAD, "bfloat16") for depth in (2, 3, 32)]
    assert needs == sorted(needs)
    assert needs[0] > needed_bytes(shape, 2, {"layer": 0}, LOAD, "bfloat16")


def test_a_load_without_a_step_to_measure_is_refused() -> None:
    with pytest.raises(BenchError, match="--steps"):
        Load(edits=1, steps=1, batch_sizes=(), languages=("en",))
