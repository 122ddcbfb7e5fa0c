"""Factors of a change: the lowest rank for an error, the error of a rank, and PEFT's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.export import lowrank
from bench.export.lowrank import Wanted, wanted
from bench.ground.errors import BenchError
from tests.export.conftest import Edited, base

SPECTRUM = torch.tensor([4.0, 2.0, 1.0, 0.5])


def change() -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(n, 4, generator=draw)).Q for n in (6, 9))
    return left * SPECTRUM @ right.T


@pytest.mark.parametrize(("rank", "left_out"), [(1, [2, 1, 0.5]), (2, [1, 0.5]), (3, [0.5]), (4, [])])
def test_the_error_of_a_rank_is_that_of_what_is_left_out(rank: int, left_out: list[float]) -> None:
    found = lowrank.factors(change(), Wanted(rank=rank))
    assert found.rank == rank and found.a.shape == (rank, 9) and found.b.shape == (6, rank)
    expected = sum(value**2 for value in left_out) ** 0.5 / float(SPECTRUM.norm())
    assert found.error == pytest.approx(expected, abs=1e-6)
    assert float((change() - found.b @ found.a).norm() / change().norm()) == pytest.approx(found.error, abs=1e-7)


@pytest.mark.parametrize(("error", "rank"), [(0.9, 1), (0.5, 1), (0.4, 2), (0.2, 3), (0.1, 4), (0.01, 4)])
def test_the_lowest_rank_that_keeps_an_error(error: float, rank: int) -> None:
    found = lowrank.factors(change(), Wanted(error=error))
    assert found.rank == rank
    assert found.error <= error


def test_no_rank_is_higher_than_the_matrix_has() -> None:
    assert lowrank.factors(change(), Wanted(rank=100)).rank == 6


def test_they_may_save_nothing() -> None:
    assert lowrank.factors(change(), Wanted(rank=3)).saves
    assert not lowrank.factors(change(), Wanted(rank=4)).saves


@pytest.mark.parametrize(("text", "expected"), [("8", Wanted(8)), ("1", Wanted(1)), ("0.01", Wanted(error=0.01))])
def test_a_rank_or_an_error(text: str, expected: Wanted) -> None:
    assert wanted(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "2.5", "x", "", "nan", "²"])
def test_anything_else_is_neither(text: str) -> None:
    with pytest.raises(BenchError, match="--low-rank takes a rank such as 8, or a relative error"):
        wanted(text)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_an_adapter_holds_the_change_as_peft_adds_it(tmp_path: Path, architecture: str) -> None:
    edited = Edited.make(architecture, rank=2)
    taken = edited.take(tmp_path / "out", low_rank=wanted("0.001"))
    folder = tmp_path / "out" / lowrank.FOLDER
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["peft_type"], config["r"], config["lora_alpha"], config["bias"]) == ("LORA", 2, 2, "none")
    (module,) = config["target_modules"]
    tensors = load_file(folder / "adapter_model.safetensors")
    a, b = (tensors[f"base_model.model.{module}.{part}.weight"] for part in ("lora_A", "lora_B"))
    product = (b @ a).T if config["fan_in_fan_out"] else b @ a
    assert config["fan_in_fan_out"] == (architecture == "gpt2")
    name = f"{module}.weight"
    change = edited.work.model.parameter(name) - base(edited).get_parameter(name)
    error = float((change - product).norm() / change.norm())
    assert taken.factors[name].error == pytest.approx(error, abs=1e-6) and error < 1e-3


def test_a_change_of_a_bias_is_in_no_adapter_and_said(tmp_path: Path) -> None:
    edited = Edited.make("gpt2")
    bias = edited.work.model.parameter_names(1)[1]
    edited.work.model.assign(bias, edited.work.model.master(bias) + 1)
    taken = edited.take(tmp_path / "out", low_rank=Wanted(rank=1))
    assert taken.thick == (bias,)
    assert not (tmp_path / "out" / lowrank.FOLDER).exists()
    assert (tmp_path / "out" / "delta.safetensors").is_file()
