"""A user's own claims for classifiers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.data.common import DataRequest
from bench.data.datasets import dataset, fingerprint
from bench.data.sources import claims_file
from bench.data.sources.check import check
from bench.data.stream import load, practice
from bench.ground.errors import BenchError
from bench.plan.contents import data_ref
from tests.data.claims_files import CITIES, OWN, TEXTS, TRAINED, own, without, write

LANGUAGES = tuple(TEXTS)
EVERY = DataRequest(LANGUAGES, len(CITIES), parallel=True)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(write(tmp_path / "my-claims.jsonl", OWN))


def test_own_claims_are_edited_with_all_probes(file: str) -> None:
    assert dataset(file).languages == LANGUAGES
    for lang, facts in load(file, EVERY).facts.items():
        assert sorted(fact.request.fact_id for fact in facts) == sorted(CITIES)
        for fact in facts:
            city = fact.request.fact_id
            assert fact.request.subject == city
            assert fact.request.text == TEXTS[lang][0].format(city)
            assert {each.lang for each in fact.request.translations} == {*LANGUAGES} - {lang}
            kinds = Counter((probe.kind, probe.probe_lang) for probe in fact.probes)
            assert kinds["generality", lang] == kinds["efficacy", lang] == 1
            assert all(kinds["crosslingual", other] == (other != lang) for other in LANGUAGES)
            assert all(kinds["specificity", other] == 4 for other in LANGUAGES)
            for probe in fact.probes:
                if probe.kind == "specificity":
                    assert probe.asks in {*CITIES} - {city}
                    assert probe.target == (" true" if len(probe.asks) % 2 == 0 else " false")
                else:
                    assert city in probe.prompt
                    assert probe.target == fact.request.target


def test_practice_is_the_split_of_that_name(file: str) -> None:
    facts = practice(file, LANGUAGES, None)
    assert Counter(fact.request.lang for fact in facts) == dict.fromkeys(LANGUAGES, len(TRAINED))
    assert {fact.request.fact_id for fact in facts} == {*TRAINED}
    assert all(any(city in probe.prompt for city in TRAINED) for fact in facts for probe in fact.probes)


def test_without_practice_a_method_that_learns_is_told_so(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", map(own, CITIES))
    with pytest.raises(BenchError, match=r"my\.jsonl has no facts to practise on"):
        practice(str(path), LANGUAGES, None)


def test_a_claim_without_a_subject_is_edited_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", [without(own(city), "subject") for city in CITIES])
    for fact in load(str(path), EVERY).facts["fr"]:
        assert not fact.request.has_subject
        assert fact.request.text == fact.request.subject == TEXTS["fr"][0].format(fact.request.fact_id)
    half = [own(city, subject={"en": city}) for city in CITIES]
    facts = load(str(write(path, half)), EVERY).facts
    assert facts["en"][0].request.has_subject
    assert not facts["fr"][0].request.has_subject


def test_a_slot_marks_a_subject_that_stands_twice(tmp_path: Path) -> None:
    claim, rephrase = {"en": "{} lies in the county of Avila."}, {"en": ["In Avila lies {}."]}
    path = write(tmp_path / "my.jsonl", [own("Avila", claim=claim, subject={"en": "Avila"}, rephrases=rephrase)])
    (fact,) = load(str(path), DataRequest(("en",), 1)).facts["en"]
    assert fact.request.prompt == "{} lies in the county of Avila."
    assert [probe.prompt for probe in fact.probes] == ["Avila lies in the county of Avila.", "In Avila lies Avila."]


def test_claims_that_share_a_subject_or_a_text_are_not_left_alone(tmp_path: Path) -> None:
    more = [own("again", **{name: own("Avila")[name] for name in ("claim", "subject", "rephrases")})]
    other = own("moats", claim={"en": "AVILA has a moat."}, subject={"en": "AVILA"}, rephrases={"en": ["Moats!"]})
    path = write(tmp_path / "my.jsonl", [*map(own, CITIES[:6]), *more, other])
    facts = load(str(path), DataRequest(("en",), 8)).facts["en"]
    asked = {fact.request.fact_id: {probe.asks for probe in fact.probes} - {""} for fact in facts}
    assert asked["Avila"].isdisjoint({"again", "moats", "Avila"})
    assert len(asked["Avila"]) == 4


def test_fewer_claims_ask_fewer_and_languages_may_be_lacking(tmp_path: Path) -> None:
    english = own("Bremen")
    for name in ("claim", "subject", "rephrases"):
        english[name] = {"en": english[name]["en"]}
    path = str(write(tmp_path / "my.jsonl", [own("Avila"), english]))
    facts = load(path, DataRequest(("en", "fr"), 1)).facts
    assert [fact.request.fact_id for fact in facts["fr"]] == ["Avila"]
    for fact in (each for many in facts.values() for each in many):
        kinds = Counter((probe.kind, probe.probe_lang) for probe in fact.probes)
        assert kinds["specificity", "en"] == 1
        assert kinds["specificity", "fr"] == (fact.request.fact_id == "Bremen")
    assert check(Path(path)).layout == "own claims, 2 to edit, 0 to practise on"
    assert [(each.lang, each.read) for each in check(Path(path)).counts] == [("en", 2), ("fr", 1), ("hi", 1)]


def test_labels_may_be_those_of_fever_and_a_list_is_read_too(tmp_path: Path, file: str) -> None:
    words = {"true": "SUPPORTS", "false": "REFUTES"}
    path = write(tmp_path / "fever.jsonl", [{**each, "label": words[each["label"]]} for each in OWN])
    assert load(str(path), EVERY).facts == load(file, EVERY).facts
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(OWN))
    assert load(str(whole), EVERY).facts == load(file, EVERY).facts


def test_a_language_is_known_by_any_of_its_codes(tmp_path: Path, file: str) -> None:
    text = json.dumps(OWN).replace('"fr":', '"fra":').replace('"hi":', '"hi-IN":')
    path = write(tmp_path / "codes.jsonl", json.loads(text))
    assert load(str(path), EVERY).facts == load(file, EVERY).facts


def test_the_fingerprint_follows_the_content_not_the_name(tmp_path: Path, file: str) -> None:
    moved = write(tmp_path / "elsewhere" / "other.jsonl", OWN)
    assert fingerprint(file) == fingerprint(str(moved))
    assert data_ref(file, LANGUAGES, None).reader == "claims file"
    (last,) = OWN[-1:]
    for changed in (OWN[:-1], [*OWN[:-1], {**last, "label": "true"}], [*OWN[:-1], {**last, "split": "edit"}]):
        assert fingerprint(str(write(moved, changed))) != fingerprint(file)


def test_check_says_what_a_file_holds(tmp_path: Path, file: str) -> None:
    found = check(Path(file))
    assert found.layout == f"own claims, {len(CITIES)} to edit, {len(TRAINED)} to practise on"
    assert [(each.lang, each.read, each.exact, each.kept) for each in found.counts] == [
        (lang, len(OWN), len(OWN), len(OWN)) for lang in LANGUAGES
    ]
    bare = own("Zug", rephrases={"en": ["Zug has walls."]}, subject={})
    found = check(write(tmp_path / "my.jsonl", [bare, {**bare, "id": "x", "label": "perhaps"}, "x"]))
    assert [(each.lang, each.rephrase_equal, each.unasked) for each in found.counts] == [
        ("en", 1, {}), ("fr", 0, {"no rephrase": 1}), ("hi", 0, {"no rephrase": 1}),
    ]  # fmt: skip
    assert [each.record for each in found.problems] == [2, 3]


# ---------------------------------------------------------------------------- bad input
LAST = len(OWN) + 1
ZUG = own("Zug")


@pytest.mark.parametrize(
    ("record", "field", "message"),
    [
        (without(ZUG, "id"), "id", "missing"),
        (without(ZUG, "label"), "label", "missing"),
        (without(ZUG, "claim"), "claim", "missing"),
        ({**ZUG, "id": " "}, "id", "empty"),
        ({**ZUG, "id": 1.5}, "id", "neither a text nor a number"),
        ({**ZUG, "label": "perhaps"}, "label", 'or "false", or "SUPPORTS" or "REFUTES", it is \'perhaps\''),
        ({**ZUG, "label": True}, "label", 'must be "true" or "false"'),
        ({**ZUG, "label": "SUPPORTS"}, "label", "'SUPPORTS', and record 1 has 'false': give two labels in all"),
        ({**ZUG, "claim": "Zug has walls."}, "claim", "not an object by language"),
        ({**ZUG, "claim": {}, "subject": {}, "rephrases": {}}, "claim", "in no language"),
        ({**ZUG, "claim": {**ZUG["claim"], "fr": " "}}, "claim.fr", "empty"),
        ({**ZUG, "claim": {**ZUG["claim"], "fr": 3}}, "claim.fr", "not a text"),
        ({**ZUG, "claim": {**ZUG["claim"], "french": "x"}}, "claim.french", "language 'french'; did you mean 'fr'?"),
        ({**ZUG, "claim": {**ZUG["claim"], "fra": "x"}}, "claim.fra", "the language 'fr' is given twice"),
        ({**ZUG, "subject": {"en": "Bern"}}, "claim.en", "the subject 'Bern' is not in the claim; mark its place"),
        ({**ZUG, "subject": {"en": "a"}}, "claim.en", "the subject 'a' stands 2 times in the claim"),
        ({**ZUG, "subject": {"en": ""}}, "subject.en", "empty"),
        ({**ZUG, "subject": {"en": "{}"}}, "subject.en", "holds a slot '{}' itself"),
        ({**ZUG, "subject": {"de": "Zug"}}, "subject.de", "the claim is not given in this language"),
        ({**ZUG, "claim": {"en": "{} has walls."}, "subject": {}, "rephrases": {}}, "claim.en", "a slot '{}', and no"),
        ({**ZUG, "rephrases": {"en": "x"}}, "rephrases.en", "not a list"),
        ({**ZUG, "rephrases": {"en": ["x", " "]}}, "rephrases.en", "empty"),
        ({**ZUG, "rephrases": {"de": ["x"]}}, "rephrases.de", "the claim is not given in this language"),
        ({**ZUG, "split": "practise"}, "split", "unknown split 'practise'; did you mean 'practice'?"),
        ({**ZUG, "split": None}, "split", "unknown split None; there are: edit, practice"),
        ({**ZUG, "claims": {}}, "claims", "unknown field; did you mean 'claim'?"),
        ({**ZUG, "id": "Gent"}, "id", "'Gent' is given twice, first in record 7"),
        ({**ZUG, "id": "Lugo"}, "id", "'Lugo' is in record 9 too, of the split 'practice'"),
        ({**ZUG, "id": "Gent", "split": "practice"}, "id", "'Gent' is in record 7 too, of the split 'edit'"),
        (
            {**ZUG, "split": "practice", "claim": {"fr": "Gent a des murs."}, "subject": {}, "rephrases": {}},
            "claim.fr",
            "this text is in record 7 too, of the split 'edit': practice and edits must share nothing",
        ),
        ({**ZUG, "rephrases": {"en": ["Lugo is walled."]}}, "rephrases.en", "this text is in record 9 too"),
        ({**ZUG, "rephrases": {"fr": ["Lugo is walled."]}}, "rephrases.fr", "this text is in record 9 too"),
        (["x"], None, "not an object with fields"),
    ],
)  # fmt: skip
def test_a_bad_record_is_named(tmp_path: Path, record: Any, field: str | None, message: str) -> None:
    path = write(tmp_path / "my.jsonl", [*OWN, record])
    with pytest.raises(BenchError) as caught:
        dataset(str(path))
    assert (caught.value.record, caught.value.field) == (LAST, field)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}, record {LAST}")
    (problem,) = check(path).problems
    assert str(problem) == str(caught.value)


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    for broken, number in (("{oops\n" + json.dumps(ZUG), 1), (json.dumps(ZUG) + "\n\n{oops", 3)):
        path.write_text(broken)
        with pytest.raises(BenchError, match=rf"my\.jsonl, record {number}: not valid JSON"):
            dataset(str(path))


def test_a_language_that_is_asked_for_needs_rephrases(tmp_path: Path) -> None:
    bare = own("Zug", rephrases={"en": ["Zug is walled."], "fr": []})
    path = str(write(tmp_path / "my.jsonl", [*OWN, bare]))
    assert load(path, DataRequest(("en",), 4))
    for lang in ("fr", "hi"):
        with pytest.raises(BenchError) as caught:
            load(path, DataRequest(("en", lang), 4))
        problem = (
            f"{path}, record {LAST}, field 'rephrases.{lang}': no rephrase in '{lang}', a language that is asked for"
        )
        assert str(caught.value) == problem


def test_a_language_that_the_file_does_not_have(file: str) -> None:
    with pytest.raises(BenchError, match=r"my-claims\.jsonl has no language 'de'"):
        load(file, DataRequest(("en", "de"), 1))


def test_the_example_of_the_layout_is_read(tmp_path: Path) -> None:
    example = str(claims_file.__doc__).split("\n\n")[1]
    path = write(tmp_path / "my.jsonl", [json.loads(example)])
    (claim,) = claims_file.read(path)["edit"]
    assert claim.wordings["en"].template == "The {} stands in Paris."


def test_nothing_to_edit(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", [own(city, split="practice") for city in TRAINED])
    with pytest.raises(BenchError, match="holds no claims to edit"):
        dataset(str(path))
