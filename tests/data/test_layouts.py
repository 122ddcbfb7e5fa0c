"""EasyEdit's JSON, BMIKE-53, CLM-Bench, Multi-CounterFact, BabelEdits: stand-ins in their exact layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.api import Fact
from bench.data import datasets
from bench.data.common import DataRequest, LoadedData
from bench.data.sources.check import check, layout_of
from bench.data.stream import load
from bench.ground.errors import BenchError
from bench.plan.contents import data_ref
from tests.data import layouts
from tests.data.layouts import write


def of(path: Path, *languages: str, count: int = 4, parallel: bool = False) -> LoadedData:
    return load(str(path), DataRequest(languages, count, parallel=parallel))


def asked(fact: Fact) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for probe in fact.probes:
        found.setdefault(probe.kind, []).append((probe.prompt, probe.target))
    return found


# ---------------------------------------------------------------------------- EasyEdit
def test_a_file_of_easyedit_is_recognised_and_read(tmp_path: Path) -> None:
    path = write(tmp_path / "my.json", layouts.EASYEDIT)
    assert layout_of(path) == "easyedit" and datasets.dataset(str(path)).languages == ("en",)
    loaded = of(path, "en")
    fact = next(each for each in loaded.facts["en"] if each.request.fact_id == "easyedit/0")
    assert (fact.request.prompt, fact.request.target) == ("The mayor of {} is", " Otto")
    assert asked(fact) == {
        "efficacy": [("The mayor of Avila is", " Otto")],
        "generality": [("Avila is governed by", " Otto")],
        "specificity": [("The mayor of Rome is", " Ida"), ("Rome lies in", " Italy")],
        "portability": [("The mayor's wife is", " Eva")],
    }
    assert loaded.true["en", "easyedit/0"] == " Anna"


@pytest.mark.parametrize(
    ("changed", "kind", "expected"),
    [
        ({"rephrase_prompt": ["a Avila", "b"]}, "generality", [("a Avila", " Otto"), ("b", " Otto")]),
        ({"rephrase_prompt": ""}, "generality", None),
        (
            {"locality": {"r": [{"prompt": "x is", "ground_truth": [["y", "z"]]}]}},
            "specificity",
            [("x is", " y")],
        ),
        (
            {"locality": {}, "locality_prompt": "Rome lies in", "locality_ground_truth": "Italy"},
            "specificity",
            [("Rome lies in", " Italy")],
        ),
        (
            {"portability": {}, "portability_prompt": "Whose?", "portability_ground_truth": "His"},
            "portability",
            [("Whose?", " His")],
        ),
        ({"portability": None}, "portability", None),
    ],
)
def test_a_question_is_asked_as_it_stands(tmp_path: Path, changed: dict[str, Any], kind: str, expected: Any) -> None:
    (fact,) = of(write(tmp_path / "my.json", [layouts.easyedit(**changed)]), "en", count=1).facts["en"]
    assert asked(fact).get(kind) == expected


def test_a_question_without_an_answer_is_counted(tmp_path: Path) -> None:
    record = layouts.easyedit(locality={"r": {"prompt": ["a", "b"], "ground_truth": ["x", ""]}})
    assert dict(check(write(tmp_path / "my.json", [record])).counts[0].unasked) == {
        "specificity question without an answer": 1
    }


def test_wikibio_names_its_fields_otherwise(tmp_path: Path) -> None:
    text = "This is a Wikipedia passage about john doe. John Doe was born in 1850."
    record = {"text": text, "labels": "He was a tailor.", "concept": "john doe", "locality": {}}
    (fact,) = of(write(tmp_path / "bio.json", [record]), "en", count=1).facts["en"]
    assert (fact.request.subject, fact.request.target) == ("john doe", " He was a tailor.")


@pytest.mark.parametrize(
    ("name", "lang"),
    [("my.zh.json", "zh"), ("edits_de.json", "de"), ("ZsRE-test-all.json", "en"), ("test_cf.json", "en")],
)
def test_the_name_of_a_file_tells_its_language(tmp_path: Path, name: str, lang: str) -> None:
    path = write(tmp_path / name, layouts.EASYEDIT)
    assert datasets.dataset(str(path)).languages == (lang,)
    fact = of(path, lang).facts[lang][0]
    assert fact.request.target == ("Otto" if lang == "zh" else " Otto")


# ---------------------------------------------------------------------------- BMIKE-53
def test_bmike_is_matched_by_case(tmp_path: Path) -> None:
    place = tmp_path / "BMIKE53" / "CounterFact"
    write(place / "counterfact_test_de.json", layouts.bmike("de"))
    write(place / "counterfact_test_zh.json", layouts.bmike("zh")[::-1])
    loaded = load("bmike-counterfact", DataRequest(("en", "de", "zh"), 4, 0, tmp_path, parallel=True))
    fact = next(each for each in loaded.facts["de"] if each.request.fact_id == "bmike-counterfact/34")
    assert (fact.request.prompt, fact.request.subject) == ("Wo liegt {}?", "Bremen")
    assert asked(fact) == {
        "efficacy": [("Wo liegt Bremen?", " Peru")],
        "generality": [("Wo liegt Bremen? !", " Peru")],
        "specificity": [("Wo liegt Rome?", " Italy")],
        "portability": [("And near it?", " Nothing")],
        "crosslingual": [("Where is Bremen?", " Peru"), ("不来梅在哪里？", " Peru")],
    }
    assert loaded.true["zh", "bmike-counterfact/34"] == " Spain"
    assert {count.lang: count.kept for count in loaded.report} == {"en": 4, "de": 4, "zh": 4}


def test_bmike_asks_for_english_alone_from_any_file(tmp_path: Path) -> None:
    write(tmp_path / "BMIKE53" / "zsRE" / "zsre_test_de.json", layouts.bmike("de"))
    assert len(load("bmike-zsre", DataRequest(("en",), 4, 0, tmp_path)).facts["en"]) == 4


def test_a_question_of_bmike_without_an_answer_is_not_asked(tmp_path: Path) -> None:
    records = layouts.bmike("de")
    records[0]["de"]["port_ans"] = ""
    path = write(tmp_path / "wfd_test_de.json", records)
    assert layout_of(path) == "bmike-53"
    german = next(count for count in check(path).counts if count.lang == "de")
    assert (german.kept, dict(german.unasked)) == (4, {"portability question without an answer": 1})


# ---------------------------------------------------------------------------- CLM-Bench
def test_clm_bench_pairs_its_two_files(tmp_path: Path) -> None:
    for name, records in layouts.CLM.items():
        write(tmp_path / "clm-bench" / name, records)
    loaded = load("clm-bench", DataRequest(("zh", "en"), 4, 0, tmp_path, parallel=True))
    fact = next(each for each in loaded.facts["zh"] if each.request.fact_id == "clm-bench/1")
    assert (fact.request.prompt, fact.request.target) == ("{}位于", "秘鲁")
    assert asked(fact)["specificity"] == [("谁唱《舞后》？", "ABBA")]
    assert asked(fact)["crosslingual"] == [("The city of Avila lies in", " Peru")]
    assert (loaded.true["zh", "clm-bench/1"], loaded.true["en", "clm-bench/1"]) == ("西班牙", " Spain")


def test_the_files_of_clm_bench_are_of_their_language_whatever_a_prompt_holds(tmp_path: Path) -> None:
    chinese = [{**layouts.clm("zh", 0), "prompt": "iPhone OS 的母公司是", "subject": "iPhone OS"}]
    write(tmp_path / "clm-bench" / "chinese_fields_with_loc.json", chinese)
    loaded = load("clm-bench", DataRequest(("zh",), 1, 0, tmp_path))
    assert loaded.facts["zh"][0].request.text == "iPhone OS 的母公司是"


def test_the_merged_file_of_clm_bench_is_told_apart_by_script(tmp_path: Path) -> None:
    path = write(tmp_path / "merged_alternate_fields_no_english.json", layouts.CLM_MERGED)
    assert layout_of(path) == "clm-bench"
    assert {lang: len(each) for lang, each in of(path, "zh", "en", parallel=True).facts.items()} == {"zh": 4, "en": 4}


# ---------------------------------------------------------------------------- Multi-CounterFact
def test_multi_counterfact_looks_for_its_subjects(tmp_path: Path) -> None:
    for lang in ("en", "zh"):
        write(
            tmp_path / "multi-counterfact" / lang / f"counterfact_test_{lang}_QA_200.json",
            layouts.multi_counterfact(lang),
        )
    loaded = load("multi-counterfact", DataRequest(("zh", "en"), 4, 0, tmp_path, parallel=True))
    fact = next(each for each in loaded.facts["zh"] if each.request.fact_id == "multi-counterfact/7")
    assert (fact.request.prompt, fact.request.subject, fact.request.target) == ("{}在哪里？", "加的斯", "Peru")
    found = asked(fact)
    assert found["generality"] == [("加的斯在哪里？ 0", "Peru"), ("加的斯在哪里？ 1", "Peru")]
    assert len(found["specificity"]) == 10 and found["specificity"][0] == ("Rome 0在哪里？", "Spain")
    assert found["crosslingual"] == [("Where is Cadiz?", " Peru")]


def test_two_files_of_a_language_are_refused(tmp_path: Path) -> None:
    for end in ("", "_200"):
        write(
            tmp_path / "multi-counterfact" / "en" / f"counterfact_test_en_QA{end}.json",
            layouts.multi_counterfact("en"),
        )
    with pytest.raises(BenchError, match=r"two files of 'en': counterfact_test_en_QA\.json and"):
        load("multi-counterfact", DataRequest(("en",), 1, 0, tmp_path))


def test_a_file_of_multi_counterfact_tells_its_language_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "counterfact_test_ja_QA_200.json", layouts.multi_counterfact("ja"))
    assert of(path, "ja").facts["ja"][0].request.target == "Peru"
    with pytest.raises(BenchError, match=r"facts\.json: the name must tell the language"):
        of(write(tmp_path / "facts.json", layouts.multi_counterfact("ja")), "ja")


# ---------------------------------------------------------------------------- BabelEdits
def test_babeledits_is_read_as_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "test_113.json", layouts.babeledits())
    assert layout_of(path) == "babeledits" and datasets.dataset(str(path)).languages == ("en", "de", "zh")
    loaded = of(path, "en", "de", "zh", parallel=True)
    fact = next(each for each in loaded.facts["en"] if "00000001n" in each.request.fact_id)
    assert fact.request.fact_id == "babeledits/bn:00000001n/country"
    assert asked(fact) == {
        "efficacy": [("Where is Bremen?", " Peru")],
        "generality": [("In which country?", " Peru")],
        "specificity": [("The capital of Spain?", " Madrid")],
        "portability": [("What do they speak there?", " Quechua"), ("Where is old Bremen?", " Peru")],
        "crosslingual": [("Wo liegt Bremen?", " Peru"), ("不来梅在哪里？", "Peru")],
    }
    assert fact.probes[0].aliases == ("Republic of Peru",)
    assert loaded.true["de", fact.request.fact_id] == " Spain"


def test_a_text_that_is_missing_in_babeledits_is_a_language_less(tmp_path: Path) -> None:
    items = layouts.babeledits()
    items["bn:00000002n"]["subjects_mt_marked"]["de"] = float("nan")
    counts = {count.lang: count for count in check(write(tmp_path / "test.json", items)).counts}
    assert (counts["de"].kept, dict(counts["de"].dropped)) == (3, {"not in this language": 1})


# ---------------------------------------------------------------------------- all of them
FILES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("my.json", layouts.EASYEDIT, ("en",)),
    ("wfd_test_hi.json", layouts.bmike("hi"), ("en", "hi")),
    ("chinese_fields_with_loc.json", layouts.CLM["chinese_fields_with_loc.json"], ("zh",)),
    ("english_fields_with_loc.json", layouts.CLM["english_fields_with_loc.json"], ("en",)),
    ("counterfact_test_de_QA.json", layouts.multi_counterfact("de"), ("de",)),
    ("test.json", layouts.babeledits(), ("en", "de", "zh")),
]


@pytest.mark.parametrize(("name", "doc", "languages"), FILES)
def test_a_file_is_known_by_content_and_layout(tmp_path: Path, name: str, doc: Any, languages: tuple[str, ...]) -> None:
    first, moved = (write(tmp_path / folder / name, doc) for folder in ("one", "two"))
    found = check(first)
    assert not found.problems and {count.lang for count in found.counts} == set(languages)
    assert all(count.kept == count.read == 4 for count in found.counts)
    refs = [data_ref(str(path), languages, None) for path in (first, moved)]
    assert refs[0].fingerprint == refs[1].fingerprint and refs[0].reader == found.layout


@pytest.mark.parametrize(
    ("name", "doc", "message"),
    [
        (
            "my.json",
            [layouts.easyedit(), layouts.easyedit(target_new=7)],
            "my.json, record easyedit/1, field 'target_new'",
        ),
        ("my.json", [layouts.easyedit(rephrase_prompt=[""]), {}], "record easyedit/1, field 'subject': missing"),
        ("my.json", [layouts.easyedit(locality={"r": 1})], "field 'locality.r': neither questions nor a text"),
        ("my.json", [layouts.easyedit(locality={"r": {"prompt": "x"}})], "field 'locality.r.ground_truth': missing"),
        ("wfd_test_de.json", [{"en": {"case_id": 1}}], "wfd_test_de.json, record 0, field 'en.subject': missing"),
        ("wfd_test_de.json", [{"de": {**layouts.bmike_half("de", 0), "case_id": None}}], "record 0, field 'case_id'"),
        (
            "wfd_test_de.json",
            layouts.bmike("de") + layouts.bmike("de"),
            "record 4, field 'case_id': 4482 is given twice",
        ),
        (
            "wfd_test_de.json",
            [{"en": layouts.bmike_half("en", 0), "de": layouts.bmike_half("de", 1)}],
            "record 0, field 'de.case_id': differs from the other language's",
        ),
        ("x.json", [{**layouts.clm("zh", 0), "case_id": []}], "x.json, record 0, field 'case_id': neither"),
        ("x.json", [{**layouts.clm("en", 0, "english_"), "english_subject": ""}], "field 'english_subject': empty"),
        ("a_de.json", layouts.multi_counterfact("de")[:1] * 2, "a_de.json, record 1, field 'case_id': given twice"),
        (
            "test.json",
            {"bn:1": {"subjects": {"en": "x"}, "relations": {"r": {"edit": {}}}}},
            "test.json, record bn:1, field 'relations.r.edit.prompts_mt_marked': missing",
        ),
        (
            "test.json",
            {"bn:1": {"subjects": {"klingonese": "x"}, "relations": {}}},
            "record bn:1, field 'subjects.klingonese': unknown language",
        ),
    ],
)
def test_spoilt_records_are_named(tmp_path: Path, name: str, doc: Any, message: str) -> None:
    path = write(tmp_path / name, doc)
    assert message in "\n".join(map(str, check(path).problems))
    with pytest.raises(BenchError) as caught:
        datasets.dataset(str(path))
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bmike-zsre", "bmike-wikifactdiff", "clm-bench", "multi-counterfact"])
def test_what_is_not_there_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such file"):
        load(name, DataRequest(("en",), 1, 0, tmp_path))
    known = datasets.datasets()[name]
    assert known.hub is None and known.files and all(known.files[place] == "" for place in known.files)
