"""Multi-CounterFact (Jiang et al., CLICKER, Findings of EACL 2026): CounterFact as questions in five languages.

``multi-counterfact/<xx>/counterfact_test_<xx>_QA*.json``, one file per language: the records of CounterFact (see
`bench.data.sources.counterfact`) with ``case_id``, but the prompt holds its subject in place of a slot, so that it is
looked for as in other translated data; a slot is filled where there is one. Facts are matched across languages by
``case_id``. The hub has 4,000 test facts, the authors' repository 200 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.api import SUBJECT_SLOT, ProbeKind
from bench.data.common import DataRequest, Dataset, LoadedData, place_of, read_records, text_at, text_problem
from bench.data.sources import _cases
from bench.data.sources._cases import Cases, case_of, of_files, together
from bench.data.sources._zsre import Record
from bench.ground.errors import BenchError

FOLDER = "multi-counterfact"
SOURCE = "huggingface.co/datasets/KazeJiang/Multi-CounterFact, or 200 facts of github.com/AnsonJIang-Pku/CLICKER"
LANGUAGES = ("en", "de", "fr", "ja", "zh")
FILE = "{0}/counterfact_test_{0}_QA{1}.json"

REWRITE = "requested_rewrite"
LISTS = {"paraphrase_prompts": "target_new", "neighborhood_prompts": "target_true"}
"""Questions, and what they ask for."""


def load(request: DataRequest) -> LoadedData:
    """Read, align and draw."""
    place = _place(request.data_dir)
    return together([_file(place, lang) for lang in request.languages], read, request.languages).choose(request)


def read(path: Path) -> Cases:
    """The records of a file, and what is wrong with the others; its name tells the language.

    Raises:
        BenchError: the file as a whole cannot be read, or its name tells no language.
    """
    lang = language_of(path)
    found: dict[str, Record] = {}
    problems = []
    for index, item in enumerate(read_records(path)):
        try:
            if not isinstance(item, dict):
                raise BenchError("not an object with fields", file=path, record=index)
            case, record = case_of(item, path, index), _record(item, path, index)
            if case in found:
                raise BenchError("given twice", file=path, record=index, field="case_id")
            found[case] = record
        except BenchError as error:
            problems.append(error)
    return Cases(FOLDER, {lang: found}, problems)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, wherever it lies.

    Raises:
        BenchError: the file is not as it should be.
    """
    return _cases.of_file(read(path), path, DATASET)


def is_one(item: Any) -> bool:
    """Whether a record is CounterFact's but for the slot."""
    rewrite = item.get(REWRITE) if isinstance(item, dict) else None
    prompt = rewrite.get("prompt") if isinstance(rewrite, dict) else None
    return isinstance(prompt, str) and SUBJECT_SLOT not in prompt


def language_of(path: Path) -> str:
    """What the name of a file tells.

    Raises:
        BenchError: it tells none.
    """
    words = path.stem.lower().replace("-", "_").replace(".", "_").split("_")
    lang = next((each for each in LANGUAGES if each in words), "")
    if not lang:
        named = ", ".join(Path(FILE.format(each, "")).name for each in LANGUAGES)
        raise BenchError(f"the name must tell the language: {named}", file=path)
    return lang


def fingerprint(data_dir: Path | None) -> str:
    """Hash the files that are there."""
    place = _place(data_dir)
    return of_files(FOLDER, [path for lang in LANGUAGES for path in _there(place, lang)])


def _record(item: Mapping[str, Any], path: Path, index: int) -> Record:
    prompt, subject = (text_at(item, (REWRITE, name), path, index) for name in ("prompt", "subject"))
    answers = {name: text_at(item, (REWRITE, name, "str"), path, index) for name in LISTS.values()}
    asked = {name: list(_prompts(item, name, path, index)) for name in LISTS}
    first, *others = asked["paraphrase_prompts"] or [""]
    more: list[tuple[ProbeKind, str, str]] = [("generality", each, answers["target_new"]) for each in others]
    more += [("specificity", each, answers["target_true"]) for each in asked["neighborhood_prompts"]]
    src = prompt.replace(SUBJECT_SLOT, subject)
    return Record(subject, src, answers["target_new"], first, more=tuple(more), true=answers["target_true"])


def _prompts(item: Mapping[str, Any], name: str, path: Path, index: int) -> Iterator[str]:
    prompts = item.get(name) or []
    if not isinstance(prompts, list) or any(map(text_problem, prompts)):
        raise BenchError("not a list of texts", file=path, record=index, field=name)
    yield from (each.strip() for each in prompts)


def _there(place: Path, lang: str) -> list[Path]:
    return sorted(path for path in place.glob(FILE.format(lang, "*")) if path.is_file())


def _file(place: Path, lang: str) -> Path:
    """The one file of a language.

    Raises:
        BenchError: there are several.
    """
    found = _there(place, lang)
    if len(found) > 1:
        raise BenchError(f"two files of {lang!r}: {found[0].name} and {found[1].name}; keep one", file=found[0].parent)
    return found[0] if found else place / FILE.format(lang, "")


def _place(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, [FILE.format("<xx>", "")], SOURCE)


DATASET = Dataset(
    name=FOLDER,
    languages=LANGUAGES,
    licence="CC BY 4.0",
    citation="Jiang et al., CLICKER: Cross-Lingual Knowledge Editing via In-Context Learning with Adaptive Stepwise "
    "Reasoning, Findings of EACL 2026",
    source=SOURCE,
    what="CounterFact as questions in five languages, two paraphrases and ten neighbours each",
    load=load,
    fingerprint=fingerprint,
    files={f"{FOLDER}/{FILE.format(lang, '')}": "" for lang in LANGUAGES},
)
