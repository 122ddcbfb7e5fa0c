"""The optional extras: few, and every one described where installing is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_extras_names_them_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z]+)` \| ([^|]+) \|", page, flags=re.M))
    assert rows.keys() == project["optional-dependencies"].keys()
    for name, brought in rows.items():
        packages = [re.split(r"[<>=]", each)[0] for each in project["optional-dependencies"][name]]
        assert name == "dev" or brought.split(", ") == packages
