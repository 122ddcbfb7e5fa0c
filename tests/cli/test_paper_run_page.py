"""docs/paper-run.md: its commands are commands, its file is one that changes the grid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from bench.cli.main import app
from bench.config.several import resolve_all

PAGE = (Path(__file__).parents[2] / "docs" / "paper-run.md").read_text(encoding="utf-8")
TEXT = PAGE.replace("\\\n", " ")
COMMANDS = re.findall(
    r"^ *(?:CUDA_VISIBLE_DEVICES=\S+ )?(bench (?!run --preset paper-\S+ --config).*?)(?: > .*)?$", TEXT, flags=re.M
)


def parsed(command: str) -> dict[str, object]:
    """The arguments of a command, as the command line reads them."""
    _, name, *words = shlex.split(command)
    found = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    return found.make_context(name, words).params  # type: ignore[no-any-return]


def test_the_page_has_a_command_for_every_place() -> None:
    whole = "\n".join(COMMANDS)
    assert len(COMMANDS) > 12
    for each in ("--join", "--engine ray", "--shard", "bench gather", "bench trace", "bench stats", "bench cost"):
        assert each in whole


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    given = parsed(command)
    if preset := given.get("preset"):
        assert len(resolve_all(str(preset), None, {"seeds": given["seeds"]}).runs) == 7


def test_the_file_that_changes_it_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "mine.yaml").write_text(shown)
    found = resolve_all("paper-llama3-8b", tmp_path / "mine.yaml", {})
    assert found.name == yaml.safe_load(shown)["name"] == "mine"
    assert found.runs["table1-mzsre"].edits_per_language == 100
