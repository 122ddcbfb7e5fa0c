"""The benchmark: every stage computes the same both ways, and the table says what was measured."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.cost.drawn import DrawnStats
from bench.data.corpora import corpus
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from benchmarks import algebra, run, stages, steps, table
from benchmarks.harness import Comparison, Measurement, Row, Scaled, Side, largest_difference, measure
from benchmarks.stages import Sizes
from benchmarks.subjects import Subject, fitting
from tests.tinyworld import Silent

CPU = torch.device("cpu")
SIZES = Sizes(
    facts=4, reference_facts=3, records=6, reference_records=4, tokens=1_000, columns=6, lu_width=96, svd_width=64,
    full_width=96, step_facts=2, overhead_facts=2, overhead_facts_tiny=2,
)  # fmt: skip


def timed(comparisons: Iterator[Comparison], rounds: int = 1) -> list[Measurement]:
    found: list[Measurement] = []
    for comparison in comparisons:
        earlier = {each.row.name: each for each in found}
        found.append(measure(comparison, rounds, 60.0, CPU, earlier, Silent()))
    return found


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("benchmarks")
    text = folder / "corpus.txt"
    text.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    registry = methods()
    options = {
        name: {key: value for key, value in OPTIONS.items() if key in registry.options(name)}
        for name in ("memit", "alphaedit", "langedit")
    }
    stats = Stats(folder, corpus(str(text)), 3_000)
    return Subject("tiny", tiny_model("llama"), (1, 2), options, stats, random=True)


@pytest.mark.parametrize("stage", [stages.values, stages.statistics, stages.metrics, steps.whole_steps])
def test_both_ways_compute_the_same(stage, subject: Subject, tmp_path: Path) -> None:
    for found in timed(stage(subject, SIZES, tmp_path), rounds=2):
        assert found.equal, (found.row.name, found.difference)
        assert len(found.reference) == len(found.product) == 2
    assert not subject.model.edited()


@pytest.mark.parametrize(("stage", "rows"), [(algebra.solves, 3), (algebra.projectors, 2)])
def test_both_ways_of_linear_algebra_agree(stage, rows: int) -> None:
    measured = timed(stage(SIZES, "cpu"), rounds=2)
    assert len(measured) == rows
    for found in measured:
        assert found.partial if found.difference is None else found.equal, (found.row.name, found.difference)


def test_overhead_has_nothing_to_compare(subject: Subject, tmp_path: Path) -> None:
    (found,) = timed(steps.overhead(subject, SIZES, tmp_path))
    assert found.difference is None
    assert found.equal is None
    assert found.ratio == pytest.approx(found.product[0] / found.reference[0])


def test_the_projector_moves_where_it_is_measured() -> None:
    """A product that forgot to move its null space would be found out."""
    drawn = DrawnStats(width=64)
    keys, history, _ = algebra.inputs(drawn, 6)
    start = drawn.matrix()
    before = algebra.reference.projector_of(start, drawn.threshold)
    moved = (algebra.PRIOR * start + history @ history.T) / (algebra.PRIOR + 6)
    after = algebra.reference.projector_of(moved, drawn.threshold)
    assert float((after @ keys - before @ keys).norm() / (before @ keys).norm()) > 2e-3


def test_drawn_statistics_are_what_they_say() -> None:
    drawn = DrawnStats(width=48)
    (values, vectors) = drawn.spectra(algebra.on_device("cpu"), [0])[0]
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(48), atol=1e-5, rtol=0)
    torch.testing.assert_close((vectors * values) @ vectors.T, drawn.matrix(), atol=1e-5, rtol=1e-5)
    assert bool((values.diff() > 0).all())
    assert drawn.small_directions().shape[1] == int((values < drawn.threshold).sum()) == 36


def test_rounds_alternate_and_parts_are_scaled() -> None:
    calls: list[str] = []

    def side(name: str, share: float = 1.0) -> Side:
        def go(given: object) -> dict[str, torch.Tensor]:
            calls.append(name)
            return {"x": torch.ones(2)}

        return Side(go, share=share)

    row = Row("stage", "what", "model", tolerance=1e-6)
    found = measure(Comparison(row, side("a", 0.01), side("b")), 3, 60.0, CPU, {}, Silent())
    assert calls == ["a", "b"] * 3
    assert found.partial
    assert found.equal
    scaled = measure(Comparison(Row("stage", "big", "model"), Scaled("what", 8.0), side("b")), 1, 60.0, CPU,
                     {"what": found}, Silent())  # fmt: skip
    assert scaled.reference == tuple(8 * seconds for seconds in found.reference)
    calls.clear()
    measure(Comparison(row, side("a"), side("b")), 3, 0.0, CPU, {}, Silent())
    assert calls == ["a", "b"]


def test_differences() -> None:
    ones = torch.ones(4, 2)
    assert largest_difference({"x": ones[:2]}, {"x": ones, "y": ones}) == 0
    assert largest_difference({"x": ones}, {"x": 1.5 * ones}) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="differ in kind"):
        largest_difference({"x": ones}, {"y": ones})


def test_targets() -> None:
    def verdict(kind: str, target: float | None) -> bool | None:
        row = Row("s", "n", "m", target=target, kind=kind)  # type: ignore[arg-type]
        return Measurement(row, (4.0, 6.0), (1.0,), False, None, 1).met

    assert verdict("speedup", 5.0) is True
    assert verdict("speedup", 5.1) is False
    assert verdict("overhead", 1.05) is True
    assert verdict("speedup", None) is None


@pytest.mark.parametrize(
    ("layers", "depth", "expected"),
    [((4, 5, 6), 32, (4, 5, 6)), ((4, 5, 6), 4, (0, 1, 2)), ((4, 5, 6, 7, 8), 3, (0, 1)), ((4,), 1, (0,))],
)
def test_layers_fit_a_cut_model(layers: tuple[int, ...], depth: int, expected: tuple[int, ...]) -> None:
    assert fitting(layers, depth) == expected


def test_command_writes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", SIZES)
    app = typer.Typer()
    app.command()(run.main)
    arguments = ["--quick", "--stage", "projector", "--out", str(tmp_path), "--cache-dir", str(tmp_path / "cache")]
    result = CliRunner().invoke(app, [*arguments, "--display", "none"])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "speed-cpu.md").read_text(encoding="utf-8")
    assert "| " + " | ".join(table.COLUMNS) + " |" in page
    assert "torch" in page
    assert page.count("LangEdit projector update") == 2
    with (tmp_path / "speed-cpu.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["reference s"].startswith("~") for row in rows] == [False, True]
    assert float(rows[0]["product rounds s"]) > 0
    refused = CliRunner().invoke(app, ["--stage", "projektor", "--out", str(tmp_path)])
    assert refused.exit_code == 2
    assert "projector" in refused.output
