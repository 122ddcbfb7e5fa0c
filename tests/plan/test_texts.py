"""Which text the statistics of a model are taken on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import Cell
from bench.config.registry import methods
from bench.config.run import RunSpec
from bench.config.settings import preset_names, resolve
from bench.config.several import resolve_all
from bench.data import corpora, datasets
from bench.data.corpora import WIKIPEDIA
from bench.ground.errors import BenchError
from bench.model import catalog
from bench.plan.planning import cells
from bench.plan.texts import text_for, unsuited

POLYGLOT, LLAMA = "polyglot-tiny", "meta-llama/Meta-Llama-3-8B-Instruct"


@pytest.fixture(autouse=True)
def fixed_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "fingerprint", lambda name, cache_dir: f"model:{name}")
    monkeypatch.setattr(datasets, "fingerprint", lambda name, data_dir: f"data:{name}")


def grid(**settings: Any) -> list[Cell]:
    flags = {"methods": ["none", "memit"], "models": [POLYGLOT, LLAMA], "seeds": 1, **settings}
    return cells(resolve(None, None, flags), methods(), None, Path("cache"))


def read(found: list[Cell]) -> set[tuple[str, str, int]]:
    return {(cell.model.name, cell.corpus, cell.token_budget) for cell in found if cell.method.statistics}


def test_every_model_of_a_grid_has_the_text_that_suits_it() -> None:
    assert read(grid()) == {(POLYGLOT, "cldr", 50_000), (LLAMA, WIKIPEDIA, 10_000_000)}
    assert not unsuited(grid())


def test_a_text_that_is_named_is_taken_and_the_embedded_one_warned_of(tmp_path: Path) -> None:
    named = grid(corpus="cldr")
    assert read(named) == {(POLYGLOT, "cldr", 50_000), (LLAMA, "cldr", 50_000)}
    (line,) = unsuited(named)
    assert LLAMA in line and "cldr" in line and WIKIPEDIA in line and "\n" not in line
    assert not unsuited(grid(corpus="cldr", methods=["none", "ft"]))
    text = tmp_path / "text.txt"
    text.write_text("One line.", encoding="utf-8")
    assert read(grid(corpus=str(text), models=[LLAMA])) == {(LLAMA, str(text), 10_000_000)}
    assert read(grid(token_budget=7)) == {(POLYGLOT, "cldr", 7), (LLAMA, WIKIPEDIA, 7)}


def test_methods_that_read_no_statistics_ask_for_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "fingerprint", lambda *_: pytest.fail("a text was asked for"))
    assert grid(methods=["none", "ft"])


@pytest.mark.parametrize("preset", preset_names())
def test_no_preset_gives_a_real_model_the_embedded_text(preset: str) -> None:
    for spec in resolve_all(preset, None, {"models": LLAMA}).runs.values():
        assert text_for(spec, LLAMA)[0] != "cldr"
        assert spec.corpus or text_for(spec, POLYGLOT) == ("cldr", spec.token_budget or 50_000)


@pytest.mark.parametrize("model", ["llama3-8b", "gpt-j-6b", "qwen2.5-7b"])
def test_presets_of_large_models_name_the_published_text(model: str) -> None:
    assert resolve(f"mzsre-{model}", None, {}).corpus == WIKIPEDIA


def test_a_model_that_is_none_is_told() -> None:
    with pytest.raises(BenchError, match="unknown model"):
        text_for(RunSpec(), "nothing")
