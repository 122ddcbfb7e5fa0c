"""AlphaEdit that also writes every fact's translations, whatever language it is edited in.

The paper's variant (Table 5) edits one language only: `methods.alphaedit_translation`. With as many facts in each of
six languages this one writes six times as much. A step solves once for its own facts and their translations: those
that the data holds (`EditRequest.translations`), in every language of the run, edited or only asked, and those of
`translator` in edited languages that the data lacks. The step's own facts are always written, as AlphaEdit does; a
translation only where no step so far has written the same object into the same fact in the same language, so that
parallel data are not written once per language.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType

from pydantic import Field

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods import alphaedit
from methods._locate.editor import LocateThenEdit, anchors_for, prefixes_for

HPARAMS = "alphaedit"

NAME = "alphaedit-all-translations"

Translator = Callable[[EditRequest, str], EditRequest]
"""(the edit, language) -> the same edit in that language."""


class Config(alphaedit.Config):
    """Options of AlphaEdit with translations."""

    translator: str = Field(
        default="",
        description="package.module:function, called with an edit and a language that the data lacks; gives that edit "
        "in that language",
    )


@dataclass(frozen=True, slots=True)
class Translating:
    """See the module.

    Memory: AlphaEdit's, and ``written``, a list of [fact id, language, target] of everything written so far.

    Args:
        inner: what writes.
        translate: for languages that the data lacks, or None.
        name: of the method, for messages.
    """

    inner: LocateThenEdit
    translate: Translator | None = None
    name: str = NAME

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """As AlphaEdit."""
        state = self.inner.prepare(model, stats, context)
        state.memory["written"] = []
        state.constants["context"] = context
        return state

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Write one step's edits and their translations into all layers.

        Raises:
            BenchError: a fact has no translation, or the translator gives none.
        """
        languages = state.constants["context"].languages
        written = {tuple(each) for each in state.memory["written"]}
        step = list(requests)
        written.update(map(key, step))
        for request in requests:
            for other in self._translations(request, languages):
                if key(other) not in written:
                    written.add(key(other))
                    step.append(other)
        self._add_prefixes(model, step, state)
        state, report = self.inner.apply(model, step, state)
        # a list of lists, as it comes back from a checkpoint
        state.memory["written"] = [*state.memory["written"], *(list(key(each)) for each in step)]
        return state, report

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return self.inner.deployed(model, state)

    def _translations(self, request: EditRequest, languages: Sequence[str]) -> list[EditRequest]:
        """The data's own, then the translator's."""
        found = list(request.translations)
        if self.translate:
            held = {request.lang, *(each.lang for each in found)}
            found += [_translation(self.translate, request, lang) for lang in languages if lang not in held]
        if not found:
            raise BenchError(
                f"the fact has no translation from {request.lang!r} into another language of the run; "
                f"take parallel data in several languages, or set method.{self.name}.translator",
                record=request.fact_id,
            )
        return found

    def _add_prefixes(self, model: EditableModel, step: Sequence[EditRequest], state: State) -> None:
        """Context prefixes and NAS's norms of languages that only translations are in.

        They come from the unedited model, like the others.
        """
        known = state.constants["prefixes"]
        missing = tuple(dict.fromkeys(each.lang for each in step if each.lang not in known))
        if missing:
            with model.unedited():
                context, options = state.constants["context"], self.inner.options
                more = prefixes_for(model, context, options, missing)
                anchors = anchors_for(model, context, options, options.layers[-1], missing)
            state.constants["prefixes"] = {**known, **more}
            state.constants["anchors"] = {**state.constants["anchors"], **anchors}


def _translation(translate: Translator, request: EditRequest, lang: str) -> EditRequest:
    """What the translator gives, if that is what it was asked for."""
    found = translate(request, lang)
    if not isinstance(found, EditRequest) or (found.fact_id, found.lang) != (request.fact_id, lang):
        raise BenchError(f"the translator gave no edit of the fact in {lang!r}", record=request.fact_id)
    return found


def key(request: EditRequest) -> tuple[str, str, str]:
    """What is written: a fact's object in a language."""
    return request.fact_id, request.lang, request.target


def load_translator(name: str) -> Translator | None:
    """The function that ``package.module:function`` names; None for "".

    Raises:
        BenchError: there is no such function.
    """
    if not name:
        return None
    module, _, function = name.partition(":")
    try:
        found: Translator = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise BenchError(f"translator {name!r} cannot be loaded: {error}", field="translator") from error
    if not callable(found):
        raise BenchError(f"translator {name!r} is no function", field="translator")
    return found


def outside(config: Config) -> list[ModuleType]:
    """The module of the translator, whose text makes numbers too.

    Raises:
        BenchError: there is no such function.
    """
    translate = load_translator(config.translator)
    return [sys.modules[config.translator.partition(":")[0]]] if translate else []


def build(config: Config) -> Method:
    """AlphaEdit with translations as described above."""
    return Translating(alphaedit.build(config), load_translator(config.translator))
