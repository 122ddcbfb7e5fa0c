"""docs/scale.md shows what its own code prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench.config.settings import resolve
from bench.plan.planning import schedule

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_the_page_shows_what_its_code_prints(
    number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown = BLOCKS[number]
    monkeypatch.chdir(ROOT)
    exec(compile(code, "docs/scale.md", "exec"), {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(("data", "edits", "steps"), [("mzsre", 2400, 24), ("bzsre", 1600, 16)])
def test_its_commands_edit_as_much_as_the_paper(data: str, edits: int, steps: int) -> None:
    found = re.findall(r"^bench run --preset.*\n(?: {4}.*\n)*", PAGE, flags=re.MULTILINE)
    commands = [shlex.split(command.replace("\\\n", " ")) for command in found]
    (words,) = (words for words in commands if f"table1-{data}" in words)
    given = dict(zip(words[2::2], words[3::2], strict=True))
    flags = {name: given.get(f"--{name.replace('_', '-')}") for name in ("languages", "edits_per_language")}
    arriving = schedule(resolve(given["--preset"], None, flags), "cycle", ())
    assert (arriving.edits(), arriving.length()) == (edits, steps)
