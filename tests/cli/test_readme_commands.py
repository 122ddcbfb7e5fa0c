"""The README's commands for large models: complete, and of the paper's size."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from bench.cli.main import app
from bench.config.run import RunSpec
from bench.config.settings import resolve
from bench.data.corpora import WIKIPEDIA

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

COMMANDS = [found.replace("\\\n", " ") for found in re.findall(r"^ {4}bench run .*(?:\n {6,}.*)*", README, flags=re.M)]
LARGE = [command for command in COMMANDS if "llama" in command]


def given(command: str) -> dict[str, object]:
    """The arguments of a command, as the command line reads them."""
    words = shlex.split(command.partition("&&")[0], comments=True)[2:]
    run = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    return run.make_context("run", words).params  # type: ignore[no-any-return]


def spec_of(command: str) -> RunSpec:
    flags = {key: value for key, value in given(command).items() if key in RunSpec.model_fields}
    return resolve(given(command)["preset"], None, flags)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    assert given(command)


@pytest.mark.parametrize("command", LARGE)
def test_those_of_large_models_are_the_papers(command: str) -> None:
    spec = spec_of(command)
    assert (spec.corpus, spec.token_budget) == (WIKIPEDIA, 10_000_000)
    assert (spec.batch_size, spec.edits_per_language, len(spec.languages)) == (100, 400, 6)
    assert (spec.dtype, spec.seeds, spec.orders, spec.datasets) == ("float32", 3, ("cycle",), ("mzsre",))


def test_the_preset_written_out_is_the_preset() -> None:
    short, long = (spec_of(command) for command in LARGE if "--device cuda" in command)
    apart = {"name", "models", "hparams"}
    assert long.model_dump(exclude=apart) == short.model_dump(exclude=apart)
    assert long.hparams == "llama3-8b"
