"""The commands of all pages: each is one, those of large models are the paper's, those that need nothing are run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bench.cli import python
from bench.cli.main import app
from bench.config.run import RunSpec
from bench.config.settings import preset_names, resolve
from bench.data.corpora import WIKIPEDIA
from bench.export import guard
from bench.store.results import load_results
from tests.handbook import pages
from tests.handbook.conftest import PACKAGES
from tests.handbook.gave import GAVE, check_names
from tests.handbook.pages import NEEDS, ROOT, Command

ELSEWHERE = {
    "make install": ".ci/run",
    "make check": ".ci/run",
    "make test": ".ci/run",
    "make format": ".ci/run, which checks what it writes",
    "make docs": "tests/handbook/test_site.py",
    "pip install .": "the fixture `installed`",
    "bench check my-method": "tests/handbook/test_your_method.py",
    "bench doctor": "tests/cli/test_doctor.py",
    "bench new method half-memit": "tests/cli/test_new.py",
    "bench new evaluator first-token": "tests/cli/test_new.py",
    "bench new dataset my-facts": "tests/cli/test_new.py",
    "bench run --preset smoke && bench report smoke": "docs/start.md",
    ".venv/bin/lint-imports": ".ci/run",
    ".venv/bin/python -m pytest tests/methods -k rect": ".ci/run",
}
"""Commands that other tests run."""

CUTS = {
    "seeds": "1",
    "languages": "en,de",
    "edits-per-language": "1",
    "batch-size": "1",
    "token-budget": "2000",
    "evaluators": "edits",
    "methods": "none,memit",
    "workers": "1",
    "display": "none",
}
"""Flags of ``bench run``, where a command does not give them itself; seeds in any case."""

OPTIONS = {"fluency": ("tokens=8", "texts=4")}
"""Of evaluators that a command names."""

FEWER = ["none", "memit", "langedit-released"]
"""Methods, where a command names all of the paper; each of these has tests of its own."""

FIRST = dict.fromkeys(("docs/report.md", "docs/share.md"), "bench run --evaluators edits")
"""What a page takes for granted."""

PRESETS = preset_names()

ALL = [(page, command) for page in pages.names() for command in pages.commands(page)]
RUNS = [command.text for page, command in ALL if "bench run " in command.text and page != "docs/scale.md"]
LARGE = [text for text in RUNS if "llama3-8b" in text and "paper-llama3-8b" not in text]


def parts(text: str) -> Iterator[list[str]]:
    """The words of every command that && joins, without variables before them."""
    for part in text.split("&&"):
        words = shlex.split(part.partition(" > ")[0])
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        if words:
            yield words


def of_bench(words: Sequence[str]) -> dict[str, Any]:
    """What a command of ``bench`` is given, as the command line reads it."""
    command: Any = typer.main.get_command(app)
    rest = list(words[1:])
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    return command.make_context("bench", rest).params  # type: ignore[no-any-return]


def spec_of(text: str) -> RunSpec:
    (words, *_) = parts(text)
    given = of_bench(words)
    return resolve(given["preset"], None, {key: given[key] for key in given if key in RunSpec.model_fields})


# ---------------------------------------------------------------------------- all of them
@pytest.mark.parametrize("page", pages.names())
def test_commands_stand_in_fences(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", pages.read(page), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"^ {4,}(?:bench|make|pip|python|\.venv/bin/\w+) .*", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", pages.names())
def test_commands_within_a_line_exist(page: str) -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = re.sub(r"^```.*?^```$", "", pages.read(page), flags=re.DOTALL | re.MULTILINE)
    for program, word in re.findall(r"`(bench|make) ([\w.-]+)[^`]*`", text):
        assert program == "make" or word in known or word.startswith("-"), word
        assert program == "bench" or word in targets | set(PRESETS), word


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_is_one(page: str, command: Command) -> None:
    assert set(command.needs) <= set(NEEDS), command
    if "cluster" in command.needs and not command.text.startswith("bench"):
        return
    for words in parts(re.sub(r"^for .*|^(done|wait)$|&$", "", command.text)):
        if words == ["bench", "--install-completion"]:
            continue
        if words[0] == "bench":
            assert of_bench(words) is not None
        elif words[0] == "make":
            assert makes(words[1:]) is not None
        elif words[0] == "pip":
            extras = re.findall(r"\.\[([\w,]+)\]", " ".join(words))
            assert set(",".join(extras).split(",")) - {""} <= set(project()["optional-dependencies"])
        else:
            assert words[0] in (".venv/bin/python", ".venv/bin/lint-imports", "pipx"), words


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]  # type: ignore[no-any-return]


def makes(targets: Sequence[str]) -> list[str]:
    """What make would run."""
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line.removeprefix(".venv/bin/") for line in done.stdout.splitlines() if line.startswith(".venv/bin/bench ")]


# ---------------------------------------------------------------------------- large models
@pytest.mark.parametrize("text", LARGE)
def test_those_of_large_models_are_the_papers(text: str) -> None:
    spec = spec_of(text)
    assert (spec.corpus, spec.token_budget) == (WIKIPEDIA, 10_000_000)
    assert (spec.batch_size, spec.edits_per_language, len(spec.languages)) == (100, 400, 6)
    assert (spec.dtype, spec.seeds, spec.orders, spec.datasets) == ("float32", 3, ("cycle",), ("mzsre",))


def test_the_preset_written_out_is_the_preset() -> None:
    given = [command.text for command in pages.commands("docs/your-model.md")]
    short, long = (spec_of(text) for text in given if text in LARGE and "--device cuda" in text)
    apart = {"name", "models", "hparams"}
    assert long.model_dump(exclude=apart) == short.model_dump(exclude=apart)
    assert long.hparams == "llama3-8b"


def test_every_preset_is_in_the_list() -> None:
    rows = re.findall(r"^\| (`.*?) \|", pages.read("docs/reproduce.md"), flags=re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([\w.-]+)`", row)}
    assert set(preset_names()) <= listed


# ---------------------------------------------------------------------------- those that are run
def given(words: Sequence[str]) -> list[str]:
    """A command as it is, or cut to a size that a test can run."""
    if words[:2] == ["bench", "run"]:
        own = "./my-model" in words
        kept = {flag: value for flag, value in CUTS.items() if f"--{flag}" not in words}
        cut = {} if own else {"seeds": "1"}
        named = {} if "--name" in words else {"name": of_bench(words)["preset"] or "table1"}
        flags = {**kept, **cut, **named}
        if "--dry-run" in words:
            flags = named
        elif of_bench(words)["methods"] == "all":
            flags["methods"] = ",".join(FEWER)
        asked = (of_bench(words)["evaluators"] or "").split(",")
        told = [("set", f"evaluator.{name}.{each}") for name in asked for each in OPTIONS.get(name, ())]
        return [*words[1:], *(part for flag, value in (*flags.items(), *told) for part in (f"--{flag}", value))]
    if words[:2] == ["bench", "show"]:  # a run that was cut has other languages and facts
        scores = load_results(Path("results") / words[2]).scores
        there = {"zh": "de", "currency/FR": scores[scores.metric == "efficacy"].fact.iloc[0]}
        return [there.get(word, word) for word in words[1:]]
    if words[:2] == ["bench", "edit"]:
        return [*words[1:], "--token-budget", "2000", "--display", "none"]
    if words[:2] == ["bench", "trace"]:
        return [*words[1:], "--display", "none"]
    if words[:2] == ["bench", "report"] and "--format" not in words:  # the other forms have tests of their own
        return [*words[1:], "--format", "html,md"]
    return list(words[1:])


def run(words: Sequence[str]) -> str:
    if words[0] == ".venv/bin/python":
        done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout
    answer = CliRunner().invoke(app, given(words))
    assert answer.exit_code == 0, (words, answer.output, answer.exception)
    return answer.output


def made(words: Sequence[str], page: str) -> list[list[str]]:
    """What make runs, but for what its page has as commands of their own."""
    own = {command.text for command in pages.commands(page)}
    return [shlex.split(line) for line in makes(words[1:]) if line not in own]


def judged(folder: Path) -> None:
    """Verdicts on what was exported."""
    asked = [json.loads(line) for line in (folder / "judge-requests.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [
        {"id": each["id"], "verdict": bool(i % 2), "judge": "gpt", "prompt_hash": "12345678", "date": "2026-11-28"}
        for i, each in enumerate(asked)
    ]
    Path("verdicts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def is_run(command: Command) -> bool:
    return not command.needs and command.text not in ELSEWHERE


WITH_COMMANDS = [
    pytest.param(page, marks=pytest.mark.xdist_group("packages") if page in PACKAGES else ())
    for page in pages.names()
    if any(map(is_run, pages.commands(page)))
]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_its_commands_run(
    page: str, desk: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another, as somebody would who reads the page from its beginning; pieces of Python between them."""
    if page in PACKAGES:
        request.getfixturevalue("installed")
    whole = python.run
    small = {"seeds": 1, "languages": "en,de", "edits_per_language": 1, "batch_size": 1, "evaluators": "edits"}
    if page in FIRST:
        run(FIRST[page].split())
    monkeypatch.setattr(guard, "MOST", 10)
    monkeypatch.setattr(python, "run", lambda **flags: whole(**{**flags, **small, "token_budget": 2000, "workers": 1}))
    for block in pages.blocks(page):
        if block.kind == "python" and not block.file and page != "docs/scale.md":
            exec(compile(block.text, page, "exec"), {})
        for command in filter(is_run, pages.of_block(block.text) if block.kind == "bash" else ()):
            for words in parts(command.text):
                for line in made(words, page) if words[0] == "make" else [words]:
                    if line[:3] == ["bench", "judge", "import"]:
                        judged(Path("results") / "table1")
                    run(line)
    if page in GAVE:
        GAVE[page]()
    check_names()
