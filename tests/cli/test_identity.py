"""What a cell's id stands for, on real grids: contents make it, names and places do not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.compute import world
from bench.compute.driver import run_cell
from bench.config.cell import Cell
from bench.config.settings import resolve
from bench.ground.errors import BenchError
from bench.model import catalog
from bench.plan import planning
from bench.store.results import load_results
from bench.store.shards import ResultStore
from tests.cli.conftest import Answer, bench
from tests.tinyworld import LANGUAGES, PER_LANGUAGE, Silent, TinyWorld

METHODS = ("none", "ft", "memit")


@pytest.fixture
def here(tiny_world: TinyWorld, tmp_path: Path) -> Path:
    """A copy of the tiny world that a test may change."""
    shutil.copytree(tiny_world.root, tmp_path / "here", ignore=shutil.ignore_patterns("cache"))
    return tmp_path / "here"


def settings(root: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "methods": list(METHODS),
        "models": [str(root / "model")],
        "datasets": [str(root / "facts.jsonl")],
        "languages": list(LANGUAGES),
        "hparams": str(root / "hparams.yaml"),
        "corpus": str(root / "corpus.txt"),
        "evaluators": ["edits"],
        "seeds": 1,
        "batch_size": 2,
        "edits_per_language": PER_LANGUAGE,
        **changes,
    }


def planned(root: Path, results: Path, **changes: Any) -> planning.Plan:
    return planning.plan(resolve(None, None, settings(root, **changes)), results, cache_dir=results / "cache")


def ids(root: Path, **changes: Any) -> dict[str, set[str]]:
    """Cell ids by method."""
    found: dict[str, set[str]] = {}
    for cell in planned(root, root / "results", **changes).cells:
        found.setdefault(cell.method.name, set()).add(cell.id())
    return found


def flip(path: Path, place: int = -5) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def rewrite(path: Path, **changes: Any) -> None:
    """Change a file of settings, or make one."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**before, **changes}, indent=3), encoding="utf-8")


# ---------------------------------------------------------------------------- what does not count
def test_names_and_places_do_not_count(here: Path, tmp_path: Path) -> None:
    before = ids(here)
    there = tmp_path / "quite" / "elsewhere"
    there.mkdir(parents=True)
    names = {"model": "moved-model", "facts.jsonl": "my.facts.jsonl", "corpus.txt": "text", "hparams.yaml": "h.yml"}
    for old, new in names.items():
        shutil.move(here / old, there / new)
    moved = {
        "name": "another-name",
        "models": [f"{there}/moved-model/"],
        "datasets": [str(there / "my.facts.jsonl")],
        "corpus": str(there / "text"),
        "hparams": str(there / "h.yml"),
    }
    assert ids(there, **moved) == before


HARMLESS: dict[str, Callable[[Path], None]] = {
    "a model card": lambda model: (model / "README.md").write_text("# A model"),
    "the version that wrote it": lambda model: rewrite(model / "config.json", transformers_version="0.1"),
    "where it was loaded from": lambda model: rewrite(model / "config.json", _name_or_path="/a/folder"),
    "where its tokenizer was": lambda model: rewrite(model / "tokenizer_config.json", name_or_path="x", is_local=True),
    "how to chat": lambda model: rewrite(model / "tokenizer_config.json", chat_template="{{ messages }}"),
    "the layout of a file": lambda model: rewrite(model / "config.json"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_changes_no_number_of_a_model_does_not_count(here: Path, what: str) -> None:
    before = catalog.fingerprint(str(here / "model"), here)
    HARMLESS[what](here / "model")
    assert catalog.fingerprint(str(here / "model"), here) == before


# ---------------------------------------------------------------------------- what counts
CONTENTS: dict[str, Callable[[Path], None]] = {
    "weights": lambda root: flip(root / "model" / "model.safetensors"),
    "config": lambda root: rewrite(root / "model" / "config.json", rms_norm_eps=0.5),
    "tokenizer": lambda root: rewrite(root / "model" / "tokenizer.json", added_tokens=[]),
    "begin of text": lambda root: rewrite(root / "model" / "tokenizer_config.json", add_bos_token=True),
    "special tokens": lambda root: rewrite(root / "model" / "special_tokens_map.json", bos_token="x"),
    "added tokens": lambda root: rewrite(root / "model" / "added_tokens.json", x=3),
    "a merge": lambda root: (root / "model" / "merges.txt").write_text("a b"),
    "how it generates": lambda root: rewrite(root / "model" / "generation_config.json", repetition_penalty=2.0),
    "facts": lambda root: flip(root / "facts.jsonl", (root / "facts.jsonl").read_bytes().rindex(b"R3") + 1),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_contents_count(here: Path, what: str) -> None:
    before = ids(here)
    CONTENTS[what](here)
    after = ids(here)
    assert not any(before[method] & after[method] for method in METHODS)


SETTINGS: dict[str, Any] = {
    "seed": {"first_seed": 1},
    "order": {"orders": ["blocked"]},
    "languages": {"languages": ["de", "en"]},
    "one language": {"languages": ["en"]},
    "edited": {"edited": ["en"]},
    "batch size": {"batch_size": 3},
    "facts per language": {"edits_per_language": 2},
    "steps": {"steps": 1},
    "when it is scored": {"eval_every": 1},
    "parallel": {"parallel": True},
    "dtype": {"dtype": "bfloat16"},
}


@pytest.mark.parametrize("what", SETTINGS)
def test_settings_count(here: Path, what: str) -> None:
    before, after = ids(here), ids(here, **SETTINGS[what])
    assert not any(before[method] & after[method] for method in METHODS)


def test_one_option_counts_for_its_method(here: Path) -> None:
    before, after = ids(here), ids(here, set={"method.memit.clamp": 3.75})
    assert [before[method] == after[method] for method in METHODS] == [True, True, False]
    assert ids(here, set={"method.memit.clamp": 3.75}) == after


@pytest.mark.parametrize("what", ["text", "token budget"])
def test_the_corpus_counts_where_statistics_are_read(here: Path, what: str) -> None:
    before = ids(here)
    if what == "text":
        flip(here / "corpus.txt")
    after = ids(here, token_budget=999) if what == "token budget" else ids(here)
    assert [before[method] == after[method] for method in METHODS] == [True, True, False]


def test_a_corpus_that_nobody_reads_is_not_asked_for(here: Path) -> None:
    without = {"methods": ["none", "ft"], "corpus": "no such text"}
    assert ids(here, **without) == ids(here, methods=["none", "ft"])
    with pytest.raises(BenchError, match="no such corpus"):
        ids(here, corpus="no such text")


def test_one_file_read_in_two_ways_is_two_data_sets(here: Path) -> None:
    rows = [json.loads(line) for line in (here / "facts.jsonl").read_text(encoding="utf-8").splitlines()]
    (here / "facts.json").write_text(json.dumps(rows), encoding="utf-8")
    assert ids(here) != ids(here, datasets=[str(here / "facts.json")])


# ---------------------------------------------------------------------------- whole runs
def go(root: Path, results: Path, **changes: Any) -> Answer:
    flags = {**settings(root, edits_per_language=2, **changes), "results-dir": results, "cache-dir": root / "cache"}
    given: list[object] = ["run", "--device", "cpu", "--workers", 1, "--display", "plain"]
    for key, value in flags.items():
        text = ",".join(value) if isinstance(value, list) else value
        given += [f"--{key.replace('_', '-')}", text]
    answer = bench(*given)
    assert answer.code == 0, answer.err
    return answer


def computed(results: Path) -> set[tuple[str, float]]:
    """Every cell of a results folder, and when its record was written."""
    return {(path.parent.name, path.stat().st_mtime) for path in results.glob("*/*/cell.json")}


def test_a_run_finds_its_cells_again_when_all_has_moved(here: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    go(here, results, methods=["none", "memit"])
    before = computed(results)
    there = tmp_path / "there"
    shutil.move(here, there)
    assert "(2 from before)" in go(there, results, methods=["none", "memit"]).out
    assert computed(results) == before
    found = load_results(results / "tiny")
    assert list(found.cells["method"]) == ["none", "memit"]
    assert set(found.cells["model"]) == {str(there / "model")}
    assert set(found.cells["data"]) == {str(there / "facts.jsonl")}
    # and a run of another name takes them over
    other = go(there, results, name="other", methods=["none", "memit"])
    assert "2 cells taken over from tiny" in other.out
    assert "to compute" not in other.out
    assert load_results(results / "other").scores.equals(found.scores)


def test_a_changed_text_computes_only_what_reads_it(here: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    go(here, results)
    flip(here / "corpus.txt")
    assert "3 cells, 1 to compute" in go(here, results).out
    flip(here / "model" / "model.safetensors")
    assert "3 cells, 3 to compute" in go(here, results).out
    flip(here / "model" / "model.safetensors")
    assert "(3 from before)" in go(here, results).out


@pytest.mark.usefixtures("no_pictures")
def test_a_model_of_two_names_is_one_row(here: Path, tmp_path: Path) -> None:
    results, copy = tmp_path / "results", here / "copy"
    shutil.copytree(here / "model", copy)
    two = {"models": [str(here / "model"), str(copy)], "methods": ["none"]}
    assert "1 cells, 1 to compute" in go(here, results, **two).out
    assert list(load_results(results / "tiny").cells["model"]) == [str(here / "model")]
    go(here, results, models=[str(copy)], methods=["none"])
    found = load_results(results / "tiny")
    assert list(found.cells["model"]) == [str(copy)]
    assert not found.scores.duplicated(["cell", "step", "metric", "protocol", "fact", "edit_lang", "probe_lang"]).any()
    assert bench("report", "tiny", "--results-dir", results, "--format", "md").code == 0


@pytest.mark.parametrize("name", ["facts.jsonl", "corpus.txt"])
def test_what_changes_while_a_run_goes_on_is_not_taken_for_what_was_planned(
    here: Path, tmp_path: Path, name: str
) -> None:
    plan = planned(here, tmp_path / "results", methods=["memit"])
    flip(here / name, (here / "facts.jsonl").read_bytes().rindex(b"R3") + 1 if name == "facts.jsonl" else -5)
    (cell,) = plan.cells
    with pytest.raises(BenchError, match=rf"{name}: the (facts have|text has) changed"):
        run_cell(cell, ResultStore(tmp_path / "run"), world.make_world(plan, "cpu"), Silent())


# ---------------------------------------------------------------------------- what is asked
def with_items(root: Path, model: str, **changes: Any) -> Cell:
    mini = {"evaluator.xtreme.source": changes.pop("source", "auto")}
    return planned(root, root / "results", models=[model], methods=["none"], set=mini, **changes).cells[0]


def test_what_evaluators_ask_is_recorded_beside_the_id(here: Path) -> None:
    model = str(here / "model")
    edits = with_items(here, model, evaluators=["edits"], source="mini")
    both = with_items(here, model, evaluators=["edits", "xtreme"], source="mini")
    assert edits.id() == both.id()
    assert edits.asked == {}
    assert set(both.asked) == {"xtreme"}
    scored_by = both.scored_by([("edits", {}), ("xtreme", {"limit": 3})])
    assert scored_by == {"edits": {}, "xtreme": {"limit": 3, "asked": both.asked["xtreme"]}}


def test_the_embedded_model_by_another_name_is_asked_other_items(here: Path) -> None:
    shutil.copytree(catalog.fetch(catalog.resolve("polyglot-tiny"), here), here / "copy")
    named = with_items(here, "polyglot-tiny", evaluators=["xtreme"])
    copied = with_items(here, str(here / "copy"), evaluators=["xtreme"], source="mini")
    assert named.id() == copied.id()
    assert named.asked == copied.asked
    with pytest.raises(BenchError, match="no items of xnli"):
        with_items(here, str(here / "copy"), evaluators=["xtreme"])
