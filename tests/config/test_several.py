"""A preset of several grids: how layers lie over each other, what runs are called, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.config import settings, several
from bench.config.settings import preset_mapping, resolve
from bench.config.several import resolve_all
from bench.ground.errors import BenchError

MODELS = ("llama3-8b", "qwen2.5-7b", "gpt-j-6b")
PAPER = [f"paper-{name}" for name in MODELS]
PRESET = {
    "methods": ["none", "memit"],
    "seeds": 2,
    "set": {"method.memit.clamp": 1},
    "grids": {
        "first": {"edits_per_language": 4},
        "second": {"methods": ["memit"], "parallel": True, "set": {"method.memit.layers": [1]}},
    },
}


@pytest.fixture(autouse=True)
def preset(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A preset "two" beside those of the package."""
    mapping: dict[str, Any] = {**PRESET}
    real = settings.preset_text

    def text(name: str) -> str:
        return yaml.safe_dump(mapping) if name == "two" else real(name)

    monkeypatch.setattr(settings, "preset_text", text)
    return mapping


def config(folder: Path, **fields: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path


def test_grids_lie_over_what_they_share_and_are_named_by_it() -> None:
    found = resolve_all("two", None, {})
    assert (found.name, list(found.runs), found.is_one) == ("two", ["first", "second"], False)
    first, second = found.runs.values()
    assert (first.name, second.name) == ("two.first", "two.second")
    assert (first.methods, first.edits_per_language, first.parallel) == (("none", "memit"), 4, False)
    assert (second.methods, second.parallel, second.seeds) == (("memit",), True, 2)
    assert second.set == {"method.memit.clamp": 1, "method.memit.layers": [1]}


def test_a_file_and_flags_lie_over_them(tmp_path: Path) -> None:
    file = config(tmp_path, batch_size=3, set={"method.memit.clamp": 2}, grids={"first": {"edits_per_language": 6}})
    found = resolve_all("two", file, {"seeds": 1, "dtype": None})
    assert [spec.batch_size for spec in found.runs.values()] == [3, 3]
    assert [spec.edits_per_language for spec in found.runs.values()] == [6, 30]
    assert [spec.seeds for spec in found.runs.values()] == [1, 1]
    assert found.runs["second"].set == {"method.memit.clamp": 2, "method.memit.layers": [1]}
    assert found.name.startswith("two-"), "changed settings never share a folder with the preset's"
    assert [spec.name for spec in found.runs.values()] == [f"{found.name}.first", f"{found.name}.second"]


def test_methods_and_seeds_leave_the_name_and_one_that_is_given_counts(tmp_path: Path) -> None:
    assert resolve_all("two", None, {"seeds": 1}).name == "two"
    assert resolve_all("two", None, {"steps": 1}).name != "two"
    assert resolve_all("two", None, {"steps": 1, "name": "mine"}).runs["first"].name == "mine.first"
    assert resolve_all("two", config(tmp_path, name="yours"), {}).name == "yours"


def test_a_preset_of_one_run_is_what_it_was() -> None:
    found = resolve_all("smoke", None, {"steps": 2})
    assert found.is_one
    assert found.runs[""] == resolve("smoke", None, {"steps": 2})
    assert found.name == found.runs[""].name


@pytest.mark.parametrize(
    ("grids", "complaint"),
    [
        ({"first": {"method": "memit"}}, r"preset two, grid first: unknown setting 'method'; did you mean 'methods'"),
        ({"first": {"seeds": 0}}, r"preset two, grid first: setting 'seeds'"),
        ({"first": {"name": "x"}}, r"preset two, grid first, field 'name': a run is named by its grid"),
        ({"first": {"grids": {}}}, r"preset two, grid first: 'grids' are several runs"),
        ({"first": ["memit"]}, r"preset two, grid first: must hold a mapping"),
        ({"First one": {}}, r"'First one' is no name of a grid"),
        ({1: {}}, r"'1' is no name of a grid"),
        ({}, r"field 'grids': must map names"),
        (["first"], r"field 'grids': must map names"),
    ],
)
def test_what_is_wrong_is_named_with_its_grid(preset: dict[str, Any], grids: Any, complaint: str) -> None:
    preset["grids"] = grids
    with pytest.raises(BenchError, match=complaint):
        resolve_all("two", None, {})


def test_a_file_has_grids_of_the_preset_only(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"mine\.yaml: unknown grid 'frist'; did you mean 'first'\?"):
        resolve_all("two", config(tmp_path, grids={"frist": {}}), {})
    with pytest.raises(BenchError, match=r"unknown grid 'first'"):
        resolve_all("smoke", config(tmp_path, grids={"first": {}}), {})


def test_a_flag_that_would_make_grids_alike_is_refused() -> None:
    with pytest.raises(
        BenchError, match=r"'methods' is what 'second' differs in .* --config FILE with grids: \{second"
    ):
        resolve_all("two", None, {"methods": "ft"})


def test_what_knows_one_run_says_so() -> None:
    with pytest.raises(BenchError, match="preset two: 'grids' are several runs, which only the command"):
        resolve("two", None, {})


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_presets_are_alike_but_for_the_model(name: str) -> None:
    first, other = preset_mapping(PAPER[0]), preset_mapping(name)
    assert other.pop("models") == [name.removeprefix("paper-")]
    del first["models"]
    assert first == other


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_presets_have_the_sizes_of_the_paper(name: str) -> None:
    runs = resolve_all(name, None, {}).runs
    assert list(runs)[:2] == ["table1-mzsre", "table1-bzsre"], "Table 1 is ready first"
    for grid, preset in (("table1-mzsre", "mzsre"), ("table1-bzsre", "bzsre")):
        whole = resolve(f"{preset}-{name.removeprefix('paper-')}", None, {})
        apart = {"name", "eval_every"} if preset == "mzsre" else {"name"}
        assert runs[grid].model_dump(exclude=apart) == whole.model_dump(exclude=apart)
    assert [part.orders for part in runs["table5-order"].grids()] == [("cycle",), ("shuffled",)]
    for grid in ("figure4", "table5", "table6-7"):
        plain = resolve(grid, None, {})
        assert (runs[grid].methods, runs[grid].edited) == (plain.methods, plain.edited)
        assert (runs[grid].parallel, len(runs[grid].also)) == (plain.parallel, 0 if grid != "figure4" else 1)
    assert several._NAME.fullmatch("table6-7")
