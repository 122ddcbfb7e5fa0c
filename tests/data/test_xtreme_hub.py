"""XTREME items from the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from bench.data.sources import xtreme
from bench.data.sources._xtreme.hub import HUB
from bench.ground.errors import BenchError
from tests.data.test_xtreme import CONTEXT, PUBLISHED, put

ANSWERS = {"text": ["Köln"], "answer_start": [23]}
ROWS: dict[str, dict[str, list[Any]]] = {
    "xnli": {"premise": ["a", "c"], "hypothesis": ["b", "d"], "label": [0, 2]},
    "pawsx": {"id": [1, 2], "sentence1": ["a", "c"], "sentence2": ["b", "d"], "label": [0, 1]},
    "mlqa": {"context": [CONTEXT], "question": ["Wohin?"], "answers": [ANSWERS], "id": ["x"]},
    "wikiann": {"tokens": [["AG", "in", "Bonn"]], "ner_tags": [[3, 0, 5]], "langs": [["de"] * 3], "spans": [["x"]]},
}
EXPECTED = {
    "xnli": [
        {"sentence1": "a", "sentence2": "b", "label": "entailment"},
        {"sentence1": "c", "sentence2": "d", "label": "not_entailment"},
    ],
    "pawsx": [{"sentence1": "a", "sentence2": "b", "label": "0"}, {"sentence1": "c", "sentence2": "d", "label": "1"}],
    "mlqa": [PUBLISHED["mlqa"]],
    "wikiann": [{"text": "AG in Bonn", "label": "ORG: AG\nLOC: Bonn\n"}],
}
Save = Callable[[str, dict[str, list[Any]], bool], str]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Save]:
    """Write rows in a task's layout on the hub, with or without words for its label numbers."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()

    def write(task: str, rows: dict[str, list[Any]], named: bool) -> str:
        data, folder = datasets.Dataset.from_dict(rows), tmp_path / "hub"
        if named and task != "mlqa":
            names = datasets.ClassLabel(names=list(HUB[task].classes))
            column = "ner_tags" if task == "wikiann" else "label"
            data = data.cast_column(column, datasets.List(names) if task == "wikiann" else names)
        if HUB[task].converted:
            # the branch of Parquet copies has no README, and other configurations beside
            for config in ("mlqa.de.de", "mlqa.de.en"):
                (folder / config / "validation").mkdir(parents=True)
                data.to_parquet(folder / config / "validation" / "0000.parquet")
        else:
            (folder / "de").mkdir(parents=True)
            data.to_parquet(folder / "de" / "validation-00000-of-00001.parquet")
            listed = "".join(
                f"- config_name: {lang}\n  data_files:\n  - split: validation\n    path: de/validation-*\n"
                for lang in ("de", "en")
            )
            put(folder, "README.md", f"---\nconfigs:\n{listed}---\n")
        return str(folder)

    yield write
    datasets.enable_progress_bars()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("task", xtreme.TASKS)
def test_hub(save: Save, task: str, named: bool) -> None:
    items = xtreme.read_hub(task, "de", save(task, ROWS[task], named))
    assert items == [{"id": str(place), **item} for place, item in enumerate(EXPECTED[task])]


@pytest.mark.parametrize(
    ("task", "change", "field", "message"),
    [
        ("xnli", {"label": [0, -1]}, "label", "-1 is not the number of a label"),
        ("xnli", {"premise": ["a", None]}, "premise", "not a text"),
        ("wikiann", {"ner_tags": [[3, 0, 7]]}, "ner_tags", "7 is not the number"),
        ("wikiann", {"ner_tags": [[3, 0]]}, "ner_tags", "2 tags for 3 tokens"),
        ("wikiann", {"tokens": [["AG", None, "x"]]}, "tokens", "not all are texts"),
        ("mlqa", {"context": ["Nichts."]}, "answer", "not in the context"),
        ("mlqa", {"answers": [{"text": [], "answer_start": []}]}, "answers", "no answer"),
    ],
)
def test_bad_hub_rows(save: Save, task: str, change: dict[str, list[Any]], field: str, message: str) -> None:
    rows = {**ROWS[task], **change}
    with pytest.raises(BenchError, match=message) as caught:
        xtreme.read_hub(task, "de", save(task, rows, False))
    assert (caught.value.record, caught.value.field) == (len(rows[field if field in rows else "context"]) - 1, field)


def test_hub_without_the_column(save: Save) -> None:
    rows = {name: values for name, values in ROWS["xnli"].items() if name != "label"}
    with pytest.raises(BenchError, match="record 0, field 'label': missing"):
        xtreme.read_hub("xnli", "de", save("xnli", rows, False))


def test_hub_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    for task in xtreme.TASKS:
        with pytest.raises(BenchError, match="cannot be loaded from the hub") as caught:
            xtreme.read("hub", task, "de", None)
        assert HUB[task].path in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(BenchError, match="facebook/xnli has no language 'nl'; it has: en, de, es, fr, zh"):
        xtreme.read("hub", "xnli", "nl", None)
