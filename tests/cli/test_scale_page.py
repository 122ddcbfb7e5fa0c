"""docs/scale.md shows what its own code prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
