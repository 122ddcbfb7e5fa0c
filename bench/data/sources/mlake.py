"""MLaKE (Wei et al., COLING 2025): questions about one fact, and about what follows from it, in parallel languages.

``mlake/single_hop/<xx>_qa.json``: records ``question, o_prompt, o_answer, e_prompt, e_answer`` and aliases
(``e_answer_aliases``), the same facts in the same order in every language. The question is the edit prompt and
``e_answer`` the target: statements (``e_prompt``) often have the answer before the subject. They name no subject: it is
found by `shared_span` and held to be sure by `sure` in languages with spaces between words, by `unspaced` in the
others. What is not sure is left out.

``mlake/multi_hop/new_<xx>_qa.json``: ``question, e_prompt, e_answer``, asked after an edit. ``e_prompt`` is the English
statement of that edit in every language, and ties the question to its fact as a portability probe. Files
``old_<xx>_qa.json`` hold what is true without any edit and are not asked.

MLaKE has neither paraphrases nor neighbours: it gives no generality and no specificity. Targets get a leading space
unless the language is written without spaces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.api import EditRequest, Fact, Probe
from bench.data.common import (
    AlignmentCount,
    Checked,
    DataRequest,
    Dataset,
    Example,
    LoadedData,
    crosslingual,
    draw,
    place_of,
    read_records,
    shuffled,
    text_at,
    text_problem,
    translated,
)
from bench.data.sources._mlake import FOLDER, Language, target_text
from bench.data.sources.shared_span import Asked
from bench.data.spans import Measured, Reliability
from bench.ground.digests import digest
from bench.ground.errors import BenchError

LANGUAGES = ("en", "de", "fr", "ja", "zh")
ALIASES = "e_answer_aliases"
SINGLE, MULTI = "single_hop/{}_qa.json", "multi_hop/new_{}_qa.json"
SOURCE = "github.com/Hi-archers/MLaKE"
FOUND_BY = "sure spans"
"""Part of the fingerprint: how subjects are found changes what is edited."""


Hops = Mapping[str, Sequence[Asked]]
"""Multi-hop questions by the English statement of the edit they follow from."""


def load(request: DataRequest) -> LoadedData:
    """Read, align, draw, and tie the multi-hop questions to their facts."""
    return _load(_place(request.data_dir), request)


def _load(place: Path, request: DataRequest) -> LoadedData:
    english = Language.of("en", _sound(place / SINGLE.format("en")))
    languages = {}
    for lang in request.languages:
        asked = english.asked if lang == "en" else _sound(path := place / SINGLE.format(lang))
        if len(asked) != len(english.asked):
            raise BenchError(f"{len(asked)} records where English has {len(english.asked)}", file=path)
        languages[lang] = english if lang == "en" else Language.of(lang, asked, english)
    order = shuffled(range(len(english.asked)), request.seed, FOLDER)
    drawn = draw({lang: each.spans for lang, each in languages.items()}, order, request)
    edits = {
        index: {lang: each.edit(index) for lang, each in languages.items() if index in each.spans}
        for index in set().union(*drawn.values())
    }
    facts = {}
    for lang, indices in drawn.items():
        hops = _hops(place / MULTI.format(lang))
        facts[lang] = [
            _fact(translated(edits[index], lang), index, languages, hops.get(english.asked[index].statement, ()))
            for index in indices
        ]
    how = {(lang, f"{FOLDER}/{i}"): languages[lang].spans[i].how for lang, indices in drawn.items() for i in indices}
    return LoadedData(facts, tuple(each.count() for each in languages.values()), how)


def fingerprint(data_dir: Path | None) -> str:
    """Hash the files that are there."""
    return _fingerprint(_place(data_dir))


def _fingerprint(place: Path) -> str:
    paths = [place / name.format(lang) for name in (SINGLE, MULTI) for lang in LANGUAGES]
    return digest([path for path in paths if path.is_file()], FOLDER, FOUND_BY)


def read(path: Path) -> tuple[list[Asked], list[BenchError]]:
    """The records of a file of edits, and what is wrong with its other ones.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    asked, problems = [], []
    for index, item in enumerate(read_records(path)):
        try:
            names = ("question", "e_prompt", "e_answer")
            question, statement, answer = (text_at(item, (name,), path, index) for name in names)
            asked.append(Asked(question, statement, answer, _aliases(item, path, index)))
        except BenchError as error:
            problems.append(error)
    return asked, problems


def _aliases(item: Any, path: Path, index: int) -> tuple[str, ...]:
    """Other ways to say the edited answer; a record need not have any."""
    given = item.get(ALIASES) or []
    if not isinstance(given, list):
        raise BenchError("not a list", file=path, record=index, field=ALIASES)
    for alias in given:
        if problem := text_problem(alias):
            raise BenchError(f"each must be a text, one is {problem}", file=path, record=index, field=ALIASES)
    return tuple(dict.fromkeys(alias.strip() for alias in given))


def check(path: Path) -> Checked:
    """What a file holds: edits, or multi-hop questions of new or old facts; languages are told by its name."""
    lang = next((each for each in LANGUAGES if f"{each}_" in path.name), "")
    if not lang:
        raise BenchError(
            f"the name must tell the language: {', '.join(f'{each}_qa.json' for each in LANGUAGES)}", file=path
        )
    items = read_records(path)
    if any(isinstance(item, dict) and "o_prompt" in item for item in items):
        return _check_single(path, lang)
    if any(isinstance(item, dict) and "e_prompt" in item for item in items):
        return _check_multi(path, lang)
    return _check_old(path, lang, items)


def _check_single(path: Path, lang: str) -> Checked:
    asked, problems = read(path)
    english_path = path.with_name(path.name.replace(f"{lang}_", "en_"))
    english = Language.of("en", read(english_path)[0]) if lang != "en" and english_path.is_file() else None
    found = Language.of(lang, asked, english)
    shown = [Example(asked[index].question, span) for index, span in found.spans.items()]
    return Checked("mlake single hop", (found.count(),), tuple(problems), {lang: shown}, RELIABILITY)


def _check_multi(path: Path, lang: str) -> Checked:
    """Count the questions that belong to an edit; only those are asked."""
    asked, problems = read(path)
    edits_path = path.parent.parent / SINGLE.format("en")
    known = {each.statement for each in read(edits_path)[0]} if edits_path.is_file() else set()
    loose = sum(each.statement not in known for each in asked)
    reason = "no edit with this statement" if known else f"edits unknown without {SINGLE.format('en')}"
    dropped = {reason: loose} if loose else {}
    return Checked("mlake multi hop, new", (AlignmentCount(lang, len(asked), dropped=dropped),), tuple(problems))


def _check_old(path: Path, lang: str, items: Sequence[Any]) -> Checked:
    problems = []
    for index, item in enumerate(items):
        try:
            for name in ("question", "o_answer"):
                text_at(item, (name,), path, index)
        except BenchError as error:
            problems.append(error)
    read_well = len(items) - len(problems)
    dropped = {"asks what is true without an edit": read_well}
    return Checked("mlake multi hop, old", (AlignmentCount(lang, read_well, dropped=dropped),), tuple(problems))


def _place(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, [SINGLE.format("<xx>"), MULTI.format("<xx>")], SOURCE)


def _sound(path: Path) -> list[Asked]:
    asked, problems = read(path)
    if problems:
        raise problems[0]
    return asked


def _hops(path: Path) -> Hops:
    by_edit: dict[str, list[Asked]] = defaultdict(list)
    for each in _sound(path) if path.is_file() else []:
        by_edit[each.statement].append(each)
    return by_edit


def _fact(request: EditRequest, index: int, languages: Mapping[str, Language], hops: Sequence[Asked]) -> Fact:
    """An edit of one record, with its probes."""
    fact_id, lang = request.fact_id, request.lang
    asked = {other: each.asking(index) for other, each in languages.items()}
    follow = (
        Probe(fact_id, "portability", lang, lang, hop.question, target_text(hop.answer, lang), aliases=hop.aliases)
        for hop in hops
    )
    efficacy = Probe(fact_id, "efficacy", lang, lang, request.text, request.target, aliases=asked[lang][2])
    return Fact(request, (efficacy, *follow, *crosslingual(fact_id, lang, asked)))


RELIABILITY: Reliability = {
    "en": {"quoted": Measured(40, 40), "named": Measured(40, 40)},
    "de": {"quoted": Measured(40, 40), "alike": Measured(40, 40)},
    "fr": {"quoted": Measured(40, 40), "alike": Measured(40, 40)},
    "zh": {"quoted": Measured(30, 30), "recurring": Measured(60, 60), "framed": Measured(60, 60)},
    "ja": {"framed": Measured(67, 67)},
}
"""A sample of kept spans, labelled by hand; which ones, and where, stands in tests/data/labels/spans.json. Rules were
made from other records, but for those of quoted names, some of which had been looked at before."""

DATASET = Dataset(
    name=FOLDER,
    languages=LANGUAGES,
    licence="research use",
    citation="Wei et al., MLaKE: Multilingual Knowledge Editing Benchmark for Large Language Models, COLING 2025",
    source=f"{SOURCE}, dataset/*/qa",
    revision="26c167d6a0f823e9aca63e859b61481b1866bf27",
    what="1,072 questions with edited answers, and multi-hop questions about them, in parallel languages",
    load=load,
    fingerprint=fingerprint,
    reliability=RELIABILITY,
    files={
        **{f"{FOLDER}/{name.format(lang)}": "" for name in (SINGLE, MULTI) for lang in LANGUAGES},
        "mlake/single_hop/de_qa.json": "f65580a778e7eefcabb265a404dd0bdb803ddbd8f44fc046347709f52cbcc25f",
        "mlake/single_hop/en_qa.json": "d501aecd7e7e02051a78ec935dc7ced4bd5ab3110f2d14717242e694b3a03218",
        "mlake/single_hop/fr_qa.json": "5a6648dbdd159c03a485d73d25aa0c0e00962c4772bf344323d502630e020f69",
        "mlake/multi_hop/new_de_qa.json": "fa70aafd46531402c45561c47320b300eca6f7768e59d7dd0a570bbea3c52452",
        "mlake/multi_hop/new_en_qa.json": "45c5452c763b94ba9e50a5005c2576b0f8a3e584f81794e18c38d1e760919eff",
        "mlake/multi_hop/new_fr_qa.json": "5636bbbbf5f1deb8e3066c17bd4b411aed7538f8bf10b417f4b64939f7978995",
    },
)


def of_file(path: Path) -> Dataset:
    """The edits of a file in its folder, with the English file beside it and the questions that follow from them.

    Raises:
        BenchError: it does not lie as the data set does, so that the others cannot be found.
    """
    place = path.resolve().parent.parent
    lang = next((each for each in LANGUAGES if path.resolve() == place / SINGLE.format(each)), "")
    if not lang or not (place / SINGLE.format("en")).is_file():
        raise BenchError(
            f"edits of MLaKE are read from {SINGLE.format('<xx>')} with {SINGLE.format('en')} beside it; lay the files "
            f"out so, or put them into <folder>/{FOLDER}/ and give --datasets {FOLDER} --data-dir <folder>",
            file=path,
        )
    return replace(
        DATASET,
        languages=(lang,),
        files={},
        load=lambda request: _load(place, request),
        fingerprint=lambda _: _fingerprint(place),
    )
