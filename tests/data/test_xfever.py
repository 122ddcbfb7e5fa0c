"""XFEVER in the layout that XME, MEND and KE read."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.data.common import DataRequest
from bench.data.datasets import dataset, fingerprint
from bench.data.sources.check import check
from bench.data.stream import load, practice
from bench.ground.errors import BenchError
from tests.data.claims_files import (
    CITIES,
    NAMES,
    TEXTS,
    TRAINED,
    edits_of,
    released,
    training_of,
    write,
    write_xfever,
)

ALL = len(CITIES)
LANGUAGES = tuple(TEXTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_xfever(tmp_path)


def request(folder: Path, *languages: str, count: int = ALL, seed: int = 0, parallel: bool = True) -> DataRequest:
    return DataRequest(languages or LANGUAGES, count, seed, folder, parallel)


def file_of(folder: Path, lang: str = "en") -> Path:
    return folder / "xfever" / f"fever_dev_1200 - {NAMES[lang]}.jsonl"


def texts(city: str, lang: str) -> tuple[str, list[str]]:
    text, more = TEXTS[lang]
    return text.format(city), [each.format(city) for each in more]


def test_an_edit_asks_itself_a_rephrase_and_other_claims_in_every_language(folder: Path) -> None:
    for lang, facts in load("xfever", request(folder)).facts.items():
        assert sorted(fact.request.fact_id for fact in facts) == [f"xfever/{i}" for i in range(ALL)]
        for fact in facts:
            city = CITIES[int(fact.request.fact_id.split("/")[1])]
            assert fact.request.text == texts(city, lang)[0]
            assert not fact.request.has_subject
            assert {each.lang: each.text for each in fact.request.translations} == {
                other: texts(city, other)[0] for other in LANGUAGES if other != lang
            }
            kinds = Counter((probe.kind, probe.probe_lang) for probe in fact.probes)
            own = {("efficacy", lang): 1, ("generality", lang): 1}
            others = {("crosslingual", other): 1 for other in LANGUAGES if other != lang}
            assert kinds == own | others | {("specificity", other): 4 for other in LANGUAGES}
            for probe in fact.probes:
                if probe.kind in ("generality", "crosslingual"):
                    assert probe.prompt in texts(city, probe.probe_lang)[1]
                assert (probe.target == fact.request.target) or probe.kind == "specificity"


def test_the_label_is_the_prediction_or_its_alternative_by_a_coin_alike_in_all_languages(folder: Path) -> None:
    flipped = set()
    for seed in range(8):
        facts = load("xfever", request(folder, seed=seed)).facts
        targets = {lang: {f.request.fact_id: f.request.target for f in each} for lang, each in facts.items()}
        assert targets["en"] == targets["fr"] == targets["hi"]
        for name, target in targets["en"].items():
            said = " true" if int(name.split("/")[1]) % 2 else " false"
            assert target in (" true", " false")
            flipped.add((name, target != said))
    assert len(flipped) == 2 * ALL


def test_edits_go_by_the_prediction_and_not_by_what_is_true(folder: Path) -> None:
    def targets() -> dict[str, str]:
        return {fact.request.fact_id: fact.request.target for fact in load("xfever", request(folder, "en")).facts["en"]}

    before = targets()
    write(file_of(folder), [{**each, "output": [{"answer": "SUPPORTS"}]} for each in edits_of("en")])
    assert targets() == before
    turned = [
        {**each, "prediction": each["alternatives"][0], "alternatives": [each["prediction"]]} for each in edits_of("en")
    ]
    write(file_of(folder), turned)
    assert {name: {" true": " false", " false": " true"}[target] for name, target in targets().items()} == before


def test_locality_asks_inputs_in_the_language_of_the_edit_and_rephrases_too_in_others(folder: Path) -> None:
    seen = set()
    for seed in range(5):
        for lang, facts in load("xfever", request(folder, seed=seed)).facts.items():
            for fact in facts:
                asked: dict[str, list[str]] = {}
                for probe in (each for each in fact.probes if each.kind == "specificity"):
                    number = int(probe.asks.split("/")[1])
                    claim, rephrases = texts(CITIES[number], probe.probe_lang)
                    assert probe.asks != fact.request.fact_id
                    assert probe.target == (" true" if number % 3 else " false")
                    assert probe.prompt == claim if probe.probe_lang == lang else probe.prompt in (claim, *rephrases)
                    asked.setdefault(probe.probe_lang, []).append(probe.asks)
                    seen.add((probe.probe_lang == lang, probe.prompt == claim))
                # the same claims in every language
                assert asked["en"] == asked["fr"] == asked["hi"]
                assert len(set(asked["en"])) == 4
    assert seen == {(True, True), (False, True), (False, False)}


def test_what_a_language_asks_does_not_depend_on_the_others(folder: Path) -> None:
    alone = load("xfever", request(folder, "fr")).facts["fr"]
    among = load("xfever", request(folder)).facts["fr"]
    for one, other in zip(alone, among, strict=True):
        assert one.probes == tuple(probe for probe in other.probes if probe.probe_lang == "fr")


def test_lines_without_alternatives_or_rephrases_are_dropped_and_counted(folder: Path) -> None:
    spoilt = edits_of("en")
    spoilt[1]["alternatives"] = []
    spoilt[2]["filtered_rephrases"] = []
    spoilt[3]["filtered_rephrases"] = [" "]
    spoilt[4]["filtered_rephrases"] += ["", " ", "\t"]
    write(file_of(folder), spoilt)
    loaded = load("xfever", request(folder, "en", count=ALL - 3))
    (count,) = loaded.report
    assert (count.read, count.kept) == (ALL, ALL - 3)
    assert count.dropped == {"no alternative": 1, "no rephrase": 2}
    assert count.unasked == {"blank rephrase": 3}
    for seed in range(8):
        facts = load("xfever", request(folder, "en", count=ALL - 3, seed=seed)).facts["en"]
        assert all(probe.prompt for fact in facts for probe in fact.probes)
    # what other languages ask goes by the line, not by the place among those that are kept
    english = load("xfever", request(folder, count=ALL - 3)).facts["en"]
    for fact in english:
        city = CITIES[int(fact.request.fact_id.split("/")[1])]
        assert all(city in each.text for each in fact.request.translations)


def test_a_claim_without_rephrases_in_another_language_is_asked_as_it_stands_there(folder: Path) -> None:
    spoilt = edits_of("en")
    for each in spoilt:
        each["fr_filtered_rephrases"] = []
    write(file_of(folder), spoilt)
    for fact in load("xfever", request(folder)).facts["en"]:
        (french,) = (probe for probe in fact.probes if (probe.kind, probe.probe_lang) == ("crosslingual", "fr"))
        assert french.prompt == next(each.text for each in fact.request.translations if each.lang == "fr")


# ---------------------------------------------------------------------------- practice
def test_practice_is_of_the_training_files(folder: Path) -> None:
    facts = practice("xfever", LANGUAGES, folder)
    assert Counter(fact.request.lang for fact in facts) == dict.fromkeys(LANGUAGES, len(TRAINED))
    for fact in facts:
        assert any(city in fact.request.text for city in TRAINED)
        assert {probe.probe_lang for probe in fact.probes} == {fact.request.lang}
        assert Counter(probe.kind for probe in fact.probes) == {"efficacy": 1, "generality": 1, "specificity": 4}
    asked = {
        probe.prompt for each in load("xfever", request(folder)).facts.values() for f in each for probe in f.probes
    }
    assert asked.isdisjoint(probe.prompt for fact in facts for probe in fact.probes)


@pytest.mark.parametrize(
    "shared", [{"id": 3}, {"input": "Delft has walls."}, {"filtered_rephrases": ["There are walls in Delft."]}]
)
def test_practice_that_is_edited_or_asked_is_left_out(folder: Path, shared: dict[str, Any]) -> None:
    write(folder / "xfever" / "fever-train-kilt.jsonl", [*training_of("en"), released("Tartu", 200, "en", **shared)])
    assert len(practice("xfever", ["en"], folder)) == len(TRAINED)


def test_where_only_test_files_lie_practice_says_what_is_missing(tmp_path: Path) -> None:
    folder = write_xfever(tmp_path, trained=False)
    assert load("xfever", request(folder)).facts
    with pytest.raises(BenchError, match=r"fever_train - hindi-1L\.jsonl: no such file, and editors practise on it in"):
        practice("xfever", ["hi"], folder)


# ---------------------------------------------------------------------------- identity, single files
def test_the_fingerprint_follows_every_file(folder: Path) -> None:
    found = [fingerprint("xfever", folder)]
    for name in ("fever_dev_1200 - french.jsonl", "fever-train-kilt.jsonl"):
        path = folder / "xfever" / name
        path.write_text(path.read_text().replace("Lugo", "Lodz").replace("Gent", "Gela"))
        found.append(fingerprint("xfever", folder))
    (folder / "xfever" / "fever_train - hindi-1L.jsonl").unlink()
    found.append(fingerprint("xfever", folder))
    assert len(set(found)) == 4


def test_a_file_is_taken_as_it_is_in_all_its_languages(folder: Path, tmp_path: Path) -> None:
    own = shutil.copy(file_of(folder), tmp_path / "any english.jsonl")
    assert dataset(str(own)).languages == LANGUAGES
    loaded = load(str(own), request(folder))
    assert loaded.facts["en"] == load("xfever", request(folder)).facts["en"]
    assert [each.kept for each in loaded.report] == [ALL] * 3
    one = fingerprint(str(own))
    own.write_text(own.read_text().replace("Gent", "Gela"))
    assert fingerprint(str(own)) != one
    with pytest.raises(BenchError, match="no facts to practise on"):
        practice(str(own), ["en"], None)


def test_check_counts_each_language(folder: Path) -> None:
    spoilt = edits_of("fr")
    spoilt[0]["filtered_rephrases"] = []
    spoilt[1]["hi_filtered_rephrases"] = []
    found = check(write(file_of(folder, "fr"), spoilt))
    assert found.layout == "xfever"
    assert [(each.lang, each.read, each.kept) for each in found.counts] == [("fr", 8, 7), ("en", 8, 7), ("hi", 8, 6)]
    assert check(folder / "xfever" / "fever-train-kilt.jsonl").counts[0].lang == "en"


def test_the_language_of_a_file_is_told_by_its_name_or_its_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", edits_of("en"))
    with pytest.raises(BenchError, match="the name must tell the language"):
        dataset(str(path))
    every = {f"{lang}_input": "x" for lang in ("fr", "es", "hi", "gu", "bn", "ta", "ml", "kn", "ar", "zh")}
    lists = {f"{name[:2]}_filtered_rephrases": ["y"] for name in every}
    path = write(tmp_path / "some.jsonl", [{**edits_of("en")[0], **every, **lists}])
    assert dataset(str(path)).languages[0] == "en"
    assert len(dataset(str(path)).languages) == 11


# ---------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "record 3, field 'id': neither a number nor a text"),
        ({"id": 0}, "record 3, field 'id': given twice, first in record 1"),
        ({"input": " "}, "record 3, field 'input': empty"),
        ({"fr_input": 7}, "record 3, field 'fr_input': not a text"),
        ({"prediction": "NOT ENOUGH INFO"}, "field 'prediction': must be SUPPORTS or REFUTES, it is 'NOT ENOUGH INFO'"),
        ({"alternatives": ["maybe"]}, "record 3, field 'alternatives.0': must be SUPPORTS or REFUTES"),
        ({"alternatives": ["REFUTES"]}, "record 3, field 'alternatives.0': is the prediction, and no other label"),
        ({"alternatives": "SUPPORTS"}, "record 3, field 'alternatives': not a list"),
        ({"output": []}, "record 3, field 'output.0.answer': must be SUPPORTS or REFUTES"),
        ({"filtered_rephrases": [1]}, "record 3, field 'filtered_rephrases': not a list of texts"),
        ({"fr_filtered_rephrases": None}, "record 3, field 'fr_filtered_rephrases': not a list"),
    ],
)
def test_a_bad_record_is_named(folder: Path, change: dict[str, Any], message: str) -> None:
    spoilt = edits_of("en")
    write(file_of(folder), [*spoilt[:2], spoilt[2] | change, *spoilt[3:]])
    with pytest.raises(BenchError) as caught:
        load("xfever", request(folder))
    assert message in str(caught.value)
    assert str(file_of(folder)) in str(caught.value)


def test_files_and_languages_that_are_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"fever_dev_1200 - spanish\.jsonl: no such file"):
        load("xfever", request(folder, "es"))
    with pytest.raises(BenchError, match="xfever has no language 'de'"):
        load("xfever", request(folder, "de"))
    write(folder / "xfever" / "fever_dev_1200 - spanish.jsonl", spanish_records())
    with pytest.raises(BenchError, match=r"english\.jsonl, record 1, field 'es_input': missing"):
        load("xfever", request(folder, "en", "es"))
    with pytest.raises(BenchError, match=r"fever_dev_1200 - \{language\}\.jsonl .* into <folder>/xfever/"):
        load("xfever", DataRequest(("en",), 1))
    file_of(folder).write_text("\n")
    with pytest.raises(BenchError, match="holds no claims"):
        load("xfever", request(folder, "en"))


def spanish_records() -> list[dict[str, Any]]:
    return [{**each, "en_input": each["input"], "en_filtered_rephrases": ["x"]} for each in edits_of("en")]
