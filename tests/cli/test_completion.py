"""What the shell completes, asked as a shell asks; and that nobody waits for torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.main import app
from bench.config.registry import methods
from bench.config.settings import preset_names
from bench.model.catalog import known_models


def asked(line: str) -> dict[str, str]:
    """What bash hands over when a tab is typed after the line."""
    return {"_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}


def completed(line: str) -> list[str]:
    result = CliRunner().invoke(app, [], env=asked(line), prog_name="bench")
    assert result.exit_code == 0, result.output
    return result.stdout.split()


def test_names_are_completed() -> None:
    assert completed("bench run --preset ") == preset_names()
    assert completed("bench run --preset smo") == ["smoke"]
    assert completed("bench check langedit") == ["langedit", "langedit-released"]
    assert completed("bench check ") == methods().names()
    for command in ("run --models", "stats", "trace", "cost --model"):
        assert completed(f"bench {command} ") == list(known_models()), command


def test_the_last_name_of_a_list_is_completed_and_none_is_offered_twice() -> None:
    assert completed("bench run --methods memit,alphaedit-n") == ["memit,alphaedit-nas"]
    assert "memit,memit" not in completed("bench run --methods memit,mem")
    assert {"all", "modern"} <= set(completed("bench run --methods "))
    assert completed("bench cost --methods gr") == ["grace"]


def test_runs_are_those_of_the_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("results/table1", "results/smoke", "elsewhere/own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "run.json").touch()
    (tmp_path / "results" / "report-table1").mkdir()
    monkeypatch.chdir(tmp_path)
    for command in ("report", "status", "verify", "compare smoke", "show", "judge export"):
        assert completed(f"bench {command} t") == ["table1"], command
    assert completed("bench report ") == ["smoke", "table1"]
    assert completed("bench report --results-dir elsewhere ") == ["own"]


@pytest.mark.parametrize("line", ["bench run --methods me", "bench run --models smo", "bench report t"])
def test_nobody_waits_for_torch(line: str, tmp_path: Path) -> None:
    code = (
        "import sys; from bench.cli.main import main\n"
        "try: main()\n"
        "finally: print(*{'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    environment = {**os.environ, **asked(line), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stderr.strip() == ""
