from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import LANGUAGES
from bench.data.common import DataRequest
from bench.data.datasets import fingerprint
from bench.data.sources.zsre import neighbour_prompt
from bench.data.stream import load
from bench.ground.errors import BenchError

CITIES = ("Avila", "Bremen", "Cadiz", "Delft", "Essen", "Faro", "Gent", "Hull")
QUESTIONS = {
    "en": "Where is {}?",
    "de": "Wo liegt {}?",
    "du": "Waar ligt {}?",
    "zh": "{}在哪里？",
}


def half(code: str, city: str) -> dict[str, Any]:
    src = QUESTIONS[code].format(city)
    return {
        "subject": city,
        "src": src,
        "rephrase": src if code == "de" else f"{src} .",
        "alt": f" {city}land ",
        "loc": "nq question: who sings" if code == "en" else "wer singt?",
        "loc_ans": "ABBA",
        "portability": {"New Question": "And near it?", "New Answer": "Nothing"},
    }


def write(folder: Path, code: str, halves: list[dict[str, Any]] | None = None) -> Path:
    path = folder / "mzsre" / f"mzsre_test_duplicate_en{code}.json"
    path.parent.mkdir(exist_ok=True)
    others = halves or [half(code, city) for city in CITIES]
    items = [{"en": half("en", city), code: other} for city, other in zip(CITIES, others, strict=True)]
    path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for code in ("de", "du", "zh"):
        write(tmp_path, code)
    return tmp_path


def request(folder: Path | None, *languages: str, count: int = 4, seed: int = 0, parallel: bool = False) -> DataRequest:
    return DataRequest(languages, count, seed, folder, parallel)


def test_fact_and_probes_of_one_record(folder: Path) -> None:
    fact = load("mzsre", request(folder, "nl", "zh", count=8)).facts["nl"][0]
    city = fact.request.subject
    assert fact.request.prompt == "Waar ligt {}?"
    assert fact.request.target == f" {city}land"
    probes = {probe.kind: probe for probe in fact.probes}
    assert (probes["efficacy"].prompt, probes["efficacy"].target) == (fact.request.text, fact.request.target)
    assert probes["generality"].distinct
    assert (probes["specificity"].prompt, probes["specificity"].target) == (
        "nq question: wer singt?",
        " ABBA",
    )
    assert (probes["portability"].prompt, probes["portability"].target) == ("And near it?", " Nothing")
    assert (probes["crosslingual"].probe_lang, probes["crosslingual"].prompt) == ("zh", f"{city}在哪里？")
    assert all(probe.edit_lang == "nl" and probe.fact_id == fact.request.fact_id for probe in fact.probes)


def test_translations_are_the_same_record_in_the_other_languages_asked_for(folder: Path) -> None:
    halves = [half("zh", city) for city in CITIES]
    halves[2]["src"] = "在哪里？"
    write(folder, "zh", halves)
    facts = load("mzsre", request(folder, "de", "nl", "zh", count=7)).facts
    edits = {(fact.request.lang, fact.request.fact_id): fact.request for each in facts.values() for fact in each}
    assert {each.lang for each in edits["nl", "mzsre/2"].translations} == {"de"}
    for (lang, fact_id), edit in edits.items():
        others = {each.lang: each for each in edit.translations}
        assert set(others) == {"de", "nl", "zh"} - {lang, "zh" if fact_id == "mzsre/2" else lang}
        for other, each in others.items():
            assert (each.fact_id, each.translations) == (fact_id, ())
            assert each.prompt == QUESTIONS[{"nl": "du"}.get(other, other)]
            known = edits.get((other, fact_id), each)
            assert (each.text, each.target) == (known.text, known.target)


def ids(request: DataRequest) -> dict[str, list[str]]:
    facts = load("mzsre", request).facts
    return {lang: [fact.request.fact_id for fact in each] for lang, each in facts.items()}


def test_parallel_records_are_the_same_in_every_language_and_drawn_by_seed(folder: Path) -> None:
    first = ids(request(folder, "en", "de", "zh", parallel=True))
    assert first["en"] == first["de"] == first["zh"]
    assert first == ids(request(folder, "en", "de", "zh", parallel=True))
    assert first != ids(request(folder, "en", "de", "zh", parallel=True, seed=1))


def test_parallel_records_are_those_that_every_language_has(folder: Path) -> None:
    halves = [half("de", city) for city in CITIES]
    halves[0]["src"] = "Wo denn bitte?"
    write(folder, "de", halves)
    chosen = ids(request(folder, "en", "de", count=7, parallel=True))
    assert "mzsre/0" not in chosen["en"]
    with pytest.raises(BenchError, match="there are 7 in 'en', 7 in 'de'"):
        load("mzsre", request(folder, "en", "de", count=8, parallel=True))


def test_records_are_disjoint_while_there_are_enough_and_evenly_shared_after(folder: Path) -> None:
    disjoint = ids(request(folder, "de", "zh"))
    assert sorted(disjoint["de"] + disjoint["zh"]) == sorted(f"mzsre/{index}" for index in range(len(CITIES)))
    shared = ids(request(folder, "en", "de", "zh", count=6))
    uses = [sum(f"mzsre/{index}" in each for each in shared.values()) for index in range(len(CITIES))]
    assert sum(uses) == 18
    assert max(uses) - min(uses) <= 1


def test_every_fact_keeps_how_it_was_aligned(folder: Path) -> None:
    loaded = load("mzsre", request(folder, "de"))
    assert loaded.how == {("de", fact.request.fact_id): "exact" for fact in loaded.facts["de"]}


def test_records_that_lack_a_language_are_skipped_and_counted(folder: Path) -> None:
    path = folder / "mzsre" / "mzsre_test_duplicate_ende.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    del items[3]["de"]
    path.write_text(json.dumps(items), encoding="utf-8")
    loaded = load("mzsre", request(folder, "de", count=7))
    assert dict(loaded.report[0].dropped) == {"not in this language": 1}


def test_bi_zsre_has_the_same_records(folder: Path) -> None:
    (folder / "bzsre").mkdir()
    (folder / "mzsre" / "mzsre_test_duplicate_enzh.json").rename(folder / "bzsre" / "bizsre_test.json")
    facts = load("bzsre", request(folder, "en", "zh")).facts
    assert {fact.request.fact_id.split("/")[0] for fact in facts["zh"]} == {"bzsre"}
    assert facts["zh"][0].request.prompt == "{}在哪里？"


def test_rephrase_that_equals_the_prompt_is_marked_and_counted(folder: Path) -> None:
    loaded = load("mzsre", request(folder, "de"))
    assert [probe.distinct for fact in loaded.facts["de"] for probe in fact.probes[1:2]] == [False] * 4
    assert loaded.report[0].rephrase_equal == len(CITIES)


def test_records_that_cannot_be_aligned_are_dropped_and_counted(folder: Path) -> None:
    halves = [half("de", city) for city in CITIES]
    halves[0]["src"] = "Wo denn bitte?"
    halves[1]["src"] = f"{{}} {CITIES[1]}?"
    write(folder, "de", halves)
    loaded = load("mzsre", request(folder, "en", "de", count=6))
    english, german = loaded.report
    assert (english.kept, german.kept, german.read) == (8, 6, 8)
    assert dict(german.dropped) == {"subject not in the prompt": 1, "literal braces in the prompt": 1}
    assert {"mzsre/0", "mzsre/1"}.isdisjoint(fact.request.fact_id for fact in loaded.facts["de"])


def test_braces_that_are_no_slot_do_no_harm(folder: Path) -> None:
    halves = [half("de", city) for city in CITIES]
    for each, city in zip(halves, CITIES, strict=True):
        each["src"] = f"Wo {{hier}} liegt {{{city}}}?"
    write(folder, "de", halves)
    fact = load("mzsre", request(folder, "de")).facts["de"][0]
    assert fact.request.text == f"Wo {{hier}} liegt {{{fact.request.subject}}}?"


def test_too_few_facts_says_how_many_there_are(folder: Path) -> None:
    with pytest.raises(BenchError, match="mzsre: 9 facts per language asked for, but there are 8 in 'de'"):
        load("mzsre", request(folder, "de", count=9))


def test_unknown_language(folder: Path) -> None:
    with pytest.raises(BenchError, match="mzsre has no language 'nx'; there are: en, de, nl"):
        load("mzsre", request(folder, "nx"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda each: each.pop("alt"), "enzh.json, record mzsre/2, field 'zh.alt': missing"),
        (lambda each: each.update(subject=" "), "record mzsre/2, field 'zh.subject': empty"),
        (lambda each: each.update(alt=7), "record mzsre/2, field 'zh.alt': not a text"),
        (lambda each: each["portability"].clear(), "field 'zh.portability.New Question': missing"),
    ],
)
def test_spoilt_record_is_named(folder: Path, spoil: Any, message: str) -> None:
    halves = [half("zh", city) for city in CITIES]
    spoil(halves[2])
    write(folder, "zh", halves)
    with pytest.raises(BenchError) as caught:
        load("mzsre", request(folder, "zh"))
    assert message in str(caught.value)


def test_files_must_be_parallel(folder: Path) -> None:
    path = folder / "mzsre" / "mzsre_test_duplicate_enzh.json"
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    with pytest.raises(BenchError, match=r"enzh.json, record mzsre/0, field 'en.src': differs"):
        load("mzsre", request(folder, "de", "zh"))


def test_malformed_or_missing_file(folder: Path) -> None:
    path = folder / "mzsre" / "mzsre_test_duplicate_ende.json"
    for content, problem in ((b"[{", "not valid JSON"), (b" ", "the file is empty"), (b"[\xff]", "not UTF-8")):
        path.write_bytes(content)
        with pytest.raises(BenchError, match=rf"ende.json: {problem}"):
            load("mzsre", request(folder, "de"))
    path.unlink()
    with pytest.raises(BenchError, match=r"ende.json: no such file"):
        load("mzsre", request(folder, "de"))


def test_data_folder_must_be_given_and_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DATA_DIR", raising=False)
    with pytest.raises(BenchError, match="--data-dir or BENCH_DATA_DIR"):
        load("mzsre", request(None, "de"))
    with pytest.raises(BenchError, match="does not exist"):
        load("mzsre", request(tmp_path / "nowhere", "de"))


def test_data_folder_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA_DIR", str(folder))
    assert len(load("mzsre", request(None, "de")).facts["de"]) == 4


def test_fingerprint_follows_the_files(folder: Path) -> None:
    before = fingerprint("mzsre", folder)
    assert before == fingerprint("mzsre", folder)
    halves = [half("de", city) | {"alt": "x"} for city in CITIES]
    write(folder, "de", halves)
    assert before != fingerprint("mzsre", folder)


def test_neighbour_prompt_has_one_prefix_and_one_question_mark() -> None:
    assert neighbour_prompt("nq question: who sings") == "nq question: who sings?"
    assert neighbour_prompt("wer singt?") == "nq question: wer singt?"
    assert neighbour_prompt("谁唱？") == "nq question: 谁唱？"


REAL = Path(os.environ.get("BENCH_DATA_DIR", "/nonexistent"))


@pytest.mark.skipif(not (REAL / "mzsre").is_dir(), reason="BENCH_DATA_DIR names no folder with mzsre/")
def test_at_least_96_percent_of_the_real_records_are_kept() -> None:
    loaded = load("mzsre", DataRequest(LANGUAGES, 400, 0, REAL))
    assert [count.lang for count in loaded.report] == list(LANGUAGES)
    for count in loaded.report:
        assert count.kept >= 0.96 * count.read, count
        assert sum((count.exact, count.casefold, count.english, count.closest)) == count.kept
