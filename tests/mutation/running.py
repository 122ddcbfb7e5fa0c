"""Runs tests on a copy of the sources in which one module is changed."""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["killed", "survived", "timed out"]

PACKAGES = ("bench", "methods", "evaluators", "reports", "benchmarks", "tests")
HEAVY = (
    "torch", "transformers", "transformers.models.llama.modeling_llama", "transformers.models.gptj.modeling_gptj",
    "transformers.models.qwen2.modeling_qwen2", "transformers.models.gpt2.modeling_gpt2", "pandas", "scipy.stats",
    "scipy.special", "sklearn.metrics", "pyarrow.parquet", "pydantic", "hypothesis", "pytest", "safetensors.torch",
)  # fmt: skip
"""Imported once, before any mutant: each one is a fork that has them already."""

PASSED, FAILED, INTERRUPTED = 0, 1, 2
"""Exit statuses of pytest; a module that cannot be imported interrupts it."""


@dataclass(frozen=True, slots=True)
class Run:
    """How tests ended.

    Attributes:
        seconds: of the processor.
        log: what pytest said.
    """

    outcome: Outcome
    seconds: float
    log: str


class Copy:
    """The sources in a folder of their own; what is no Python is a link.

    Args:
        root: of the repository.
        folder: empty.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
            shutil.copytree(root / package, folder / package, copy_function=_copy, ignore=ignored)
        shutil.copy(root / "pyproject.toml", folder)
        for name in HEAVY:
            importlib.import_module(name)

    def run(self, module: str, source: str, tests: Sequence[str], limit: float) -> Run:
        """Ask the tests about a changed module.

        Args:
            module: its path.
            source: its text.
            tests: as pytest takes them.
            limit: seconds of the processor.

        Raises:
            RuntimeError: no test was run.
        """
        path = self.folder / module
        path.write_text(source, encoding="utf-8")
        try:
            return self._run(tests, limit)
        finally:
            path.write_bytes((self.root / module).read_bytes())

    def _run(self, tests: Sequence[str], limit: float) -> Run:
        log = self.folder / "log"
        child = os.fork()
        if not child:
            self._test(tests, limit, log)
        deadline = time.monotonic() + 10 * limit + 60
        while True:
            done, status, usage = os.wait4(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.05)
        text = log.read_text(encoding="utf-8", errors="replace")
        seconds = usage.ru_utime + usage.ru_stime
        if os.WIFSIGNALED(status):
            return Run("timed out", seconds, text)
        code = os.WEXITSTATUS(status)
        if code not in (PASSED, FAILED, INTERRUPTED):
            raise RuntimeError(f"pytest ended with status {code}\n{text}")
        return Run("survived" if code == PASSED else "killed", seconds, text)

    def _test(self, tests: Sequence[str], limit: float, log: Path) -> None:
        """In the child; does not return."""
        code = 70
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
            with log.open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os.chdir(self.folder)
            sys.dont_write_bytecode = True
            sys.path[:] = [str(self.folder), *(each for each in sys.path if each not in ("", str(self.root)))]
            for name in [each for each in sys.modules if each.partition(".")[0] in PACKAGES]:
                del sys.modules[name]
            import pytest

            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))
        finally:
            sys.stdout.flush()
            os._exit(code)


def _copy(source: str, target: str) -> None:
    if source.endswith(".py"):
        shutil.copy(source, target)
    else:
        Path(target).symlink_to(source)
