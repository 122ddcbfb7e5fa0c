"""XFEVER, the claims of XME: FEVER in eleven languages, as the files of KE and MEND hold it.

All lie in ``xfever/`` of the data folder, one JSON object per line: ``fever_dev_1200 - {language}.jsonl`` is edited and
asked, and editors practise on ``fever-train-kilt.jsonl`` (English) and ``fever_train - {language}-1L.jsonl``, for ta ml
kn ar zh ``fever_train - {language}-1L_lang_code.jsonl``; languages by their English names. On the authors' drive the
first lie in ``fever/experiment/``, the others in ``fever/``.

    {"id": 1, "input": "...", "prediction": "SUPPORTS", "alternatives": ["REFUTES"], "filtered_rephrases": ["..."],
     "output": [{"answer": "SUPPORTS"}], "logit": 1.2, "fr_input": "...", "fr_filtered_rephrases": ["..."]}

The last two fields stand in the first files only, for every language but the file's own; ``logit`` is not read. As
released, an edit sets the label to ``prediction``, which is what a model of KE said, or to the first of
``alternatives``; a claim that is to be left alone has the label ``output``. Claims without alternatives or rephrases
are dropped and counted, and blank rephrases are not asked. Claims name no subjects.

Other than released: what other languages ask is taken from the edited claim's own line. The released code looks it up
by the claim's place among those that are kept, in a list of all: behind every dropped line it asks another claim. And a
practice claim that is edited or asked is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.api import Fact
from bench.data.common import Checked, DataRequest, Dataset, LoadedData, place_of
from bench.data.sources import _claims
from bench.data.sources._claims import Claim
from bench.data.sources._xfever import FOLDER, NAMES, languages_of, read, sound
from bench.ground.digests import content_digest, digest, text_digest
from bench.ground.errors import BenchError

SOURCE = "the drive folder named by github.com/lingo-iitgn/XME"
EXTENSION = ("ta", "ml", "kn", "ar", "zh")
TEST = "fever_dev_1200 - {}.jsonl"
TESTS = {lang: TEST.format(name) for lang, name in NAMES.items()}
TRAINING = {
    lang: f"fever_train - {name}-1L{'_lang_code' if lang in EXTENSION else ''}.jsonl" for lang, name in NAMES.items()
} | {"en": "fever-train-kilt.jsonl"}


def load(request: DataRequest) -> LoadedData:
    """Read the files of the languages asked for, and draw."""
    place = _place(request.data_dir)
    found = {lang: sound(place / TESTS[lang], lang, request.languages) for lang in request.languages}
    claims = {lang: each.editable(lang) for lang, each in found.items()}
    return LoadedData(_claims.choose(FOLDER, claims, request), tuple(each.count(lang) for lang, each in found.items()))


def practice(request: DataRequest) -> Mapping[str, Sequence[Fact]]:
    """What editors learn on, each language alone.

    Raises:
        BenchError: a training file is missing.
    """
    place = _place(request.data_dir)
    files = {lang: place / TRAINING[lang] for lang in request.languages}
    for lang, path in files.items():
        if not path.exists():
            raise BenchError(f"no such file, and editors practise on it in '{lang}': get it from {SOURCE}", file=path)
    # whatever languages are edited, for one claim stands in the files of several
    tests = {lang: path for lang, name in TESTS.items() if (path := place / name).exists()}
    edited = [each for lang, path in tests.items() for each in sound(path, lang, languages_of(path)).claims]
    ids, texts = {each.claim_id for each in edited}, {text for each in edited for text in _texts(each)}
    found: dict[str, list[Fact]] = {}
    for lang, path in files.items():
        every = sound(path, lang, ()).claims
        apart = [each for each in every if each.claim_id not in ids and texts.isdisjoint(_texts(each))]
        found |= _claims.choose(f"{FOLDER}/practice", {lang: apart}, replace(request, languages=(lang,)))
    return found


def fingerprint(data_dir: Path | None) -> str:
    """Hash the files that are there."""
    place = _place(data_dir)
    there = [path for name in (*TESTS.values(), *TRAINING.values()) if (path := place / name).is_file()]
    return digest(there, FOLDER, _claims.VERSION)


def check(path: Path) -> Checked:
    """What a file holds: in its own language, and of the same claims in others."""
    languages = languages_of(path)
    found = read(path, languages[0], languages)
    return Checked(FOLDER, tuple(map(found.count, languages)), tuple(found.problems))


def of_file(path: Path) -> Dataset:
    """The claims of a file in this layout, wherever it lies, edited in every language that it holds.

    Raises:
        BenchError: the file is not as it should be.
    """
    languages = languages_of(path)
    found = sound(path, languages[0], languages)

    def chosen(request: DataRequest) -> LoadedData:
        claims = {lang: found.editable(lang) for lang in request.languages}
        return LoadedData(_claims.choose(FOLDER, claims, request), tuple(map(found.count, request.languages)))

    return replace(
        DATASET,
        languages=languages,
        files={},
        load=chosen,
        fingerprint=lambda _: text_digest(FOLDER, _claims.VERSION, languages[0], content_digest(path), size=16),
        practice=None,
    )


def _place(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, [TEST.format("{language}")], SOURCE)


def _texts(claim: Claim) -> set[str]:
    return {text for each in claim.wordings.values() for text in (each.text, *each.rephrases)}


DATASET = Dataset(
    name=FOLDER,
    languages=tuple(NAMES),
    licence="CC BY-SA 3.0 (FEVER)",
    citation="Beniwal et al., Cross-lingual Editing in Multilingual Language Models, Findings of EACL 2024; "
    "Thorne et al., FEVER, NAACL 2018",
    source=SOURCE,
    what="claims of FEVER with rephrases in eleven languages, for classifiers",
    load=load,
    fingerprint=fingerprint,
    files={f"{FOLDER}/{name}": "" for name in (*TESTS.values(), *TRAINING.values())},
    practice=practice,
)
