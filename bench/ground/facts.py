"""What is edited and what is asked; `bench.api` is where methods and evaluators find these names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bench.ground.errors import BenchError

ProbeKind = Literal["efficacy", "generality", "specificity", "crosslingual", "portability", "replaced"]
"""The last asks for the object that an edit replaced, where facts are edited several times."""

SUBJECT_SLOT = "{}"


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One edit: after `prompt` (about `subject`) the model shall say `target`.

    Attributes:
        fact_id: names the fact; unique within a dataset, the same in all its languages.
        lang: ISO 639-1 code of the prompt's language.
        prompt: text with exactly one ``{}`` where the subject stands.
        subject: text put in the slot.
        target: text appended to the prompt as it stands; it begins with a space where one is written.
        translations: the same fact with the same new object in other languages of the run, edited there or not, as far
            as the data holds it; each without translations of its own.
        has_subject: False where none is named; the prompt is a bare slot then, and the whole text stands in it.

    Raises:
        BenchError: the prompt has no or several slots, or subject or target is empty.
    """

    fact_id: str
    lang: str
    prompt: str
    subject: str
    target: str
    translations: tuple[EditRequest, ...] = ()
    has_subject: bool = field(default=True, repr=False)

    def __post_init__(self) -> None:
        slots = self.prompt.count(SUBJECT_SLOT)
        if slots != 1:
            found = "no subject slot '{}'" if slots == 0 else f"{slots} subject slots '{{}}'"
            raise BenchError(f"the prompt has {found}, it needs one", record=self.fact_id, field="prompt")
        for name in ("subject", "target"):
            if not getattr(self, name).strip():
                raise BenchError(f"the {name} is empty", record=self.fact_id, field=name)

    @property
    def text(self) -> str:
        """The prompt with the subject in its slot."""
        return self.prompt.replace(SUBJECT_SLOT, self.subject)

    @property
    def subject_span(self) -> tuple[int, int]:
        """Character range of the subject in `text`, end exclusive."""
        start = self.prompt.index(SUBJECT_SLOT)
        return start, start + len(self.subject)


@dataclass(frozen=True, slots=True)
class Probe:
    """One question asked of the edited model: does `target` follow `prompt`?

    Attributes:
        fact_id: the edited fact this probe belongs to (also for specificity probes, which ask another fact).
        kind: which metric the answer counts for.
        edit_lang: language the fact was edited in.
        probe_lang: language of this question.
        prompt: full text, subject filled in.
        target: expected continuation, with its leading space where one is written.
        distinct: False where a paraphrase equals the edited prompt, so that it measures nothing new.
        asks: the fact that is asked, where it is not the edited one and several probes may ask the same; else "".
        aliases: other ways to say the target, as far as the data has them.
    """

    fact_id: str
    kind: ProbeKind
    edit_lang: str
    probe_lang: str
    prompt: str
    target: str
    distinct: bool = True
    asks: str = ""
    # methods learn nothing of them: what they practise on is known by its repr
    aliases: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """An edit request and the probes that judge it; one *record* of the metrics."""

    request: EditRequest
    probes: tuple[Probe, ...] = ()
