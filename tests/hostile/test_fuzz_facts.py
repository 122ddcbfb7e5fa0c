"""Every layout of facts, spoilt: refused with its file and record, or read whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.api import Fact
from bench.data import datasets
from bench.data.common import Checked, DataRequest, LoadedData
from bench.data.sources import check, claims_file, counterfact, facts_file, mlake, mzsre, xfever, zsre
from bench.trace.facts import Question, questions
from tests.data import claims_files, layouts
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz, is_one_line
from tests.hostile.spoiling import Draw, Spoilt

CITIES = ("Avila", "Bremen", "Cadiz", "Delft")
EXAMPLES = 30

OWN = [
    {
        "fact_id": city,
        "lang": lang,
        "prompt": "The mayor of {} is",
        "subject": city,
        "target": f"{city}er 😀",
        "paraphrases": [f"Who governs {city}? It is"],
        "neighbours": [{"prompt": "The mayor of Rome is", "target": "Otto"}],
        "portability": [{"prompt": "The mayor's town is", "target": "far"}],
        "note": "x",
    }
    for city in CITIES
    for lang in ("en", "de")
]
COUNTERFACT = [
    {
        "case_id": number,
        "requested_rewrite": {
            "prompt": "{} lies in",
            "subject": city,
            "target_new": {"str": "Peru"},
            "target_true": {"str": "Spain"},
        },
        "paraphrase_prompts": [f"{city} is found in"],
        "neighborhood_prompts": ["Rome lies in", "Paris lies in"],
    }
    for number, city in enumerate(CITIES)
]


def zsre_record(city: str, question: str = "Where is {}?") -> dict[str, Any]:
    return {
        "subject": city,
        "src": question.format(city),
        "rephrase": f"{question.format(city)} .",
        "alt": f"{city}land",
        "loc": "who sings",
        "loc_ans": "ABBA",
        "portability": {"New Question": "And near it?", "New Answer": "Nothing"},
    }


def knowedit_record(city: str) -> dict[str, Any]:
    asked = [{"prompt": "Near it is", "ground_truth": [["Nothing", "None"]]}]
    return {
        "subject": city,
        "prompt": f"Where is {city}?",
        "target_new": f"{city}land",
        "portability": {"Reasoning": asked},
        "locality": {"Relation_Specificity": asked},
    }


MZSRE = {
    code: [{"en": zsre_record(city), code: zsre_record(city, question)} for city in CITIES]
    for code, question in {"de": "Wo liegt {}?", "du": "Waar ligt {}?"}.items()
}
MLAKE = {
    lang: [
        {
            "question": question.format(city),
            "o_prompt": "x", "o_answer": "y",
            "e_prompt": statement.format(city, f"{city}ia"),
            "e_answer": f"{city}ia",
        }
        for city in CITIES
    ]
    for lang, question, statement in (
        ("en", "Who founded Saint {}?", "Saint {} was founded by {}."),
        ("de", "Wer hat Saint {} gegründet?", "Saint {} wurde von {} gegründet."),
    )
}  # fmt: skip


XFEVER = {
    f"xfever/fever_dev_1200 - {name}.jsonl": claims_files.edits_of(lang)
    for lang, name in claims_files.NAMES.items()
    if lang in ("en", "fr")
}


def written(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def by_lines(docs: Iterable[Any]) -> str:
    return "".join(f"{spoiling.dumps(doc)}\n" for doc in docs)


def writer(files: dict[str, Any], dumps: Callable[[Any], str] = spoiling.dumps) -> Callable[[Path], list[Path]]:
    return lambda root: [written(root, name, dumps(doc)) for name, doc in files.items()]


def values(files: dict[str, Any], dumps: Callable[[Any], str] = spoiling.dumps) -> Callable[[Draw, Path], Spoilt]:
    """Spoil a value of the document that a file was written from."""

    def spoil(draw: Draw, path: Path) -> Spoilt:
        doc = next(doc for name, doc in files.items() if path.as_posix().endswith(f"/{name}"))
        changed, spoilt = spoiling.document(draw, doc)
        # a file of lines has no whole
        path.write_text(dumps(changed if isinstance(changed, list) else [changed]), encoding="utf-8")
        return spoilt

    def spoil_json(draw: Draw, path: Path) -> Spoilt:
        doc = next(doc for name, doc in files.items() if path.as_posix().endswith(f"/{name}"))
        changed, spoilt = spoiling.document(draw, doc)
        path.write_text(dumps(changed), encoding="utf-8")
        return spoilt

    return spoil_json if dumps is spoiling.dumps else spoil


def ways(files: dict[str, Any], dumps: Callable[[Any], str] = spoiling.dumps) -> list[Callable[[Draw, Path], Spoilt]]:
    spoil = values(files, dumps)
    return [spoil, spoil, spoil, spoiling.content, spoiling.content, spoiling.place]


def parsed(path: Path) -> list[Any]:
    """Records by another way than the reader's."""
    text = path.read_bytes().decode("utf-8-sig")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in re.split(r"\r\n?|\n", text) if line.strip()]
    found: list[Any] = json.loads(text)
    return found


# ---------------------------------------------------------------------------- what is whole
def is_text(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.encode().decode() == text


def sound(fact: Fact) -> None:
    request = fact.request
    assert all(map(is_text, (request.fact_id, request.lang, request.subject, request.target)))
    assert request.prompt.count("{}") == 1
    assert all(is_text(probe.prompt) and is_text(probe.target) for probe in fact.probes)
    assert fact.probes[0].kind == "efficacy"


def own_is_whole(path: Path, facts: facts_file.Facts) -> None:
    records = parsed(path)
    assert len(facts) == len(records) > 0
    for fact, record in zip(facts.values(), records, strict=True):
        sound(fact)
        lists = (record.get(name) or [] for name in ("paraphrases", "neighbours", "portability"))
        assert len(fact.probes) == 1 + sum(map(len, lists))


def claims_are_whole(path: Path, claims: claims_file.Claims) -> None:
    records = parsed(path)
    assert sum(map(len, claims.values())) == len(records) > 0
    for record in records:
        (claim,) = (each for each in claims[record.get("split", "edit")] if each.claim_id == str(record["id"]).strip())
        assert len(claim.wordings) == len(record["claim"])
        assert all(is_text(text) for each in claim.wordings.values() for text in (each.text, *each.rephrases))


def loaded_is_whole(paths: Sequence[str], root: Path, loaded: LoadedData) -> None:
    """Every record is a fact, or was left out and counted."""
    records = {len(parsed(root / path)) for path in paths}
    assert {count.read for count in loaded.report} == records
    for count in loaded.report:
        facts = loaded.facts[count.lang]
        assert len(facts) == count.kept
        for fact in facts:
            sound(fact)


def cases_are_whole(paths: Sequence[str], root: Path, loaded: LoadedData) -> None:
    """Every case of any file is a fact in all languages, or was left out in one of them and counted."""
    docs = [parsed(root / path) for path in paths]
    records = [record for doc in docs for record in (doc.values() if isinstance(doc, dict) else doc)]
    most = sum(len(record.get("relations", "x")) for record in records)
    dropped = sum(count.read - count.kept for count in loaded.report)
    for count in loaded.report:
        facts = loaded.facts[count.lang]
        assert 0 < count.read <= most
        # a fact is drawn where every language kept it
        assert count.read - dropped <= len(facts) <= count.kept
        for fact in facts:
            sound(fact)


def asked_is_whole(root: Path, found: dict[str, list[Question]]) -> None:
    assert len(found["en"]) == len(parsed(root / "counterfact/counterfact.json"))
    for question in found["en"]:
        assert question.text[slice(*question.span)] == question.subject != ""


def checked(path: Path) -> Checked:
    """What `bench data check` finds; the first problem is raised, for a reader refuses it then."""
    found = check.check(path)
    for problem in found.problems:
        is_one_line(problem, [path])
    if found.problems:
        raise found.problems[0]
    return found


def checked_is_whole(name: str, root: Path, found: Checked) -> None:
    # own facts are counted by language, other records with all of theirs
    numbers = [count.read for count in found.counts]
    assert ({sum(numbers)} if found.layout == "own facts" else {*numbers}) == {len(parsed(root / name))}


def request(root: Path, *languages: str) -> DataRequest:
    return DataRequest(languages, 1000, 0, root, parallel=True)


# ---------------------------------------------------------------------------- readers
def own(suffix: str, dumps: Callable[[Any], str]) -> Reader:
    name = f"facts{suffix}"
    return Reader(
        f"own facts, {suffix}",
        writer({name: OWN}, dumps),
        ways({name: OWN}, dumps),
        lambda root: facts_file.read(root / name),
        lambda root, facts: own_is_whole(root / name, facts),
        records=True,
    )


def own_claims(suffix: str, dumps: Callable[[Any], str]) -> Reader:
    name = f"claims{suffix}"
    return Reader(
        f"own claims, {suffix}",
        writer({name: claims_files.OWN}, dumps),
        ways({name: claims_files.OWN}, dumps),
        lambda root: claims_file.read(root / name),
        lambda root, claims: claims_are_whole(root / name, claims),
        records=True,
    )


def loading(title: str, files: dict[str, Any], read: Callable[[Path], LoadedData]) -> Reader:
    return Reader(title, writer(files), ways(files), read, partial(loaded_is_whole, list(files)), records=True)


def cases(title: str, files: dict[str, Any], read: Callable[[Path], LoadedData]) -> Reader:
    return Reader(title, writer(files), ways(files), read, partial(cases_are_whole, list(files)), records=True)


def by_path(name: str, doc: Any, *languages: str) -> Reader:
    """A file that is given by its path, in whichever layout it then is."""

    def read(root: Path) -> LoadedData:
        known = datasets.dataset(str(root / name))
        return known.load(DataRequest(tuple(set(languages) & {*known.languages}), 1000, 0, root, parallel=True))

    # what is spoilt in the first record may be another layout, and then an error of the whole file
    return Reader(f"{name} by its path", writer({name: doc}), ways({name: doc}), read, partial(cases_are_whole, [name]))


def checking(name: str, doc: Any) -> Reader:
    read = lambda root: checked(root / name)  # noqa: E731
    return Reader(
        f"bench data check, {name}", writer({name: doc}), ways({name: doc}), read, partial(checked_is_whole, name)
    )


READERS = (
    own(".jsonl", by_lines),
    own(".json", spoiling.dumps),
    own_claims(".jsonl", by_lines),
    own_claims(".json", spoiling.dumps),
    Reader(
        "XFEVER",
        writer(XFEVER, by_lines),
        ways(XFEVER, by_lines),
        lambda root: xfever.load(DataRequest(("en", "fr"), 1000, 0, root)),
        partial(loaded_is_whole, list(XFEVER)),
        records=True,
    ),
    loading(
        "CounterFact",
        {"counterfact/counterfact.json": COUNTERFACT},
        lambda root: counterfact.load(request(root, "en")),
    ),
    Reader(
        "CounterFact, traced",
        writer({"counterfact/counterfact.json": COUNTERFACT}),
        ways({"counterfact/counterfact.json": COUNTERFACT}),
        lambda root: questions("counterfact", ["en"], 1, 0, root),
        asked_is_whole,
    ),
    loading(
        "zsRE",
        {"zsre/zsre_mend_eval.json": [zsre_record(city) for city in CITIES]},
        lambda root: zsre.load(request(root, "en")),
    ),
    loading(
        "KnowEdit",
        {"zsre/ZsRE-test-all.json": [knowedit_record(city) for city in CITIES]},
        lambda root: zsre.load(request(root, "en")),
    ),
    loading(
        "MzsRE",
        {f"mzsre/mzsre_test_duplicate_en{code}.json": records for code, records in MZSRE.items()},
        lambda root: mzsre.MZSRE.load(DataRequest(("de", "nl"), 1000, 0, root)),
    ),
    loading(
        "MLaKE",
        {f"mlake/single_hop/{lang}_qa.json": records for lang, records in MLAKE.items()},
        lambda root: mlake.load(DataRequest(("en", "de"), 1000, 0, root)),
    ),
    cases(
        "BMIKE-53",
        {f"BMIKE53/zsRE/zsre_test_{lang}.json": layouts.bmike(lang) for lang in ("de", "zh")},
        lambda root: datasets.dataset("bmike-zsre").load(request(root, "de", "zh")),
    ),
    cases(
        "CLM-Bench",
        {f"clm-bench/{name}": records for name, records in layouts.CLM.items()},
        lambda root: datasets.dataset("clm-bench").load(request(root, "zh", "en")),
    ),
    cases(
        "Multi-CounterFact",
        {
            f"multi-counterfact/{lang}/counterfact_test_{lang}_QA.json": layouts.multi_counterfact(lang)
            for lang in ("en", "ja")
        },
        lambda root: datasets.dataset("multi-counterfact").load(request(root, "en", "ja")),
    ),
    by_path("my.json", layouts.EASYEDIT, "en"),
    by_path("babeledits.json", layouts.babeledits(), "en", "zh"),
    by_path("merged.json", layouts.CLM_MERGED, "zh", "en"),
    checking("my.json", layouts.EASYEDIT),
    checking("zsre_test_hi.json", layouts.bmike("hi")),
    checking("chinese_fields_with_loc.json", layouts.CLM["chinese_fields_with_loc.json"]),
    checking("counterfact_test_ja_QA.json", layouts.multi_counterfact("ja")),
    checking("babeledits.json", layouts.babeledits()),
    checking("facts.json", OWN),
    checking("counterfact.json", COUNTERFACT),
    checking("zsre.json", [zsre_record(city) for city in CITIES]),
    checking("mzsre_test_duplicate_ende.json", MZSRE["de"]),
    checking("en_qa.json", MLAKE["en"]),
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_malformed_facts(reader: Reader, tmp_path: Path, record_property: Any) -> None:
    fuzz(reader, tmp_path, record_property, EXAMPLES)
