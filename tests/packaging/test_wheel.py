"""The package as it is installed: a wheel in an environment that holds nothing else of ours.

Dependencies are lent by the environment of the tests, so that no network is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from bench.config.registry import methods

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("wheel")  # its set-up takes long


def run(*command: object, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= {"BENCH_CACHE_DIR": str(cwd / "cache"), "COLUMNS": "200"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel."""
    pytest.importorskip("setuptools", "77", reason="the wheel is built with setuptools 77 or newer")
    folder = tmp_path_factory.mktemp("wheel")
    # a copy: building leaves files beside the sources
    source = folder / "source"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("not a checkout: what belongs to the package is not known")
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "results/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = ("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", *build, cwd=folder)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd=folder)
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # a path in a .pth file is searched, but .pth files in it, such as that of an editable install, are not read
    (Path(purelib) / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return python.parent


def test_the_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    places = run(
        installed / "python", "-c", "import bench, reports; print(bench.__file__, reports.__file__)", cwd=tmp_path
    )
    assert all(str(installed.parent) in place for place in places.split())


def test_presets_are_listed(installed: Path, tmp_path: Path) -> None:
    assert {"table1", "smoke"} <= {
        line.split()[0] for line in run(installed / "bench", "list", "presets", cwd=tmp_path).splitlines() if line
    }


def test_all_methods_are_there(installed: Path, tmp_path: Path) -> None:
    load = "from bench.config.registry import methods; print([methods().module(n).__name__ for n in methods().names()])"
    found = run(installed / "python", "-c", load, cwd=tmp_path)
    assert found.count("methods.") == len(methods().names())


@pytest.mark.parametrize("names", ["none,memit", pytest.param("all", marks=pytest.mark.soak)])
def test_the_smallest_run_and_its_report(installed: Path, tmp_path: Path, names: str) -> None:
    smoke = ("--preset", "smoke", "--methods", names, "--workers", 1, "--device", "cpu", "--display", "none")
    run(installed / "bench", "run", *smoke, cwd=tmp_path)
    text = run(installed / "bench", "report", "smoke", "--out", tmp_path / "report", cwd=tmp_path)
    assert "MEMIT" in text
    assert {"report.html", "report.md", "report.pdf", "report.tex"} <= {
        path.name for path in (tmp_path / "report").iterdir()
    }
