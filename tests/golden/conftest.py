"""Every test here runs on each of the recorded models."""

from __future__ import annotations

import pytest

from tests.golden.golden import MODELS, Golden


@pytest.fixture(params=MODELS)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)
