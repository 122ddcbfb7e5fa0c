"""XTREME tasks from files to rows: items, examples, prompts, oracles, floors, broken models."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.api import Score
from bench.compute.driver import CellContext, run_cell
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from bench.store.results import load_results
from bench.store.shards import ResultStore
from evaluators._xtreme import lm as lm_module
from evaluators._xtreme.items import choose_shots, item_sets
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from evaluators._xtreme.tasks import Prompt, build
from evaluators.xtreme import Config, Floor, Xtreme, floor
from reports.numbers.f1 import pooled
from tests.evaluators.conftest import COUNT
from tests.tinyworld import Silent, TinyWorld

TASKS = ("xnli", "pawsx", "mlqa", "wikiann")


def cell(method: str = "memit", seed: int = 0) -> Cell:
    return Cell(
        method=MethodSpec(name=method),
        model=ModelRef(name="smollm2-135m"),
        data=DataRef(name="cldr"),
        schedule=Schedule(),
        seed=seed,
    )


def long_model(context: int = 4096) -> EditableModel:
    model = tiny_model("llama")
    model.hf.config.max_position_embeddings = context
    return model


def scores(model: EditableModel, data_dir: Path, seed: int = 0, **options: Any) -> list[Score]:
    evaluator = Xtreme(Config(**{"source": "xtreme_langedit", **options}))
    return list(evaluator.score(model, [], CellContext(cell(seed=seed), data_dir)))


def by_place(rows: Sequence[Score], metric: str) -> dict[tuple[str, str, str], Score]:
    return {(row.fact_id, row.probe_lang, row.protocol): row for row in rows if row.metric == metric}


# ---------------------------------------------------------------------------- items and examples
def test_the_first_ten_items_are_examples_and_the_rest_is_drawn_from(data_dir: Path) -> None:
    sets = {s.form.name: s for s in item_sets("xtreme_langedit", data_dir, 100)}
    assert [item["id"] for item in sets["xnli_en"].items] == [str(i) for i in range(10, COUNT)]
    assert [shot["label"] for shot in sets["xnli_en"].shots] == ["No", "Yes"]
    assert [shot["id"] for shot in sets["mlqa_es"].shots] == ["0"]
    # the first with ORG, with PER, with LOC
    assert [shot["id"] for shot in sets["wikiann_en"].shots] == ["2", "0", "1"]


def test_an_example_may_serve_twice_and_is_left_out_where_there_is_none() -> None:
    items = [{"id": "0", "label": "PER: a\nORG: b\n"}, {"id": "1", "label": "PER: c\n"}]
    assert [item["id"] for item in choose_shots("xtreme", "wikiann", items)] == ["0", "0"]


def test_draws_depend_on_the_seed_not_on_the_method(data_dir: Path) -> None:
    def drawn(method: str, seed: int) -> dict[str, list[str]]:
        rng = CellContext(cell(method, seed)).rng
        sets = item_sets("xtreme_langedit", data_dir, 3, rng=rng)
        return {s.form.name: [item["id"] for item in s.items] for s in sets}

    assert drawn("memit", 0) == drawn("rome", 0)
    assert drawn("memit", 0) != drawn("memit", 1)
    assert len({tuple(ids) for ids in drawn("memit", 0).values()}) > 1
    for ids in drawn("memit", 0).values():
        assert len(ids) == 3
        assert ids == sorted(ids, key=int)


def test_missing_data_is_one_line(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(BenchError, match="source 'xtreme' has no items of xnli"):
        item_sets("xtreme", tmp_path, 100)
    with pytest.raises(BenchError, match="none of the languages nl"):
        item_sets("xtreme_langedit", data_dir, 100, ["nl"])


def test_the_embedded_model_has_items_of_its_own(data_dir: Path) -> None:
    for task in item_sets("mini", None, 100):
        assert len(task.items) == 100
        assert len(task.shots) == {"xnli": 2, "pawsx": 2, "mlqa": 1, "wikiann": 3}[task.form.task]
    assert task.form.types == ("LOC", "CUR", "LANG")


# ---------------------------------------------------------------------------- prompts
def prompts(data_dir: Path, model: EditableModel, name: str) -> list[Prompt]:
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
        task = build(item_sets("xtreme_langedit", data_dir, 100), lm)[name]
    return [task.prompt_of(doc) for doc in task.eval_docs]


def test_prompts_are_the_published_ones(data_dir: Path) -> None:
    assert prompts(data_dir, long_model(), "xnli_en")[0].text == (
        "P0 entails the H0 Yes or No? Answer: No\n"
        "P1 entails the H1 Yes or No? Answer: Yes\n"
        'P10 entails the H10 " Yes or No? Answer:'
    )
    instruction = "Answer the following questions based on the provided context.\n"
    assert prompts(data_dir, long_model(), "mlqa_en")[0].text == (
        f"{instruction}Context : Ann has 0 cats.\nQuestion: How many?\nAnswer: 0 cats\n"
        f"{instruction}Context: Ann has 10 cats.\nQuestion: How many?\nAnswer:"
    )
    assert "Rome of UN\\Respuesta: ORG: UN\n\nExtraiga" in prompts(data_dir, long_model(), "wikiann_es")[0].text


def test_examples_that_do_not_fit_are_dropped_and_counted(data_dir: Path) -> None:
    shot, query, generated = (
        len("P0 entails the H0 Yes or No? Answer: No\n"),
        len('P10 entails the H10 " Yes or No? Answer:'),
        5,
    )
    bos = 1
    for context, kept in ((bos + query + shot + generated, 1), (bos + query + shot + generated - 1, 0), (4096, 2)):
        model = long_model(context)
        assert {prompt.shots for prompt in prompts(data_dir, model, "xnli_en")} == {kept}
    rows = by_place(scores(long_model(110), data_dir, languages=("en",)), "xtreme_dropped_shots")
    assert rows["xnli", "en", "langedit"].value == (COUNT - 10) * 1
    assert rows["wikiann", "en", "langedit"].value == (COUNT - 10) * 3
    assert rows["wikiann", "en", "langedit"].weight == 1


# ---------------------------------------------------------------------------- rows
class Oracle(SharedPrefixLM):
    """Knows the answers."""

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:
        return [" " + (r.doc.get("answer") or r.doc["label"]) for r in requests]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        return [(-1.0 if r.args[1] == " " + r.doc["label"] else -9.0, True) for r in requests]


class Mute(SharedPrefixLM):
    """Says nothing."""

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:
        return [""] * len(requests)

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        return [(float("nan"), False)] * len(requests)


def test_an_oracle_scores_one_under_both_protocols(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setattr(lm_module, "SharedPrefixLM", Oracle)
    rows = scores(long_model(), data_dir)
    places = {
        (task, lang, protocol) for task in TASKS for lang in ("en", "es") for protocol in ("langedit", "likelihood")
    }
    f1 = by_place(rows, "xtreme_f1")
    assert set(f1) == places
    assert all(row.value == 1 and row.weight == 1 and row.edit_lang == "" for row in f1.values())
    assert all(row.value == 1 for row in by_place(rows, "xtreme_answered").values())
    items = by_place(rows, "xtreme_item")
    assert set(items) == {(f"{task}/{lang}/{i}", lang, p) for task, lang, p in places for i in range(10, COUNT)}
    assert all(row.value == 1 and row.weight == 1 for row in items.values())


def test_the_floor_is_what_a_mute_model_scores(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setattr(lm_module, "SharedPrefixLM", Mute)
    found = floor("xtreme_langedit", data_dir)
    rows = by_place(scores(long_model(), data_dir), "xtreme_f1")
    assert {(p, t, lang): row.value for (t, lang, p), row in rows.items()} == found.values
    # of the 30 words of items 10 to 15, 8 belong to PER, LOC or ORG, whose F1 is 0
    outside = 2 * 22 / (22 + 30)
    assert found.values["langedit", "wikiann", "en"] == pytest.approx(outside / 4)
    # the mean over four tasks of the mean over languages; three tasks have no answer
    assert found.average("langedit") == pytest.approx(outside / 4 / 4)
    assert found.average("likelihood") == 0


def test_the_floor_is_a_mean_over_tasks_of_means_over_languages() -> None:
    """Tasks have unequally many languages: XTREME's have four to six."""
    published = {"wikiann": (0.1, 0.2, 0.3), "pawsx": (0.6,), "xnli": (0.0, 0.4)}
    values = {("langedit", task, str(i)): f1 for task, each in published.items() for i, f1 in enumerate(each)}
    found = Floor({**values, ("likelihood", "xnli", "0"): 1.0})
    assert found.average("langedit") == pytest.approx((0.2 + 0.6 + 0.2) / 3)
    assert found.average("likelihood") == 1


def test_an_item_scores_alone_as_it_does_in_a_batch(data_dir: Path) -> None:
    options: dict[str, Any] = {"limit": 2, "languages": ("en",)}
    together, alone = (scores(long_model(), data_dir, batch_size=size, **options) for size in (16, 1))
    assert together == alone


def test_a_second_checkpoint_of_an_unchanged_model_gives_the_same_rows(data_dir: Path) -> None:
    evaluator = Xtreme(Config(source="xtreme_langedit", limit=2, languages=("en",)))
    context = CellContext(cell(), data_dir)
    model = long_model()
    assert list(evaluator.score(model, [], context)) == list(evaluator.score(model, [], context))


def test_a_diverged_model_is_scored(data_dir: Path) -> None:
    model = long_model()
    with torch.no_grad():
        model.hf.get_output_embeddings().weight.fill_(torch.nan)
    rows = scores(model, data_dir, limit=2)
    assert all(0 <= row.value <= 1 for row in rows if row.metric == "xtreme_f1")
    answered = by_place(rows, "xtreme_answered")
    assert all(answered[task, "en", "likelihood"].value == 0 for task in ("xnli", "pawsx"))
    assert by_place(rows, "xtreme_f1")["xnli", "en", "likelihood"].value == 0


def test_a_cell_records_both_protocols(tmp_path: Path, data_dir: Path) -> None:
    tiny = TinyWorld.make(tmp_path)
    options = {"source": "xtreme_langedit", "limit": 2, "languages": ("en",)}
    world = replace(tiny.world(), evaluators=(("xtreme", options),), data_dir=data_dir)
    store = ResultStore(tmp_path / "run")
    assert run_cell(tiny.cell("none"), store, world, Silent()) == "done"
    found = load_results(store.root).scores
    f1 = found[found.metric == "xtreme_f1"]
    assert sorted(zip(f1.fact, f1.protocol, strict=True)) == [
        (t, p) for t in sorted(TASKS) for p in ("langedit", "likelihood")
    ]
    assert (f1.weight == 1).all()


def test_missing_data_stops_a_cell_before_it_edits(tmp_path: Path) -> None:
    tiny = TinyWorld.make(tmp_path)
    world = replace(tiny.world(), evaluators=(("xtreme", {}),), data_dir=tmp_path)
    progress = Silent(stop_at=0)
    with pytest.raises(BenchError, match="source 'xtreme' has no items of xnli"):
        run_cell(tiny.cell("none"), ResultStore(tmp_path / "run"), world, progress)


def test_what_is_asked_is_known_by_its_content(tmp_path: Path, data_dir: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(data_dir, copy)
    evaluator, english = (Xtreme(Config(source="xtreme_langedit", languages=each)) for each in ((), ("en",)))

    def known_by(folder: Path) -> tuple[str, str]:
        return evaluator.fingerprint("m", folder), english.fingerprint("m", folder)

    before = known_by(data_dir)
    assert known_by(copy) == before
    path = copy / "xtreme_langedit" / "mlqa_es.jsonl"
    path.write_bytes(path.read_bytes().replace(b"cats", b"dogs"))
    assert known_by(copy)[0] != before[0]
    assert known_by(copy)[1] == before[1]
    with pytest.raises(BenchError, match="no items of xnli"):
        evaluator.fingerprint("m", tmp_path)


def test_items_made_of_facts_are_not_those_of_files(data_dir: Path) -> None:
    mini = Xtreme(Config())
    assert mini.fingerprint("polyglot-tiny", None) != Xtreme(Config(source="hub")).fingerprint("polyglot-tiny", None)
    with pytest.raises(BenchError, match="no items of xnli"):
        mini.fingerprint("smollm2-135m", data_dir)


def test_counts_of_items_give_the_f1(data_dir: Path) -> None:
    rows = scores(long_model(), data_dir, languages=("en",))
    sums: dict[tuple[str, str, str], dict[tuple[str, str], list[float]]] = {}
    for row in rows:
        name, _, rest = row.metric.partition(":")
        if rest:
            average, _, kind = rest.partition(":")
            task = row.fact_id.partition("/")[0]
            classes = sums.setdefault((task, row.probe_lang, row.protocol), {})
            place = ("xtreme_right", "xtreme_gold", "xtreme_said").index(name)
            classes.setdefault((average, kind), [0.0] * 3)[place] += row.value
    stored = by_place(rows, "xtreme_f1")
    assert sums.keys() == stored.keys()
    for key, classes in sums.items():
        (average,) = {average for average, _ in classes}
        assert pooled(np.array(list(classes.values())), average) == pytest.approx(stored[key].value)
