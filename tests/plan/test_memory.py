"""Predicted memory: sizes from files, what grows with what, and the truth of a real cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import Registry, methods
from bench.config.settings import resolve
from bench.ground.measure import STATUS
from bench.model import catalog, sizes
from bench.model.catalog import size
from bench.model.sizes import ModelSize
from bench.model.tiny import FEED_FORWARD, WIDTH, tiny_model
from bench.plan import memory
from bench.plan.memory import Need, checkpoint_bytes, predicted_memory
from bench.plan.planning import plan
from bench.store.results import load_results
from evaluators._xtreme import lm

LARGE = ModelSize(
    parameters=8_000_000_000, layers=32, width=4096, inner=14336, vocabulary=128256, context=8192, heads=1024
)
SMALL = ModelSize(parameters=5_000_000, layers=6, width=192, inner=768, vocabulary=8192, context=512, heads=192)
FEW = Schedule(languages=("en",), edits_per_language=1)
GREAT = 300_000_000
"""Bytes; more than a process needs that imports next to nothing."""

MEMIT = {"layers": [4, 5, 6, 7, 8], "value_steps": 25, "prefix_lengths": [[10, 1]]}


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
def test_sizes_are_read_from_the_files(architecture: str, tmp_path: Path) -> None:
    model = tiny_model(architecture)
    model.hf.save_pretrained(tmp_path)
    found = sizes.size_of_folder(tmp_path)
    assert found.context == model.context_length
    assert found.heads == (WIDTH // 2 if architecture == "llama" else WIDTH)
    assert found.parameters == sum(p.numel() for p in model.hf.parameters())
    assert (found.width, found.layers, found.vocabulary) == (WIDTH, model.n_layers, len(model.tokenizer))
    assert found.inner == (4 * WIDTH if architecture == "bloom" else FEED_FORWARD)


def test_a_model_that_is_not_there_has_no_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "_snapshot", lambda _: None)
    assert size("nobody/nothing", tmp_path) is None


def need(options: dict[str, object], dtype: str = "bfloat16", device: str = "cuda", **schedule: int) -> Need:
    cell = Cell(
        method=MethodSpec(name="x", options=options),
        model=ModelRef(name="large", dtype=dtype),
        data=DataRef(name="cldr"),
        schedule=Schedule(**schedule),
    )
    return predicted_memory(cell, LARGE, sizes.MOVING_NULL_SPACE, device=device)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10**12)


@pytest.mark.usefixtures("roomy")
def test_weights_edited_matrices_and_statistics_are_counted() -> None:
    five = need(MEMIT)
    assert five.weights == 16_000_000_000
    assert five.edited == 5 * 4096 * 14336 * (2 + 4)
    assert five.statistics == 5 * 14336**2 * 8
    assert five.process == 0 < need(MEMIT, device="cpu").process
    assert five.peak > five.weights + five.statistics + five.edited
    assert need(MEMIT, dtype="float32").edited == 5 * 4096 * 14336 * 4
    assert need({**MEMIT, "layers": [4]}).statistics == five.statistics / 5


@pytest.mark.usefixtures("roomy")
def test_what_is_remembered_beside_the_weights_stands_in_the_place_of_edited_matrices() -> None:
    cell = Cell(
        method=MethodSpec(name="x", options={"layer": 27, "steps": 30}),
        model=ModelRef(name="large", dtype="bfloat16"),
        data=DataRef(name="cldr"),
        schedule=Schedule(languages=("en", "de"), edits_per_language=50),
    )
    beside = sizes.Beside(width=4, inner=1, matrix=4)
    remembered = 100 * (4 * 4096 + 14336) + 4 * 4096 * 14336
    predicted = predicted_memory(cell, LARGE, None, device="cuda", beside=beside)
    assert (predicted.edited, predicted.remembered) == (0, remembered)
    assert checkpoint_bytes(cell, LARGE, None, beside) == remembered
    registry = methods()
    assert [registry.beside(name) is None for name in ("memit", "memoir", "retrieval", "grace")] == [True] + 3 * [False]


@pytest.mark.usefixtures("roomy")
def test_activations_grow_with_facts_until_the_budget_holds_them() -> None:
    small, large = (need(MEMIT, batch_size=size).step for size in (10, 100))
    assert large == pytest.approx(10 * small, rel=0.01)
    assert need(MEMIT, batch_size=100_000).step < 11 * need(MEMIT, batch_size=1000).step
    assert need({}).step == 0


@pytest.mark.usefixtures("roomy")
def test_remembered_keys_are_counted() -> None:
    cell = Cell(
        method=MethodSpec(name="x", options=MEMIT),
        model=ModelRef(name="large"),
        data=DataRef(name="x"),
        schedule=Schedule(languages=("en",), edits_per_language=2400, batch_size=100),
    )
    alone, keeping = (predicted_memory(cell, LARGE, each) for each in (sizes.FACTOR, sizes.SEQUENTIAL))
    assert keeping.remembered == 8 * 14336 * 2400 * (5 + 1)
    assert alone.remembered == 0
    assert keeping.peak - alone.peak == keeping.remembered
    assert checkpoint_bytes(cell, LARGE, sizes.SEQUENTIAL) - checkpoint_bytes(cell, LARGE, sizes.FACTOR) == (
        5 * 8 * 14336 * 2400
    )


@pytest.mark.usefixtures("roomy")
def test_tasks_are_asked_in_batches_of_their_own() -> None:
    cell = Cell(
        method=MethodSpec(name="none"), model=ModelRef(name="large"), data=DataRef(name="x"), schedule=Schedule()
    )
    alone, few, many = (
        predicted_memory(cell, LARGE, None, [("tasks", options)] if options else [])
        for options in ({}, {"batch_size": 16, "limit": 2}, {"batch_size": 16, "limit": 100})
    )
    assert alone.process < few.process == many.process
    assert few.scoring < many.scoring


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize(("model", "batch"), [(LARGE, lm.BATCH), (SMALL, lm.SMALL_BATCH)])
def test_a_batch_that_is_not_given_is_the_evaluators(model: ModelSize, batch: int) -> None:
    cell = Cell(method=MethodSpec(name="none"), model=ModelRef(name="m"), data=DataRef(name="x"), schedule=FEW)
    own, given = (predicted_memory(cell, model, None, [("tasks", {"batch_size": n})]) for n in (None, batch))
    assert own == given


def test_less_is_computed_at_once_where_less_is_free() -> None:
    tokens = [sizes.affordable_tokens(LARGE, 2, "cuda", free) for free in (10**12, 10**11, 10**10, 0)]
    assert tokens[0] == 65_536
    assert tokens == sorted(tokens, reverse=True)
    assert tokens[-1] == 1


def test_methods_say_what_they_hold_or_whom_they_start_from(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, outside = methods(), SimpleNamespace(HPARAMS="memit")
    module = registry.module
    monkeypatch.setattr(Registry, "module", lambda self, name: outside if name == "outside" else module(name))
    assert registry.statistics("langedit") == sizes.MOVING_NULL_SPACE
    assert registry.statistics("outside") == sizes.FACTOR
    for name in ("memit-seq", "memit-seq-nas", "rect-seq", "prune-seq", "encore"):
        assert registry.statistics(name) == sizes.SEQUENTIAL
    assert registry.statistics("alphaedit-nas") == registry.statistics("sphere") == sizes.NULL_SPACE
    assert registry.statistics("emmet") == sizes.FACTOR
    assert registry.statistics("none") is None


@pytest.mark.skipif(sys.platform != "linux", reason="what counts as a process's memory differs")
def test_a_cell_takes_what_was_predicted(tmp_path: Path) -> None:
    flags = {"methods": ["langedit"], "seeds": 1, "languages": ["en"], "steps": 1, "token_budget": 5000,
             "batch_size": 25, "evaluators": ["edits"], "name": "cell"}  # fmt: skip
    quick = "method.langedit.value_steps=3"
    arguments = [part for key, value in flags.items() for part in (f"--{key.replace('_', '-')}", _text(value))]
    folders = ["--results-dir", str(tmp_path), "--cache-dir", str(tmp_path / "cache")]
    start = [sys.executable, "-c", "from bench.cli.main import main; main()", "run"]
    command = [*start, *arguments, *folders, "--workers", "1", "--device", "cpu", "--set", quick]
    subprocess.run(command, check=True, capture_output=True)
    costs = load_results(tmp_path / "cell").costs.set_index("quantity").value
    measured = max(costs["memory.peak_bytes"], costs["memory.score.edits"])
    (cell,) = plan(resolve(None, None, flags), tmp_path, None, tmp_path / "cache").cells
    found = size("polyglot-tiny", tmp_path)
    assert found is not None
    predicted = predicted_memory(cell, found, methods().statistics("langedit"))
    # most of so small a cell are libraries, whose resident share differs by a third between machines
    assert predicted.peak == pytest.approx(measured, rel=0.35)
    (checkpoint,) = (tmp_path / "cell").glob("*/checkpoint/*.safetensors")
    written = checkpoint.stat().st_size
    assert checkpoint_bytes(cell, found, methods().statistics("langedit")) == pytest.approx(written, rel=0.001)


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells a process's own peak")
def test_the_peak_of_a_process_is_not_its_parents() -> None:
    # nothing that is measured here needs torch, which takes long to import
    stub = "import sys, types; sys.modules['torch'] = types.ModuleType('torch'); "
    child = f"{stub}from bench.ground.measure import peak_of_process; print(peak_of_process())"
    parent = (
        f"import subprocess, sys; held = bytearray(b'x') * {GREAT}; "
        f"print(subprocess.run([sys.executable, '-c', {child!r}], capture_output=True, check=True).stdout.decode())"
    )
    found = subprocess.run([sys.executable, "-c", parent], check=True, capture_output=True)
    assert 0 < int(found.stdout) < GREAT


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
