"""Shared by all tests: one thread each (they run in parallel), no hub."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# how long an example takes says how busy the machine is
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many malformed inputs every reader was given; here, for under xdist no deeper conftest is asked."""
    from tests.hostile.fuzzing import PROPERTY

    passed = terminalreporter.getreports("passed")
    texts = [str(value) for report in passed for name, value in report.user_properties if name == PROPERTY]
    rows = sorted((name, int(given), int(refused)) for name, given, refused in (text.split("|") for text in texts))
    if rows:
        rows.append((f"{len(rows)} readers", sum(row[1] for row in rows), sum(row[2] for row in rows)))
        terminalreporter.section(f"{PROPERTY}: given, refused")
        terminalreporter.write("".join(f"{given:6}{refused:6}  {name}\n" for name, given, refused in rows))
