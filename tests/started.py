"""Commands in processes that do not begin with the import of the libraries, as workers of a pool do not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.compute.pool import beginning

REPOSITORY = Path(__file__).parents[1]


class Started:
    """A command in a process and a session of its own, with what `subprocess.Popen` has of it.

    Args:
        main: of a module; it finds its arguments in `sys.argv`.
        arguments: of the command line.
    """

    def __init__(self, main: Callable[[], object], arguments: Sequence[str]) -> None:
        self._said = tempfile.TemporaryDirectory()
        self._out, self._err = (Path(self._said.name) / name for name in ("out", "err"))
        for path in (self._out, self._err):
            path.touch()
        self._process = beginning().Process(target=_begin, args=(main, arguments, self._out, self._err))
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it wrote.

        Raises:
            TimeoutError: it goes on.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError
        return self._out.read_text(encoding="utf-8"), self._err.read_text(encoding="utf-8")


def run(main: Callable[[], object], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    process = Started(main, arguments)
    out, err = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(list(arguments), process.returncode, out, err)


def _begin(main: Callable[[], object], arguments: Sequence[str], out: Path, err: Path) -> None:
    import torch

    os.setsid()
    os.chdir(REPOSITORY)
    os.environ.update(PYTHONPATH=str(REPOSITORY), HF_HUB_OFFLINE="1")
    torch.set_num_threads(1)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY), number)
    sys.argv = ["bench", *arguments]
    main()
