from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.data.common import DataRequest
from bench.data.sources.shared_span import Asked, Finder
from bench.data.stream import load
from bench.ground.errors import BenchError

PEOPLE = ("Ada Lovelace", "Clara Bow", "Daphne du Maurier", "Niels Bohr", "Rosa Parks", "Yao Ming")
TEXTS = {
    "en": ("Where was {} born and raised?", "{} was born and raised in {}."),
    "de": ("In welcher Stadt wurde {} geboren?", "{} wurde in der Stadt {} geboren."),
    "zh": ("{}出生于哪个城市？", "{}出生于{}。"),
}
CITIES = {"en": ("London", "Rome"), "de": ("London", "Rom"), "zh": ("伦敦", "罗马")}
CHINESE = ("阿达·洛芙莱斯", "克拉拉·鲍", "达夫妮·杜穆里埃", "尼尔斯·玻尔", "罗莎·帕克斯", "姚明")


def record(lang: str, person: str) -> dict[str, Any]:
    question, statement = TEXTS[lang]
    old, new = CITIES[lang]
    return {
        "question": question.format(person),
        "o_prompt": statement.format(person, old),
        "o_answer": old,
        "o_answer_aliases": [],
        "e_prompt": statement.format(person, new),
        "e_answer": new,
        "e_answer_aliases": ["x"],
    }


def write(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, ensure_ascii=False, indent=4), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # 60 records: words of the question are common, names are not
    many = [f"{person} {number}" for number in range(10) for person in PEOPLE]
    chinese = [f"{person}{chr(0x4E00 + 11 * number)}" for number in range(10) for person in CHINESE]
    for lang in ("en", "de"):
        write(tmp_path / f"mlake/single_hop/{lang}_qa.json", [record(lang, person) for person in many])
    write(tmp_path / "mlake/single_hop/zh_qa.json", [record("zh", person) for person in chinese])
    hop = {"question": "In welchem Land?", "e_prompt": record("en", many[3])["e_prompt"], "e_answer": "Italien"}
    write(tmp_path / "mlake/multi_hop/new_de_qa.json", [hop])
    return tmp_path


def facts(folder: Path, *languages: str, count: int = 60) -> Any:
    return load("mlake", DataRequest(languages, count, 0, folder, parallel=True))


def test_edit_and_probes_of_a_fact(folder: Path) -> None:
    loaded = facts(folder, "en", "de")
    (fact,) = (each for each in loaded.facts["de"] if each.request.fact_id == "mlake/3")
    assert fact.request.prompt == "In welcher Stadt wurde {} geboren?"
    assert (fact.request.subject, fact.request.target) == ("Niels Bohr 0", " Rom")
    asked = [(probe.kind, probe.probe_lang, probe.prompt, probe.target) for probe in fact.probes]
    assert asked == [
        ("efficacy", "de", "In welcher Stadt wurde Niels Bohr 0 geboren?", " Rom"),
        ("portability", "de", "In welchem Land?", " Italien"),
        ("crosslingual", "en", "Where was Niels Bohr 0 born and raised?", " Rome"),
    ]
    assert [probe.aliases for probe in fact.probes] == [("x",), (), ("x",)]
    assert loaded.how["de", "mlake/3"] == "alike"
    assert [(count.lang, count.named, count.alike, count.kept) for count in loaded.report] == [
        ("en", 60, 0, 60),
        ("de", 0, 60, 60),
    ]


def test_one_hop_and_two_come_out_as_efficacy_and_portability(folder: Path) -> None:
    statement = record("en", "Yao Ming 4")["e_prompt"]
    hops = [
        {"question": "Which country was Yao Ming 4 born in?", "e_prompt": statement, "e_answer": "Italy"},
        {"question": "Which river flows there?", "e_prompt": statement, "e_answer": "Tiber"},
        {"question": "Where was nobody born?", "e_prompt": "Nobody was born.", "e_answer": "Nowhere"},
    ]
    write(folder / "mlake/multi_hop/new_en_qa.json", hops)
    loaded = facts(folder, "en", "de").facts
    asked = [(p.kind, p.probe_lang, p.prompt, p.target) for fact in loaded["en"] for p in fact.probes]
    assert sum(kind == "efficacy" for kind, *_ in asked) == 60
    assert [each for each in asked if each[0] == "portability"] == [
        ("portability", "en", "Which country was Yao Ming 4 born in?", " Italy"),
        ("portability", "en", "Which river flows there?", " Tiber"),
    ]
    # its own questions in each language, tied by the English statement of the edit
    (german,) = (p for fact in loaded["de"] for p in fact.probes if p.kind == "portability")
    assert (german.fact_id, german.edit_lang, german.probe_lang) == ("mlake/3", "de", "de")
    (carrier,) = {p.fact_id for fact in loaded["en"] for p in fact.probes if p.kind == "portability"}
    assert carrier == "mlake/29"


def test_translations_are_the_records_whose_subject_was_found(folder: Path) -> None:
    path = folder / "mlake/single_hop/de_qa.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    records[0]["question"] = "Wo?"
    write(path, records)
    loaded = load("mlake", DataRequest(("en", "de", "zh"), 10, 0, folder)).facts
    edits = {(lang, fact.request.fact_id): fact.request for lang, each in loaded.items() for fact in each}
    assert {other.lang for (lang, _), edit in edits.items() if lang == "zh" for other in edit.translations} >= {"en"}
    for (lang, fact_id), edit in edits.items():
        others = {each.lang: each for each in edit.translations}
        assert ("de" in others) == (lang != "de" and fact_id != "mlake/0")
        if "en" in others:
            person = others["en"].subject
            assert others["en"].text == TEXTS["en"][0].format(person)
            assert lang == "zh" or edit.subject == person
        assert all(each.target.strip() == CITIES[other][1] for other, each in others.items())
    english = facts(folder, "en").facts["en"]
    assert not any(fact.request.translations for fact in english)


def test_no_space_before_a_chinese_target(folder: Path) -> None:
    fact = facts(folder, "zh", count=1).facts["zh"][0]
    assert fact.request.target == "罗马"
    assert fact.request.prompt.endswith("出生于哪个城市？")


def test_half_a_name_is_dropped_where_english_tells_the_whole(folder: Path) -> None:
    path = folder / "mlake/single_hop/de_qa.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    # the statement says less of the name than the question
    records[0]["e_prompt"] = "Lovelace 0 wurde in der Stadt Rom geboren."
    write(path, records)
    loaded = facts(folder, "en", "de", count=59)
    assert dict(loaded.report[1].dropped) == {"unlike the English subject": 1}
    assert "mlake/0" not in {fact.request.fact_id for fact in loaded.facts["de"]}


def test_chinese_names_end_before_function_words(folder: Path) -> None:
    loaded = facts(folder, "zh")
    subjects = {fact.request.fact_id: fact.request.subject for fact in loaded.facts["zh"]}
    assert subjects["mlake/1"] == CHINESE[1] + "一"
    assert {subject[:-1] for subject in subjects.values()} == set(CHINESE)
    assert [count.framed for count in loaded.report] == [60]


def test_question_that_shares_nothing_is_dropped_and_counted(folder: Path) -> None:
    path = folder / "mlake/single_hop/de_qa.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    records[0]["question"] = "Wo?"
    write(path, records)
    loaded = facts(folder, "de", count=59)
    assert dict(loaded.report[0].dropped) == {"no span shared with the statement": 1}


def test_files_must_be_parallel_and_sound(folder: Path) -> None:
    path = folder / "mlake/single_hop/de_qa.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    write(path, records[1:])
    with pytest.raises(BenchError, match=r"de_qa.json: 59 records where English has 60"):
        facts(folder, "de")
    del records[4]["e_answer"]
    write(path, records)
    with pytest.raises(BenchError, match=r"de_qa.json, record 4, field 'e_answer': missing"):
        facts(folder, "de")
    with pytest.raises(BenchError, match="mlake has no language 'nl'"):
        facts(folder, "nl")


FILLER = [Asked(f"Which country is credited as the place where the film {n} originated?",
                f"The film {n} originated in the country of X.", "X") for n in "abcdefghij"] * 8  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "question", "statement", "answer", "english", "subject"),
    [
        ("en", "In which country did the film 'The Sting' originate?",
         "The film \"The Sting\" originated in Spain.", "Spain", "", "The Sting"),
        ("en", "Who founded the University of Utah?", "Rockefeller founded the University of Utah.",
         "Rockefeller", "", "University of Utah"),
        ("en", "Which company developed Windows Phone 7.x?", "IBM developed Windows Phone 7.x.", "IBM", "",
         "Windows Phone 7.x"),
        ("fr", "Quel rôle Oliver Kahn excellait-il à jouer ?", "Oliver Kahn excellait-il en défenseur.",
         "défenseur", "What role did Oliver Kahn fulfill?", "Oliver Kahn"),
        ("de", "Wo verstarb der Musiker Frank Zappa?", "Der Musiker Frank Zappa verstarb in Rom.", "Rom",
         "Where did Frank Zappa die?", "Frank Zappa"),
        ("de", "Auf welchem Kontinent liegt Kanada?", "Kanada liegt auf dem Kontinent Asien.", "Asien",
         "On which continent is Canada located?", "Kanada"),
        ("fr", "D'où provient la bossa nova ?", "La bossa nova provient du Japon.", "Japon",
         "Where does bossa nova originate?", "bossa nova"),
    ],
)  # fmt: skip
def test_subject_is_what_question_and_statement_share(
    lang: str, question: str, statement: str, answer: str, english: str, subject: str
) -> None:
    asked = Asked(question, statement, answer)
    span = Finder.of(lang, [*FILLER, asked]).find(asked, english)
    assert span is not None
    assert question[span.start : span.end] == subject


def test_the_answer_is_no_subject() -> None:
    asked = Asked("Is Rome the home of it?", "Rome is.", "Rome")
    span = Finder.of("en", [*FILLER, asked]).find(asked)
    assert span is None or asked.question[span.start : span.end] != "Rome"


@pytest.mark.parametrize(
    ("aliases", "problem"), [("Roma", "not a list"), (["Roma", 3], "not a text"), ([" "], "empty")]
)
def test_aliases_that_are_none_are_named(folder: Path, aliases: Any, problem: str) -> None:
    path = folder / "mlake/single_hop/de_qa.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    records[4]["e_answer_aliases"] = aliases
    write(path, records)
    with pytest.raises(BenchError, match=rf"de_qa.json, record 4, field 'e_answer_aliases': .*{problem}"):
        facts(folder, "de")
