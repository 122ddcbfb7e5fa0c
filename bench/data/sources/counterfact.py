"""CounterFact, English, in the JSON layout of ROME: ``counterfact/counterfact.json``.

A list of ``{"case_id", "requested_rewrite": {"prompt": "... {} ...", "subject", "target_new": {"str"}, "target_true":
{"str"}}, "paraphrase_prompts": [...], "neighborhood_prompts": [...]}``. Neighbourhood prompts ask for the true
target; what is absent is not asked. Targets get one leading space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.api import EditRequest, Fact, Probe
from bench.data.common import (
    AlignmentCount,
    Checked,
    DataRequest,
    Dataset,
    LoadedData,
    draw,
    place_of,
    read_records,
    shuffled,
    text_at,
    text_problem,
)
from bench.ground.digests import content_digest, digest
from bench.ground.errors import BenchError

FOLDER, FILE = "counterfact", "counterfact.json"
SOURCE = "rome.baulab.info/data/dsets"


def load(request: DataRequest) -> LoadedData:
    """Read and draw."""
    return _load(_path(request.data_dir), request)


def _load(path: Path, request: DataRequest) -> LoadedData:
    facts, problems = read(path)
    if problems:
        raise problems[0]
    drawn = draw({"en": range(len(facts))}, shuffled(range(len(facts)), request.seed, FOLDER), request)
    chosen = [facts[index] for index in drawn["en"]]
    return LoadedData({"en": chosen}, (_count(facts),), true=_true(chosen))


def _true(facts: list[Fact]) -> dict[tuple[str, str], str]:
    """What was true before, which is what neighbours are asked for."""
    told = ((fact.request, probe) for fact in facts for probe in fact.probes if probe.kind == "specificity")
    return {("en", request.fact_id): probe.target for request, probe in told}


def read(path: Path) -> tuple[list[Fact], list[BenchError]]:
    """The facts of a file, and what is wrong with its other records.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    facts: dict[str, Fact] = {}
    problems = []
    for index, item in enumerate(read_records(path)):
        try:
            fact = _fact(item, path, index)
            if fact.request.fact_id in facts:
                raise BenchError("given twice", file=path, record=index, field="case_id")
            facts[fact.request.fact_id] = fact
        except BenchError as error:
            problems.append(error)
    return list(facts.values()), problems


def check(path: Path) -> Checked:
    """What a file holds."""
    facts, problems = read(path)
    return Checked(FOLDER, (_count(facts),), tuple(problems))


def fingerprint(data_dir: Path | None) -> str:
    """Hash the file."""
    return digest([path] if (path := _path(data_dir)).is_file() else [], FOLDER)


def _path(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, [FILE], SOURCE) / FILE


def _count(facts: list[Fact]) -> AlignmentCount:
    return AlignmentCount("en", len(facts), exact=len(facts))


def _fact(item: Any, path: Path, index: int) -> Fact:
    if not isinstance(item, dict):
        raise BenchError("not an object with fields", file=path, record=index)
    rewrite = ("requested_rewrite",)
    prompt, subject = (text_at(item, (*rewrite, name), path, index) for name in ("prompt", "subject"))
    new = " " + text_at(item, (*rewrite, "target_new", "str"), path, index)
    true = " " + text_at(item, (*rewrite, "target_true", "str"), path, index)
    if prompt.count("{}") != 1:
        problem = f"{prompt.count('{}')} subject slots '{{}}', it needs one"
        raise BenchError(problem, file=path, record=index, field="requested_rewrite.prompt")
    case = item.get("case_id", index)
    if not isinstance(case, int | str) or text_problem(str(case)):
        raise BenchError("neither a number nor a text", file=path, record=index, field="case_id")
    request = EditRequest(f"{FOLDER}/{case}", "en", prompt, subject, new)
    probes = (
        Probe(request.fact_id, "efficacy", "en", "en", request.text, new),
        *(
            Probe(request.fact_id, "generality", "en", "en", each, new, distinct=each != request.text)
            for each in _prompts(item, "paraphrase_prompts", path, index)
        ),
        *(
            Probe(request.fact_id, "specificity", "en", "en", each, true)
            for each in _prompts(item, "neighborhood_prompts", path, index)
        ),
    )
    return Fact(request, probes)


def _prompts(item: dict[str, Any], name: str, path: Path, index: int) -> Iterator[str]:
    prompts = item.get(name) or []
    if not isinstance(prompts, list) or any(map(text_problem, prompts)):
        raise BenchError("not a list of texts", file=path, record=index, field=name)
    yield from (each.strip() for each in prompts)


DATASET = Dataset(
    name=FOLDER,
    languages=("en",),
    licence="MIT",
    citation="Meng et al., Locating and Editing Factual Associations in GPT, NeurIPS 2022",
    source=SOURCE,
    what="21,919 English statements with counterfactual objects, paraphrases and neighbours",
    load=load,
    fingerprint=fingerprint,
    files={f"{FOLDER}/{FILE}": ""},
    selection="drawn by seed",
)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, wherever it lies."""
    return replace(
        DATASET, files={}, load=lambda request: _load(path, request), fingerprint=lambda _: content_digest(path)
    )
