"""A file of facts is taken as it is, by its layout, wherever it lies and whatever it is called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.data import datasets
from bench.data.common import DataRequest
from bench.data.sources.check import check
from bench.data.stream import load
from bench.ground.errors import BenchError
from bench.plan.contents import data_ref
from tests.data.test_english import COUNTERFACT, ZSRE
from tests.data.test_own_facts import EIFFEL
from tests.hostile.test_fuzz_facts import MLAKE, MZSRE


def write(path: Path, records: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


LAYOUTS = [
    ("zsre", "zsre/zsre_mend_eval.json", [ZSRE], ("en",)),
    ("counterfact", "counterfact/counterfact.json", [COUNTERFACT], ("en",)),
    ("mzsre", "mzsre/mzsre_test_duplicate_ende.json", MZSRE["de"], ("en", "de")),
    ("bzsre", "bzsre/bizsre_test.json", [{"en": ZSRE, "zh": ZSRE}], ("en", "zh")),
]


@pytest.mark.parametrize(("layout", "place", "records", "languages"), LAYOUTS)
def test_a_file_gives_the_facts_of_its_data_set(tmp_path, layout, place, records, languages):
    path = write(tmp_path / "data" / place, records)
    own = shutil.copy(path, write(tmp_path / f"any {path.name}", records))
    assert datasets.dataset(str(own)).languages == languages
    request = DataRequest(languages, 1, 3, tmp_path / "data")
    assert load(str(own), request).facts == load(layout, request).facts
    assert len(load(str(own), request).report) == len(languages)


@pytest.mark.parametrize(("layout", "place", "records", "languages"), LAYOUTS)
def test_a_cell_knows_such_a_file_by_content_and_reader(tmp_path, layout, place, records, languages):
    name = Path(place).name
    first, moved = (write(tmp_path / folder / name, records) for folder in ("one", "two"))
    changed = write(tmp_path / "three" / name, [*records, records[0]])
    refs = [data_ref(str(path), languages, None) for path in (first, moved, changed)]
    assert {ref.reader for ref in refs} == {layout}
    assert refs[0].fingerprint == refs[1].fingerprint != refs[2].fingerprint


def test_edits_of_mlake_are_taken_where_the_others_lie_beside_them(tmp_path):
    place = tmp_path / "any" / "single_hop"
    paths = {lang: write(place / f"{lang}_qa.json", records) for lang, records in MLAKE.items()}
    (fact,) = load(str(paths["de"]), DataRequest(("de",), 1)).facts["de"]
    assert fact.request.lang == "de"
    assert data_ref(str(paths["de"]), ("de",), None).reader == "mlake"
    alone = write(tmp_path / "de_qa.json", MLAKE["de"])
    assert not check(alone).problems
    with pytest.raises(BenchError, match=r"de_qa\.json: .*single_hop.*--datasets mlake --data-dir"):
        datasets.dataset(str(alone))


def test_an_unknown_layout_is_told(tmp_path):
    with pytest.raises(BenchError, match="of no known layout"):
        datasets.dataset(str(write(tmp_path / "strange.json", [{"a": 1}])))


@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_among_lines_is_one_problem(tmp_path, indent):
    path = tmp_path / "facts.jsonl"
    path.write_text(json.dumps([{**EIFFEL, "fact_id": f"f{i}"} for i in range(5)], indent=indent), encoding="utf-8")
    for read in (check, lambda path: datasets.dataset(str(path))):
        with pytest.raises(BenchError, match=r"facts\.jsonl: holds one JSON list.*name it \.json"):
            read(path)
    path.rename(tmp_path / "facts.json")
    assert len(load(str(tmp_path / "facts.json"), DataRequest(("en",), 5)).facts["en"]) == 5
