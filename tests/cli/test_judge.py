"""``bench judge`` and free answers on the command line: a run, its requests, verdicts, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.store.results import load_results
from tests.cli.conftest import bench

Arguments = Callable[..., list[str]]


@pytest.fixture
def results(tiny: Arguments, tmp_path: Path) -> Path:
    limited = ("--set", "evaluator.generation.tokens=3")
    answer = bench(*tiny("--evaluators", "generation", "--steps", "1", *limited))
    assert answer.code == 0, answer.err
    return tmp_path / "results"


def requests(results: Path) -> list[dict[str, str]]:
    answer = bench("judge", "export", "tiny", "--results-dir", results)
    assert answer.code == 0, answer.err
    lines = (results / "tiny" / "judge-requests.jsonl").read_text(encoding="utf-8").splitlines()
    assert answer.out.startswith(f"{len(lines)} requests for ")
    return [json.loads(line) for line in lines]


def verdicts(path: Path, asked: list[dict[str, str]], **change: object) -> Path:
    rows = [
        {"id": each["id"], "verdict": bool(i % 2), "judge": "gpt", "prompt_hash": "12345678", "date": "2026-11-28"}
        for i, each in enumerate(asked)
    ]
    rows[-1].update(change)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_answers_are_judged_outside(results: Path, tmp_path: Path) -> None:
    asked = requests(results)
    assert set(asked[0]) == {"id", "question", "gold", "aliases", "answer", "language"}
    file = verdicts(tmp_path / "verdicts.jsonl", asked, verdict="I cannot say")
    answer = bench("judge", "import", "tiny", file, "--results-dir", results)
    assert answer.code == 0, answer.err
    assert f"gpt: {len(asked) - 1} verdicts, 1 missing, 0 requests without one" in answer.out
    assert "exact match  gpt  all" in answer.out
    assert "judge:gpt" in set(load_results(results / "tiny").scores.protocol)
    again = bench("judge", "agreement", "tiny", "--results-dir", results)
    assert again.out.splitlines() == answer.out.splitlines()[1:]


def test_bad_verdicts_are_one_line(results: Path, tmp_path: Path) -> None:
    file = verdicts(tmp_path / "verdicts.jsonl", requests(results), date="soon")
    bench("judge", "import", "tiny", file, "--results-dir", results).is_one_line("verdicts.jsonl", "date")
    bench("judge", "import", "tiny", tmp_path / "none.jsonl", "--results-dir", results).is_one_line("none.jsonl")
    bench("judge", "export", "tinny", "--results-dir", results).is_one_line("tinny", "tiny")
    bench("judge", "agreement", "tiny", "--results-dir", results).is_one_line("bench judge import")


def test_a_run_without_free_answers_says_how_to_get_them(tiny: Arguments, tmp_path: Path) -> None:
    assert bench(*tiny("--steps", "1")).code == 0
    answer = bench("judge", "export", "tiny", "--results-dir", tmp_path / "results")
    answer.is_one_line("--evaluators edits,generation")


def test_independent_edits_give_no_free_answers(tiny: Arguments) -> None:
    answer = bench(*tiny("--evaluators", "generation", "--independent", "--steps", "1"))
    assert answer.code != 0
    assert "--evaluators edits" in answer.out + answer.err


def test_a_model_without_a_chat_template_is_one_line(tiny: Arguments) -> None:
    bench(*tiny("--chat-template")).is_one_line("no chat template")


def test_a_chat_template_makes_another_cell(tiny: Arguments, tiny_world: object, tmp_path: Path) -> None:
    import shutil

    from tests.model.test_chat import TEMPLATE

    model = tmp_path / "chatting"
    shutil.copytree(tiny_world.root / "model", model)  # type: ignore[attr-defined]
    settings = json.loads((model / "tokenizer_config.json").read_text(encoding="utf-8"))
    (model / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": TEMPLATE}), encoding="utf-8")
    for more in ((), ("--chat-template",)):
        answer = bench(*tiny("--models", model, "--methods", "memit", "--steps", "1", "--name", "c", *more))
        assert answer.code == 0, answer.err
    paths = (tmp_path / "results" / "c").glob("*/cell.json")
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    assert sorted(bool(each["cell"]["model"]["chat"]) for each in records) == [False, True]
    assert len({each["id"] for each in records}) == 2
