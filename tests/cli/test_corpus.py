"""The text behind the statistics, as commands name it, warn of it and miss it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import run
from bench.data.corpora import WIKIPEDIA
from tests.cli.conftest import Answer, bench
from tests.tinyworld import TinyWorld

Arguments = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", refuse)
    monkeypatch.setattr("datasets.load_dataset", refuse)


def without_corpus(arguments: list[str], *more: str) -> Answer:
    place = arguments.index("--corpus")
    return bench(*arguments[:place], *arguments[place + 2 :], *more)


def test_the_plan_names_the_text_beside_the_model(tiny: Arguments) -> None:
    plan = without_corpus(tiny(methods="none,memit"), "--dry-run")
    rows = {line.split()[0]: line for line in plan.out.splitlines() if line}
    assert WIKIPEDIA in rows["memit"]
    assert WIKIPEDIA not in rows["none"]
    assert not plan.err


def test_the_embedded_text_for_another_model_is_one_line_of_warning(tiny: Arguments, tiny_world: TinyWorld) -> None:
    warned = bench(*tiny("--dry-run", methods="memit,rect", corpus="cldr"))
    assert warned.code == 0
    assert warned.err.count("\n") == 1
    assert "cldr" in warned.err and WIKIPEDIA in warned.err
    assert not bench(*tiny("--dry-run", methods="none", corpus="cldr")).err


def test_without_the_hub_the_error_says_how_to_give_a_text(tiny: Arguments) -> None:
    answer = without_corpus(tiny(methods="memit"))
    assert answer.code
    assert answer.err.count("\n") == 1
    assert "no route to the hub" in answer.err and "--corpus FILE" in answer.err


def test_without_the_hub_methods_that_read_no_statistics_run(tiny: Arguments) -> None:
    assert without_corpus(tiny(methods="none,ft")).code == 0


def test_status_and_record_name_the_text(tiny: Arguments, tiny_world: TinyWorld, tmp_path: Path) -> None:
    assert bench(*tiny(methods="none,memit", token_budget=200, edits_per_language=2)).code == 0
    text, model = tiny_world.root / "corpus.txt", tiny_world.root / "model"
    listed = json.loads((tmp_path / "results" / "tiny" / "run.json").read_text("utf-8"))["cells"]
    assert {cell["method"]: cell["corpus"] for cell in listed} == {"none": "", "memit": str(text)}
    assert f"statistics of {model}: {text}" in bench("status", "tiny", "--results-dir", tmp_path / "results").out


def test_from_python_the_embedded_text_is_warned_of(tiny_world: TinyWorld, tmp_path: Path) -> None:
    root = tiny_world.root
    with pytest.warns(UserWarning, match="cldr"):
        run(
            name="warned", methods="memit", models=str(root / "model"), corpus="cldr", token_budget=50,
            datasets=str(root / "facts.jsonl"), languages="en,de", hparams=str(root / "hparams.yaml"), seeds=1,
            batch_size=2, edits_per_language=2, steps=1, evaluators="edits", results_dir=tmp_path,
            cache_dir=tmp_path / "cache", device="cpu", workers=1,
        )  # fmt: skip
