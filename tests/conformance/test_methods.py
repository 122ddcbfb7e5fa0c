"""Every method of the package passes `bench check`."""

from __future__ import annotations

import pytest

from bench.compute.conformance import check_method
from bench.config.registry import Registry

METHODS = Registry("methods", "bench.methods")


@pytest.mark.parametrize("name", METHODS.names())
def test_method_conforms(name: str) -> None:
    failed = [result for result in check_method(name, METHODS) if not result.passed]
    assert not failed
