"""The command line on a tiny world: a random model, eight facts of one's own, a corpus, hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bench.cli.main import app
from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from tests.tinyworld import LANGUAGES, PER_LANGUAGE, TinyWorld


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def is_one_line(self, *parts: str) -> None:
        """Exit code 2 and one line on standard error that holds all `parts`."""
        assert self.code == 2, (self.out, self.err)
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("bench: ")
        assert "Traceback" not in self.out + self.err
        for part in parts:
            assert part in self.err


def bench(*arguments: object) -> Answer:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    world = TinyWorld.make(tmp_path_factory.mktemp("world"))
    registry = methods()
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in OPTIONS.items()}
    plain["prefix_lengths"] = [[8, 1]]
    own = [name for name in registry.names() if not registry.describe(name).origin]  # other tests install theirs
    values = {name: {key: plain[key] for key in registry.options(name) if key in plain} for name in own}
    (world.root / "hparams.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return world


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports and traces without pictures, for drawing them takes as long as all the rest."""
    leave_out_pictures(monkeypatch)


def leave_out_pictures(patch: pytest.MonkeyPatch) -> None:
    """`no_pictures`, where it is to last for longer than a test."""
    for module in ("render", "trace"):
        patch.setattr(f"reports.{module}.write_figure", lambda figure, stem: [])


@pytest.fixture
def tiny(tiny_world: TinyWorld, tmp_path: Path) -> Callable[..., list[str]]:
    """`run_arguments`, with results in the test's folder."""
    return partial(run_arguments, tiny_world, tmp_path / "results")


def run_arguments(world: TinyWorld, results: Path, *more: object, **changed: object) -> list[str]:
    """Arguments of ``bench run`` for a tiny world; later ones win."""
    flags: dict[str, object] = {
        "name": "tiny",
        "methods": "none",
        "models": world.root / "model",
        "datasets": world.root / "facts.jsonl",
        "languages": ",".join(LANGUAGES),
        "hparams": world.root / "hparams.yaml",
        "corpus": world.root / "corpus.txt",
        "evaluators": "edits",
        "seeds": 1,
        "batch-size": 2,
        "edits-per-language": PER_LANGUAGE,
        "results-dir": results,
        "cache-dir": world.root / "cache",
        "device": "cpu",
        "workers": 1,
        "display": "plain",
        **{key.replace("_", "-"): value for key, value in changed.items()},
    }
    given = [part for key, value in flags.items() for part in (f"--{key}", str(value))]
    return ["run", *given, *(str(each) for each in more)]
