from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.compute.cluster import Cluster, _folder_of
from bench.compute.resources import Resources
from bench.compute.task import Task
from bench.compute.where import Where
from bench.ground.errors import BenchError
from bench.plan.memory import Need
from bench.store.shards import ResultStore


def test_resources_are_read_and_written():
    asked = Resources.parse("num_gpus=0.5, memory=40e9,num_cpus=4")
    assert asked == Resources(num_cpus=4, num_gpus=0.5, memory=40e9)
    assert Resources.parse(str(asked)) == asked
    assert Resources.parse("") == Resources()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gpu=1", "unknown resource of a cell 'gpu'"),
        ("num_gpu=1", "did you mean 'num_gpus'?"),
        ("num_gpus", "NAME=AMOUNT"),
        ("=1", "unknown resource of a cell ''"),
        ("num_cpus=1,num_cpus=2", "each once"),
        ("num_gpus=many", "'num_gpus': Input should be a valid number"),
        ("num_gpus=", "'num_gpus': Input should be a valid number"),
        ("num_gpus=1.5", "'num_gpus': Input above 1 should be a whole number, not '1.5'"),
        ("num_cpus=-1", "'num_cpus': Input should be greater than or equal to 0"),
        ("memory=nan", "'memory': Input should be a finite number"),
        ("memory=inf", "'memory': Input should be a finite number"),
    ],
)
def test_nonsense_is_refused_before_anything_is_done(text, complaint):
    with pytest.raises(BenchError) as caught:
        Where("ray", cell_resources=text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "has_room"),
    [
        ({"CPU": 4.0, "GPU": 1.0, "memory": 2e9}, True),
        ({"CPU": 4.0, "memory": 2e9}, False),
        ({"CPU": 4.0, "GPU": 1.0, "memory": 1e9}, False),
        ({"CPU": 1.0, "GPU": 1.0, "memory": 2e9}, False),
    ],
)
def test_a_cell_has_room_where_one_machine_has_all_it_asks_for(machine, has_room):
    assert Resources(num_cpus=2, num_gpus=0.5, memory=2e9).fit(machine) == has_room


@pytest.mark.parametrize("given", [{"engine": "slurm"}, {"address": "auto"}, {"cell_resources": "num_cpus=1"}])
def test_the_local_engine_takes_no_options_of_a_cluster(given):
    with pytest.raises(BenchError, match=r"unknown engine 'slurm'; there are: local, ray$|is for --engine ray"):
        Where(**given)


def cluster(tmp_path, device="auto", address=None, need=None, **asked: float) -> Cluster:
    task = Task(ResultStore(tmp_path), SimpleNamespace(device=device))
    return Cluster(task, Resources(**asked), lambda cell: need, lambda text: None, address)


@pytest.fixture
def two_machines(monkeypatch):
    """Stands for a Ray that knows a machine with four cores and one with a GPU; a third is lost."""
    machines = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "GPU": 1.0, "memory": 4e9}, {"CPU": 64.0, "memory": 1e12}]
    nodes = [{"Alive": machine["CPU"] < 64, "Resources": machine} for machine in machines]
    names = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "OutOfMemoryError", "ObjectLostError")
    ray = SimpleNamespace(nodes=lambda: nodes, exceptions=SimpleNamespace(**dict.fromkeys(names, OSError)))
    monkeypatch.setattr("bench.compute.cluster._imported", lambda address: ray)


def need(weights: int) -> Need:
    return Need(process=100, weights=weights, edited=10, statistics=5, remembered=0, building=0, step=2, scoring=1)


@pytest.mark.parametrize(
    ("device", "weights", "given", "asked"),
    [
        ("cpu", 10**6, {}, Resources(num_cpus=1, num_gpus=0, memory=10**6 + 117)),
        ("cpu", 10**9, {}, Resources(num_cpus=4, num_gpus=0, memory=10**9 + 117)),
        ("cuda", 10**9, {}, Resources(num_cpus=1, num_gpus=1, memory=10**9 + 110)),
        ("cuda", 10**9, {"num_gpus": 0.5, "memory": 0}, Resources(num_cpus=1, num_gpus=0.5, memory=0)),
        ("cpu", None, {"num_cpus": 3}, Resources(num_cpus=3, num_gpus=0)),
    ],
)
def test_a_cell_asks_for_what_it_is_predicted_to_take(
    tmp_path, two_machines, monkeypatch, device, weights, given, asked
):
    monkeypatch.setattr("torch.get_num_threads", lambda: 32)
    engine = cluster(tmp_path, device, need=weights and need(weights), **given)
    assert engine._asked(None) == asked


@pytest.mark.parametrize(("asked", "device"), [({}, "cuda"), ({"num_gpus": 1}, "cuda"), ({"num_gpus": 0}, "cpu")])
def test_the_device_is_a_gpu_where_the_cluster_has_any(tmp_path, two_machines, asked, device):
    assert cluster(tmp_path, **asked)._device() == device


def test_a_cell_that_the_local_cluster_can_never_compute_is_refused(tmp_path, two_machines):
    engine = cluster(tmp_path, address="local", device="cuda", num_gpus=1, memory=6e9)
    complaint = "asks for: num_cpus=1,num_gpus=1,memory=6e+09; at most num_cpus=4,num_gpus=1,memory=8e+09"
    with pytest.raises(BenchError, match=re.escape(complaint)):
        engine.submit(None, None)


def test_ray_that_is_missing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"^--engine ray needs Ray: pip install 'langedit-bench\[ray\]'$"):
        cluster(tmp_path)


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 1), ("cuda", 0)])
def test_a_device_that_contradicts_the_resources_is_refused(tmp_path, device, gpus):
    with pytest.raises(BenchError, match=f"cells ask for {gpus} GPUs, but the device is '{device}'"):
        cluster(tmp_path, device, num_gpus=gpus)


def test_a_client_address_is_refused(tmp_path):
    with pytest.raises(BenchError, match="give HOST:PORT of its head"):
        cluster(tmp_path, address="ray://head:10001")


def test_a_machine_that_does_not_share_the_folders_is_told(tmp_path):
    here = Path.cwd()
    with _folder_of(tmp_path, tmp_path):
        assert Path.cwd() == tmp_path
    assert Path.cwd() == here
    for folder, results in ((tmp_path / "none", tmp_path), (tmp_path, Path("results/none"))):
        with pytest.raises(BenchError, match=r"none: not seen on .*have to share"), _folder_of(folder, results):
            pass
