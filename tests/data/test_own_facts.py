from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import Schedule
from bench.data.common import DataRequest
from bench.data.datasets import dataset, datasets, fingerprint
from bench.data.stream import EditStream, all_of, load
from bench.ground.errors import BenchError

EIFFEL = {
    "fact_id": "eiffel",
    "lang": "en",
    "prompt": "The city where {} stands is",
    "subject": "the Eiffel Tower",
    "target": "Rome",
    "paraphrases": ["{} stands in", "The city where the Eiffel Tower stands is"],
    "neighbours": [{"prompt": "Big Ben stands in", "target": "London"}],
    "portability": [{"prompt": "The Eiffel Tower's country is", "target": " Italy"}],
}
EIFFEL_ZH = {
    "fact_id": "eiffel",
    "lang": "zh",
    "prompt": "{}所在的城市是",
    "subject": "埃菲尔铁塔",
    "target": "罗马",
}


def write(path: Path, *records: Any) -> str:
    path.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in records), encoding="utf-8")
    return str(path)


def test_own_facts_with_all_probes(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL, EIFFEL_ZH)
    assert dataset(name).languages == ("en", "zh")
    english = load(name, DataRequest(("en", "zh"), 1)).facts["en"][0]
    assert english.request.text == "The city where the Eiffel Tower stands is"
    assert english.request.target == " Rome"
    asked = [(probe.kind, probe.probe_lang, probe.prompt, probe.target, probe.distinct) for probe in english.probes]
    assert asked == [
        ("efficacy", "en", "The city where the Eiffel Tower stands is", " Rome", True),
        ("generality", "en", "the Eiffel Tower stands in", " Rome", True),
        ("generality", "en", "The city where the Eiffel Tower stands is", " Rome", False),
        ("specificity", "en", "Big Ben stands in", " London", True),
        ("portability", "en", "The Eiffel Tower's country is", " Italy", True),
        ("crosslingual", "zh", "埃菲尔铁塔所在的城市是", "罗马", True),
    ]


def test_own_facts_know_their_translations(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL, EIFFEL_ZH, EIFFEL | {"fact_id": "tower"})
    facts = load(name, DataRequest(("en", "zh"), 1, parallel=True)).facts
    (chinese,) = facts["en"][0].request.translations
    assert (chinese.text, chinese.target) == (facts["zh"][0].request.text, "罗马")
    assert [each.lang for each in facts["zh"][0].request.translations] == ["en"]
    alone = load(name, DataRequest(("en",), 2)).facts["en"]
    assert [fact.request.translations for fact in alone] == [(), ()]


def test_json_list_is_read_too_and_slot_is_made_where_the_subject_stands(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps([EIFFEL | {"prompt": "Where is the Eiffel Tower?", "paraphrases": None}]))
    assert load(str(path), DataRequest(("en",), 1)).facts["en"][0].request.prompt == "Where is {}?"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": None}, "own.jsonl, record 2, field 'target': not a text"),
        ({"target": ""}, "record 2, field 'target': empty"),
        ({"subject": "  "}, "record 2, field 'subject': empty"),
        (
            {"prompt": "Where is Big Ben?"},
            "record 2, field 'prompt': the subject 'the Eiffel Tower' is not in",
        ),
        ({"prompt": "{} and {}"}, "record 2, field 'prompt': 2 subject slots"),
        (
            {"prompt": "the Eiffel Tower, the Eiffel Tower"},
            "field 'prompt': the subject 'the Eiffel Tower' stands 2",
        ),
        ({"paraphrase": ["x"]}, "field 'paraphrase': unknown field; did you mean 'paraphrases'?"),
        ({"neighbours": ["x"]}, "field 'neighbours': each must be"),
        ({"neighbours": [{"prompt": "x"}]}, "field 'neighbours.target': missing"),
        ({"paraphrases": "x"}, "field 'paraphrases': not a list"),
        ({}, "record 2, field 'fact_id': 'eiffel' is given twice in 'en'"),
    ],
)
def test_bad_record_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL, EIFFEL | change)
    with pytest.raises(BenchError) as caught:
        dataset(name)
    assert message in str(caught.value)


def test_missing_field_and_malformed_line(tmp_path: Path) -> None:
    missing = {key: value for key, value in EIFFEL.items() if key != "lang"}
    with pytest.raises(BenchError, match="record 1, field 'lang': missing"):
        dataset(write(tmp_path / "own.jsonl", missing))
    (tmp_path / "own.jsonl").write_text(json.dumps(EIFFEL) + "\n\n{oops")
    with pytest.raises(BenchError, match=r"own.jsonl, record 3: not valid JSON"):
        dataset(str(tmp_path / "own.jsonl"))


def test_file_that_is_missing_empty_or_no_list(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"none.jsonl: no such file"):
        dataset(str(tmp_path / "none.jsonl"))
    with pytest.raises(BenchError, match="holds no facts"):
        dataset(write(tmp_path / "empty.jsonl"))
    with pytest.raises(BenchError, match="not a list of records"):
        dataset(write(tmp_path / "one.json", EIFFEL))


def test_line_separators_inside_a_text_do_not_end_a_record(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL | {"note": "one\u2028two"})
    assert len(load(name, DataRequest(("en",), 1)).facts["en"]) == 1


def test_fingerprint_follows_the_file_not_its_folder(tmp_path: Path) -> None:
    one = fingerprint(write(tmp_path / "own.jsonl", EIFFEL))
    (tmp_path / "elsewhere").mkdir()
    assert one == fingerprint(write(tmp_path / "elsewhere" / "own.jsonl", EIFFEL))
    assert one != fingerprint(write(tmp_path / "own.jsonl", EIFFEL_ZH))


def test_unknown_data_set_gets_a_suggestion() -> None:
    assert {"cldr", "mzsre"} <= set(datasets())
    with pytest.raises(BenchError, match="unknown data set 'mzrse'; did you mean 'mzsre'"):
        dataset("mzrse")


def test_loaded_facts_make_a_stream(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL, EIFFEL_ZH)
    loaded = load(name, DataRequest(("en", "zh"), 1))
    stream = EditStream.build(Schedule(languages=("en", "zh"), edits_per_language=1), loaded.facts, 0)
    assert [step.facts[0].request.lang for step in stream.steps] == ["en", "zh"]


# ------------------------------------------------------------------------------------------------- language codes
@pytest.mark.parametrize("code", ["zh-CN", "ZH", "zh_Hans", "cmn", "zho", "zh_CN.UTF-8"])
def test_a_language_is_known_by_any_of_its_codes(tmp_path: Path, code: str) -> None:
    question = {"prompt": "法国在", "target": "欧洲"}
    record = EIFFEL_ZH | {"paraphrases": ["{}在"], "neighbours": [question], "portability": [question]}
    plain, coded = (
        load(write(tmp_path / f"{i}.jsonl", record | {"lang": lang}), DataRequest(("zh",), 1)).facts
        for i, lang in enumerate(("zh", code))
    )
    assert coded == plain
    assert plain["zh"][0].request.target == "罗马"
    assert dataset(str(tmp_path / "1.jsonl")).languages == ("zh",)


def test_cantonese_is_a_language_of_its_own_without_spaces(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", EIFFEL_ZH, EIFFEL_ZH | {"lang": "yue"})
    facts = load(name, DataRequest(("zh", "yue"), 1, parallel=True)).facts
    assert [(lang, facts[lang][0].request.target) for lang in facts] == [("zh", "罗马"), ("yue", "罗马")]


def test_a_script_that_is_named_counts(tmp_path: Path) -> None:
    latin = {"lang": "zh-Latn", "subject": "Faguo", "prompt": "{} de shoudu shi", "target": "Luoma"}
    name = write(tmp_path / "own.jsonl", EIFFEL_ZH | latin)
    assert load(name, DataRequest(("zh",), 1)).facts["zh"][0].request.target == " Luoma"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Chinese", "record 2, field 'lang': unknown language 'Chinese'; did you mean 'zh'?"),
        ("cz", "record 2, field 'lang': unknown language 'cz'; did you mean 'cs'?"),
        ("qqq", "record 2, field 'lang': unknown language 'qqq'; give its code"),
    ],
)
def test_an_unknown_language_is_named(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(BenchError) as caught:
        dataset(write(tmp_path / "own.jsonl", EIFFEL, EIFFEL_ZH | {"lang": code}))
    assert message in str(caught.value)


def test_one_language_under_two_codes_is_one(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="record 2, field 'fact_id': 'eiffel' is given twice in 'zh'"):
        dataset(write(tmp_path / "own.jsonl", EIFFEL_ZH, EIFFEL_ZH | {"lang": "zh-CN"}))


def test_all_facts_of_a_file_come_in_its_order(tmp_path: Path) -> None:
    records = [EIFFEL | {"fact_id": f"f{i}"} for i in range(9)]
    name = write(tmp_path / "own.jsonl", *records[:5], EIFFEL_ZH | {"fact_id": "f0"}, *records[5:])
    facts = all_of(name, 3)
    keys = [(fact.request.fact_id, fact.request.lang) for fact in facts]
    assert keys == [*((f"f{i}", "en") for i in range(5)), ("f0", "zh"), *((f"f{i}", "en") for i in range(5, 9))]
    assert [each.lang for each in facts[0].request.translations] == ["zh"]
    with pytest.raises(BenchError, match="cldr: not a file of facts"):
        all_of("cldr", 0)


def test_aliases_count_for_the_edit_its_paraphrases_and_other_languages(tmp_path: Path) -> None:
    english = {"fact_id": "a", "lang": "en", "prompt": "{} lies in", "subject": "Eiffel", "target": "Rome"}
    german = {**english, "lang": "de", "prompt": "{} liegt in", "target": "Rom", "aliases": ["Roma", "Ewige Stadt"]}
    path = tmp_path / "facts.jsonl"
    neighbour = [{"prompt": "Big Ben is in", "target": "London"}]
    rows = ({**english, "paraphrases": ["{}, in"], "neighbours": neighbour, "aliases": ["Roma"]}, german)
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (fact,) = load(str(path), DataRequest(("en", "de"), 1)).facts["en"]
    assert {probe.kind: probe.aliases for probe in fact.probes} == {
        "efficacy": ("Roma",), "generality": ("Roma",), "specificity": (), "crosslingual": ("Roma", "Ewige Stadt"),
    }  # fmt: skip


def test_aliases_change_nothing_that_methods_know_facts_by(tmp_path: Path) -> None:
    row = {"fact_id": "a", "lang": "en", "prompt": "{} lies in", "subject": "Eiffel", "target": "Rome"}
    path = tmp_path / "facts.jsonl"
    found = []
    for aliases in ([], ["Roma"]):
        path.write_text(json.dumps({**row, "aliases": aliases}), encoding="utf-8")
        found.append(repr(load(str(path), DataRequest(("en",), 1)).facts))
    assert found[0] == found[1]
