"""Cells computed by a real Ray cluster of two nodes, from which workers and a node are taken away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import psutil
import pytest

from bench.cli.display import NoDisplay
from bench.compute.cluster import Cluster, _unwrapped
from bench.compute.engine import InProcess, compute
from bench.compute.resources import Resources
from bench.compute.task import Task
from bench.config.cell import Cell
from bench.ground.errors import StorageError
from bench.store import claims
from bench.store.outcomes import Outcome
from bench.store.shards import ResultStore
from tests.cli.conftest import bench
from tests.cluster.conftest import Gate, Meanwhile, of_node, scores, until
from tests.tinyworld import TinyWorld

# Ray is imported by what is tested: it reads its settings then
pytestmark = [
    pytest.mark.skipif(not find_spec("ray"), reason="an extra: pip install 'langedit-bench[ray]'"),
    pytest.mark.xdist_group("cluster"),  # one cluster is enough
]

ONCE = [1, 2, 3, 4]


@pytest.fixture
def cells(world: TinyWorld, gate: Gate) -> list[Cell]:
    gate.reset()
    return [gate.cell(world, seed) for seed in range(4)]


@pytest.fixture(scope="module")
def expected(world: TinyWorld, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The scores that the local engine gives."""
    root, cells = tmp_path_factory.mktemp("local"), [gate.cell(world, seed) for seed in range(4)]
    gate.open()
    task = Task(ResultStore(root), world.world())
    with NoDisplay().board(len(cells)) as board:
        compute(cells, task, board, InProcess(task))
    return scores(root, cells)


def go(cells: list[Cell], root: Path, world: TinyWorld, nodes, **asked: float) -> list[Outcome]:
    root.mkdir(exist_ok=True)
    task = Task(ResultStore(root), world.world())
    notes: list[str] = []
    engine = Cluster(task, Resources(**asked), lambda cell: None, notes.append, nodes.address)
    with NoDisplay().board(len(cells)) as board, redirect_stdout(StringIO()) as said:
        outcomes = compute(cells, task, board, engine)
    assert (notes, said.getvalue()) == ([], "")
    return outcomes


def test_a_grid_equals_that_of_the_local_engine(tiny, nodes, tmp_path):
    flags = {"methods": "ft,memit", "seeds": 1, "workers": 2, "eval_every": 2}
    there = tiny(
        **flags, engine="ray", address=nodes.address, cell_resources="memory=1e8", results_dir=tmp_path / "ray"
    )
    answer = bench(*there)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count(": done") == 2
    assert bench(*tiny(**{**flags, "workers": 1}, results_dir=tmp_path / "local")).code == 0
    assert bench("compare", tmp_path / "ray" / "tiny", tmp_path / "local" / "tiny").out.startswith(
        "2 cells in common, 2 of them identical bit for bit"
    )


@pytest.mark.soak
def test_a_worker_that_is_killed_loses_the_running_step_only(world, gate, cells, expected, nodes, tmp_path):
    killed: list[Cell] = []

    def kill_one() -> None:
        (cell, pid), _ = until("two cells at work", lambda: len(found := gate.waiting(cells)) == 2 and found)
        assert ResultStore(tmp_path / "run").standing(cell.id())["pid"] == pid
        os.kill(pid, signal.SIGKILL)
        killed.append(cell)
        until("it ends", lambda: not psutil.pid_exists(pid))
        gate.open()

    with Meanwhile(kill_one):
        outcomes = go(cells, tmp_path / "run", world, nodes)
    assert [outcome.status for outcome in outcomes] == ["done"] * 4
    assert scores(tmp_path / "run", cells) == expected
    assert {cell.seed: gate.begun(cell) for cell in cells} == {
        cell.seed: [1, 2, 2, 3, 4] if cell in killed else ONCE for cell in cells
    }


def test_a_worker_without_the_package_is_one_line(nodes):
    from ray.exceptions import RayTaskError

    text = "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'bench'"
    error = RayTaskError("_one", text, RuntimeError(text)).as_instanceof_cause()
    assert str(_unwrapped(error)).endswith("lacks what is installed here: ModuleNotFoundError: No module named 'bench'")
    full = StorageError("no space", file="f")
    assert _unwrapped(RayTaskError("_one", "Traceback", full).as_instanceof_cause()) is full


@pytest.mark.soak
def test_ctrl_c_ends_the_workers_in_order(world, gate, cells, nodes, tmp_path):
    at_work: list[Cell] = []

    def interrupt() -> None:
        found = until("two cells at work", lambda: len(found := gate.waiting(cells)) == 2 and found)
        at_work.extend(cell for cell, _ in found)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGTERM)
    with Meanwhile(interrupt), pytest.raises(KeyboardInterrupt):
        go(cells, tmp_path / "run", world, nodes)
    assert signal.getsignal(signal.SIGTERM) is before
    store = ResultStore(tmp_path / "run")
    standing = {cell.id(): store.status(cell.id())[0] for cell in cells}
    assert standing == {cell.id(): "interrupted" if cell in at_work else None for cell in cells}
    assert not any(claims.is_claimed(store.root, cell.id()) for cell in cells)


def test_a_cell_that_no_machine_can_compute_is_said(world, cells, nodes, tmp_path, monkeypatch):
    for each in ("FIRST_LOOK", "LOOK"):  # the first may come before the cell is handed on
        monkeypatch.setattr(f"bench.compute.cluster.{each}", 0.1)
    notes: list[str] = []
    task = Task(ResultStore(tmp_path), world.world())
    engine = Cluster(task, Resources(num_cpus=3), lambda cell: None, notes.append, nodes.address)

    def interrupt() -> None:
        until("a note", lambda: notes)
        os.kill(os.getpid(), signal.SIGINT)

    with Meanwhile(interrupt), pytest.raises(KeyboardInterrupt), NoDisplay().board(1) as board:
        compute(cells[:1], task, board, engine)
    assert notes[0].startswith("no machine of the cluster has what a cell asks for: num_cpus=3; at most num_cpus=1,")


@pytest.mark.soak
def test_a_lost_node_loses_the_running_step_only(world, gate, cells, expected, nodes, tmp_path):
    lost: list[Cell] = []
    (node,) = nodes.worker_nodes

    def take_away() -> None:
        found = until("two cells at work", lambda: len(found := gate.waiting(cells)) == 2 and found)
        ((cell, pid),) = [(cell, pid) for cell, pid in found if of_node(node, pid)]
        lost.append(cell)
        nodes.remove_node(node, allow_graceful=False)
        until("its worker ends", lambda: not psutil.pid_exists(pid))
        gate.open()

    with Meanwhile(take_away):
        outcomes = go(cells, tmp_path / "run", world, nodes)
    assert [outcome.status for outcome in outcomes] == ["done"] * 4
    assert scores(tmp_path / "run", cells) == expected
    assert {cell.seed: gate.begun(cell) for cell in cells} == {
        cell.seed: [1, 2, 2, 3, 4] if cell in lost else ONCE for cell in cells
    }


def test_a_cluster_of_this_machine_alone_starts_and_ends_with_the_run(tiny, tmp_path):
    command = [sys.executable, "-c", "from bench.cli.main import main; main()"]
    flags = tiny(engine="ray", address="local", cell_resources="memory=1e15")
    with tempfile.TemporaryDirectory(prefix="ray") as short:
        # Ray keeps a token in the home folder
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "RAY_TMPDIR": short,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        ended = subprocess.run([*command, *flags], env=environment, capture_output=True, text=True, timeout=120)
        left = [each for each in psutil.process_iter(["cmdline"]) if short in " ".join(each.info["cmdline"] or [])]
    assert (ended.returncode, left) == (2, [])
    assert ended.stderr.startswith(
        "bench: no machine of the cluster has what a cell asks for: num_cpus=1,memory=1e+15;"
    )
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == "tiny: 1 cells, 1 to compute\n"
