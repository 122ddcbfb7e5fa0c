"""Why something failed, in one line that holds its cause."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from bench.ground.errors import in_short


def reason_of(act: Callable[[], object]) -> str:
    try:
        act()
    except Exception:
        return traceback.format_exc()
    raise AssertionError


def fail(text: str) -> None:
    raise RuntimeError(text)


def chained(how: str) -> None:
    try:
        fail("the first\nof two")
    except RuntimeError as error:
        if how == "from":
            raise ValueError("the second\nthen more\nthe end") from error
        raise ValueError("the second\nthen more\nthe end")  # noqa: B904


CUDA = "CUDA error: out of memory\nFor debugging consider CUDA_LAUNCH_BLOCKING=1\n\nDevice-side assertions off.\n"


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        (lambda: reason_of(lambda: fail("no can do")), "RuntimeError: no can do"),
        (
            lambda: reason_of(lambda: fail(CUDA)),
            "RuntimeError: CUDA error: out of memory ... Device-side assertions off.",
        ),
        (lambda: reason_of(lambda: fail("")), "RuntimeError"),
        (lambda: reason_of(lambda: chained("from")), "ValueError: the second ... the end"),
        (lambda: reason_of(lambda: chained("while")), "ValueError: the second ... the end"),
        (
            lambda: reason_of(lambda: fail(f"a worker died\n{reason_of(lambda: fail('inside'))}")),
            "RuntimeError: a worker died ... RuntimeError: inside",
        ),
        (lambda: "weights are not finite", "weights are not finite"),
        (lambda: "one\ntwo\nthree", "one ... three"),
        (lambda: "Traceback\n ...\nValueError: no", "ValueError: no"),
        (lambda: " \n", ""),
    ],
)
def test_a_reason_in_one_line(reason, short):
    assert in_short(reason()) == short
