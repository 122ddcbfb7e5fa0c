"""The unedited model: no edits, the line every method is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from pydantic import BaseModel, ConfigDict

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.stats import Stats

EDITS_NOTHING = True
"""Of any other method `bench check` expects that its edits have an effect."""

ENCODERS = True


class Config(BaseModel):
    """No options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unedited:
    """Leaves the model alone."""

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Nothing to prepare."""
        return State()

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Nothing to write."""
        return state, EditReport()

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def build(config: Config) -> Method:
    """The unedited model."""
    return Unedited()
