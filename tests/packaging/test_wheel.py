"""The package as it is installed: a wheel in an environment that holds nothing else of ours.

Dependencies are lent by the environment of the tests, so that no network is needed; and none can be used there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.config.registry import methods

ROOT = Path(__file__).parents[2]

PACKAGES = ("bench", "methods", "evaluators", "reports")

PYTHONS = ("3.11", "3.12", "3.13")
"""Versions that the package says it runs on."""

ALONE = """
import socket


def refuse(*_):
    raise OSError("there is no network in this test")


class Alone(socket.socket):
    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else refuse()


socket.socket, socket.getaddrinfo = Alone, refuse
"""
"""What an environment begins with that has no network."""

COMPILE = """
import pathlib, sys, warnings
warnings.simplefilter("error")
for folder in sys.argv[1:]:
    for path in pathlib.Path(folder).rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
print("%d.%d" % sys.version_info[:2])
"""

pytestmark = pytest.mark.xdist_group("wheel")  # its set-up takes long


def run(*command: object, cwd: Path) -> str:
    # without HF_HUB_OFFLINE: nobody sets it who has just installed the package
    without = ("PYTHONPATH", "PYTHONHOME", "HF_HUB_OFFLINE")
    environment = {k: v for k, v in os.environ.items() if k not in without}
    environment |= {"BENCH_CACHE_DIR": str(cwd / "cache"), "COLUMNS": "200"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of the checkout that may belong to the package."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("not a checkout: what belongs to the package is not known")
    return [name for name in files.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(sources: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of the whole checkout but for results."""
    pytest.importorskip("setuptools", "77", reason="the wheel is built with setuptools 77 or newer")
    folder = tmp_path_factory.mktemp("wheel")
    # a copy: building leaves files beside the sources
    source = folder / "source"
    for name in sources:
        if not name.startswith("results/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = ("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", *build, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The bin folder of an environment with the wheel."""
    folder = wheel.parent
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # a path in a .pth file is searched, but .pth files in it, such as that of an editable install, are not read
    (purelib / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport alone\n", encoding="utf-8")
    (purelib / "alone.py").write_text(ALONE, encoding="utf-8")
    return python.parent


def test_the_wheel_holds_the_packages_and_nothing_else(sources: list[str], wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {name for name in sources if name.partition("/")[0] in PACKAGES}


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (place,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(place).decode("utf-8"))
        (points,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "bench = bench.cli.main:main" in archive.read(points).decode("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wheel.name.endswith("-py3-none-any.whl")
    assert said["Requires-Python"] == ">=3.11"
    stated = [line.rpartition(" ")[2] for line in said.get_all("Classifier") if "Python :: 3." in line]
    assert stated == list(PYTHONS)
    assert sorted(said.get_all("Provides-Extra")) == sorted(project["optional-dependencies"])
    needed = [line for line in said.get_all("Requires-Dist") if "extra ==" not in line]
    assert len(needed) == len(project["dependencies"])


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_that_is_here_reads_it(version: str, tmp_path: Path) -> None:
    command = shutil.which(f"python{version}")
    if not command or subprocess.run([command, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version} here")
    folders = [ROOT / name for name in PACKAGES]
    assert run(command, "-I", "-c", COMPILE, *folders, cwd=tmp_path).strip() == version


def test_there_is_no_network(installed: Path, tmp_path: Path) -> None:
    asking = "import urllib.request; urllib.request.urlopen('https://huggingface.co')"
    done = subprocess.run([installed / "python", "-c", asking], cwd=tmp_path, capture_output=True, text=True)
    assert "there is no network in this test" in done.stderr


@pytest.mark.soak
def test_the_doctor_finds_nothing_wrong(installed: Path, tmp_path: Path) -> None:
    assert "nothing is wrong" in run(installed / "bench", "doctor", cwd=tmp_path)


def test_skeletons_come_with_it(installed: Path, tmp_path: Path) -> None:
    run(installed / "bench", "new", "method", "half-memit", cwd=tmp_path)
    assert (tmp_path / "half-memit" / "half_memit.py").is_file()


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
