"""A desk as the pages presuppose it: their files, a model, a text, and the two packages of their examples."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.model.tiny import tiny_corpus, tiny_model
from tests.handbook import pages

PACKAGES = {"docs/your-method.md": "my_method.py", "docs/your-evaluator.md": "my_evaluator.py"}


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The examples of a method and of an evaluator, each as its page has it, installed into a folder of their own."""
    target = tmp_path_factory.mktemp("target")
    sources = []
    for page in PACKAGES:
        source = tmp_path_factory.mktemp("source")
        for name, text in pages.files(page).items():
            (source / name).write_text(text, encoding="utf-8")
        sources.append(str(source))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), *sources], check=True, timeout=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(target)
        yield target


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all desks share: the user's model and text, and a cache."""
    folder = tmp_path_factory.mktemp("shared")
    model = tiny_model("llama")
    model.hf.save_pretrained(folder / "my-model")
    model.tokens.tokenizer.save_pretrained(folder / "my-model")
    (folder / "my-text.txt").write_text("\n".join(tiny_corpus()), encoding="utf-8")
    (folder / "cache").mkdir()
    return folder


@pytest.fixture
def desk(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in."""
    for page in pages.names():
        for name, text in pages.files(page).items():
            if page not in PACKAGES:
                (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copytree(shared / "my-model", tmp_path / "my-model")
    shutil.copy(shared / "my-text.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(shared / "cache"))
    return tmp_path
