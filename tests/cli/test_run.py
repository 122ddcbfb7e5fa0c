from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

import bench as package
from bench.model.tiny import FEED_FORWARD, WIDTH
from bench.store import estimate
from bench.store.results import load_results
from tests.cli.conftest import bench


def test_a_run_leaves_tables_and_is_found_again(tiny, tmp_path):
    first = bench(*tiny(methods="none,memit", seeds=2))
    assert first.code == 0, first.err
    assert "4 cells, 4 to compute" in first.out
    assert "next: bench report tiny" in first.out
    results = load_results(tmp_path / "results" / "tiny")
    assert set(results.cells["status"]) == {"done"}
    assert set(results.scores["metric"]) >= {"efficacy", "generality", "specificity"}
    assert results.run["methods"] == ["none", "memit"]
    second = bench(*tiny(methods="none,memit", seeds=2))
    assert second.code == 0
    assert "(4 from before)" in second.out
    assert "[1/" not in second.out


def test_a_run_folder_gains_cells_and_counts_the_latest(tiny, tmp_path):
    for arguments in (tiny(), tiny(methods="memit"), tiny("--set", "method.memit.clamp=2", methods="memit")):
        assert bench(*arguments).code == 0
    folder = tmp_path / "results" / "tiny"
    cells = load_results(folder).cells
    assert list(cells["method"]) == ["none", "memit"]
    assert len(list(folder.glob("*/cell.json"))) == 3
    assert len(set(load_results(folder).scores["cell"])) == 2


def test_a_cell_that_lacks_a_table_is_computed_again(tiny, tmp_path):
    assert bench(*tiny()).code == 0
    for shard in (tmp_path / "results" / "tiny").glob("*/edits/*.parquet"):
        shard.unlink()
    again = bench(*tiny())
    assert "1 to compute" in again.out


def test_a_spread_model_gives_the_same_scores(tiny, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("cpu: 120000\n")  # two of the blocks stay on disk
    found = []
    for name, more in {"plain": {}, "auto": {"device_map": "auto"}, "tight": {"device_map": limits}}.items():
        answer = bench(*tiny(methods="memit", name=name, **more))
        assert (answer.code, answer.err) == (0, "")
        results = load_results(tmp_path / "results" / name)
        order = ["cell", "step", "metric", "fact", "edit_lang", "probe_lang"]
        found.append(results.scores.sort_values(order, ignore_index=True))
    for scores in found[1:]:
        pd.testing.assert_frame_equal(found[0], scores, check_exact=True)


def test_the_dry_run_computes_nothing(tiny, tmp_path):
    answer = bench(*tiny("--dry-run", methods="none,memit"))
    assert answer.code == 0
    assert "2 cells" in answer.out and "2 to compute" in answer.out
    assert "estimated time, without loading and statistics: unknown" in answer.out
    # two checkpoints of two layers in fp32, a third while it is computed; the unedited model has nothing to keep
    each = 2 * WIDTH * FEED_FORWARD * 4 / 1e6
    assert [line.rsplit("  ", 1)[-1] for line in answer.out.splitlines()[1:3]] == ["0.00 MB", f"{3 * each:.2f} MB"]
    assert f"first seed of each row: {2 * each:.2f} MB" in answer.out
    assert not (tmp_path / "results").exists()


def test_the_dry_run_knows_what_exists_and_estimates_the_rest(tiny, tmp_path):
    assert bench(*tiny()).code == 0
    answer = bench(*tiny("--dry-run", seeds=3))
    assert "3 cells" in answer.out and "2 to compute" in answer.out
    assert "unknown" not in answer.out
    known = estimate.paces(tmp_path / "results")
    assert [method for method, _ in known] == ["none"]
    assert known.popitem()[1].scoring > 0


def test_a_crash_is_recorded_reported_and_retried_on_demand(tiny, tmp_path, monkeypatch):
    from methods import ft

    def crash(*_):
        raise ZeroDivisionError("no such luck")

    monkeypatch.setattr(ft.FineTune, "apply", crash)
    first = bench(*tiny(methods="ft,none"))
    assert first.code == 1
    assert first.err.count("\n") == 1 and "no such luck" in first.err
    cells = load_results(tmp_path / "results" / "tiny").cells.set_index("method")
    assert cells["status"].to_dict() == {"ft": "failed", "none": "done"}
    assert "Traceback" in cells["reason"]["ft"]
    monkeypatch.undo()
    second = bench(*tiny(methods="ft,none"))
    assert second.code == 1
    assert "--retry-failed" in second.err
    status = bench("status", "tiny", "--results-dir", tmp_path / "results")
    assert "ZeroDivisionError: no such luck" in status.out and "1 failed" in status.out
    watched = bench("status", "tiny", "--results-dir", tmp_path / "results", "--watch")
    assert (status.code, watched.code) == (0, 0)
    assert watched.out.endswith(status.out), "nothing is left to do, so it ends at once"
    third = bench(*tiny("--retry-failed", methods="ft,none"))
    assert third.code == 0, third.err


def test_an_interrupted_run_says_how_to_go_on(tiny, tmp_path, monkeypatch):
    from methods import ft

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ft.FineTune, "apply", stop)
    answer = bench(*tiny(methods="none,ft"))
    assert answer.code == 130
    assert answer.err == "bench: interrupted; run the same command again to go on where it stopped\n"
    cells = load_results(tmp_path / "results" / "tiny").cells.set_index("method")
    assert cells["status"].to_dict() == {"none": "done", "ft": "interrupted"}
    monkeypatch.undo()
    assert bench(*tiny(methods="none,ft")).code == 0


@pytest.mark.parametrize("display", ["rich", "none"])
def test_other_displays(tiny, display):
    answer = bench(*tiny(display=display))
    assert answer.code == 0
    assert ("done" in answer.out) == (display == "rich")


@pytest.mark.xdist_group("workers")  # it takes some; the process that they come from begins once
def test_python_does_what_the_command_does(tiny_world, tmp_path):
    results = package.run(
        name="tiny",
        methods=("none", "memit"),
        models=str(tiny_world.root / "model"),
        datasets=str(tiny_world.root / "facts.jsonl"),
        languages=("en", "de"),
        hparams=str(tiny_world.root / "hparams.yaml"),
        corpus=str(tiny_world.root / "corpus.txt"),
        set={"method.memit.layers": [1]},
        seeds=1,
        batch_size=2,
        edits_per_language=2,
        evaluators="edits",
        results_dir=tmp_path,
        cache_dir=tiny_world.root / "cache",
        device="cpu",
    )
    assert list(results.cells["status"]) == ["done", "done"]
    again = package.load_results(tmp_path / "tiny")
    assert again.scores.equals(results.scores)


@pytest.mark.parametrize("kind", ["methods", "models", "datasets", "evaluators", "presets"])
def test_lists(kind):
    short, long = bench("list", kind), bench("list", kind, "-v")
    assert short.code == long.code == 0
    assert len(long.out) > len(short.out)
    names = {"methods": "langedit-released", "models": "polyglot-tiny", "datasets": "mzsre"}
    assert names.get(kind, "") in short.out


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list", "methods"], ["list", "presets"]])
def test_help_and_lists_import_nothing_heavy(arguments):
    script = (
        "import sys\nfrom bench.cli.main import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_statistics_ahead_of_a_run(tiny_world, tmp_path):
    common = ("--corpus", tiny_world.root / "corpus.txt", "--cache-dir", tmp_path, "--device", "cpu")
    answer = bench("stats", tiny_world.root / "model", "--layers", "1,2", *common)
    assert answer.code == 0
    assert "layer 1: " in answer.out and "layer 2: " in answer.out
    bench("stats", tiny_world.root / "model", "--layers", "7", *common).is_one_line("layer 7 is out of range")
    answer = bench("stats", tiny_world.root / "model", "--layers", "0-2", *common)
    assert [line.split(":")[0] for line in answer.out.splitlines() if line.startswith("layer ")] == [
        "layer 0", "layer 1", "layer 2",
    ]  # fmt: skip


@pytest.mark.parametrize("written", ["a", "1.5", "", "2-0", "1,a", "-1"])
def test_layers_that_are_none_are_one_line(tiny_world, tmp_path, written):
    common = ("--corpus", tiny_world.root / "corpus.txt", "--cache-dir", tmp_path, "--device", "cpu")
    bench("stats", tiny_world.root / "model", f"--layers={written}", *common).is_one_line("--layers")
