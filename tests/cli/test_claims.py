"""A classifier edited on claims of files: editors learn on the split for practice, and edit the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.model.tiny import tiny_classifier
from bench.store.results import load_results
from tests.cli.conftest import bench
from tests.data import claims_files

OPTIONS = (
    "training_steps=2",
    "edits_per_step=2",
    "unrelated=1",
    "validate_every=1",
    "patience=2",
    "c_edit=1",
    "c_loc=1",
)
LEARNING = [
    part for option in ("independent=true", *(f"method.mend.{each}" for each in OPTIONS)) for part in ("--set", option)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, tiny = tmp_path_factory.mktemp("classifier"), tiny_classifier("bert")
    tiny.hf.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("source", ["own", "xfever"])
def test_an_editor_learns_on_practice_and_edits_the_others(
    tiny: Callable[..., list[str]], model: Path, source: str, tmp_path: Path
) -> None:
    if source == "own":
        data = {"datasets": claims_files.write(tmp_path / "claims.jsonl", claims_files.OWN)}
    else:
        data = {"datasets": "xfever", "data_dir": claims_files.write_xfever(tmp_path)}
    arguments = tiny(
        "--parallel", *LEARNING, **data, models=model, methods="none,mend", languages="en,fr",
        edits_per_language=2, cache_dir=tmp_path / "cache",
    )  # fmt: skip
    answer = bench(*arguments)
    assert answer.code == 0, answer.err
    results = load_results(tmp_path / "results" / "tiny")
    assert set(results.cells["status"]) == {"done"}
    scored = set(results.scores[["edit_lang", "probe_lang", "metric"]].itertuples(index=False, name=None))
    for edited in ("en", "fr"):
        for asked in ("en", "fr"):
            assert (edited, asked, "specificity_agreement") in scored
            assert (edited, asked, "generality" if edited == asked else "crosslingual") in scored


def test_a_method_that_learns_says_what_is_missing(tiny: Callable[..., list[str]], model: Path, tmp_path: Path) -> None:
    folder = claims_files.write_xfever(tmp_path, trained=False)
    arguments = {"models": model, "methods": "mend", "languages": "en", "edits_per_language": 2}
    given = tiny(*LEARNING, **arguments, datasets="xfever", data_dir=folder)
    bench(*given).is_one_line("fever-train-kilt.jsonl: no such file, and editors practise on it in 'en'")
    path = claims_files.write(tmp_path / "claims.jsonl", map(claims_files.own, claims_files.CITIES))
    given = tiny(*LEARNING, **arguments, datasets=path)
    bench(*given).is_one_line("claims.jsonl has no facts to practise on")
