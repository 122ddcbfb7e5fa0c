"""AlphaEdit that edits one language and writes the translations of its facts (LangEdit paper, Table 5).

That language is the first of those that are edited. Facts edited in others are not written for their own sake: they
have to be translations of facts that are (``--parallel``, or ``--edited en``), else the cell ends, for an edit that
is never written measures nothing. `methods.alphaedit_all_translations` writes the facts of every language.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods import alphaedit, alphaedit_all_translations
from methods.alphaedit_all_translations import Translating, key, load_translator

HPARAMS = "alphaedit"

NAME = "alphaedit-translation"


class Config(alphaedit_all_translations.Config):
    """Options of AlphaEdit with translations."""


@dataclass(frozen=True, slots=True)
class OneLanguage:
    """See the module.

    Args:
        inner: writes facts with their translations.
    """

    inner: Translating

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """As AlphaEdit."""
        return self.inner.prepare(model, stats, context)

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Write the step's facts of the first language, with their translations.

        Raises:
            BenchError: a fact of another language is no translation of one that is written, or one has no translation.
        """
        source, report = state.constants["context"].languages[0], EditReport()
        if own := [each for each in requests if each.lang == source]:
            state, report = self.inner.apply(model, own, state)
        written = {tuple(each) for each in state.memory["written"]}
        for request in requests:
            if key(request) not in written:
                raise BenchError(
                    f"edited in {request.lang!r} and no translation of a fact that was edited in {source!r}: {NAME} "
                    f"writes one language and its translations; give --parallel, or --edited {source}, or take "
                    f"{alphaedit_all_translations.NAME}",
                    record=request.fact_id,
                )
        return state, report

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return self.inner.deployed(model, state)


def outside(config: Config) -> list[ModuleType]:
    """The module of the translator; see `methods.alphaedit_all_translations`."""
    return alphaedit_all_translations.outside(config)


def build(config: Config) -> Method:
    """AlphaEdit with the translations of one language's facts as described above."""
    return OneLanguage(Translating(alphaedit.build(config), load_translator(config.translator), NAME))
