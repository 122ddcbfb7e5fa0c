"""Facts that are edited again and again: written, overwritten with what was true before, and written once more.

Odd passes over all facts write their new objects, even ones what was true of the unedited model's world. Every fact is
asked for what its last edit wrote, and besides for what that edit replaced (``replaced``): an edit that is forgotten
leaves the other there. What follows from a new object is not asked once it is taken back, nor are its aliases taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.api import EditRequest, Fact, Probe
from bench.ground.errors import BenchError

Truth = Mapping[tuple[str, str], str]
"""What was true before, as a target, by language and fact id."""


def as_written(fact: Fact, turn: int, true: Truth) -> Fact:
    """A fact as pass `turn` writes it.

    Raises:
        BenchError: the data do not tell what was true before.
    """
    back = _restored(fact, true)
    now, before = (fact, back) if turn % 2 else (back, fact)
    lang, text = now.request.lang, now.request.text
    other = Probe(now.request.fact_id, "replaced", lang, lang, text, before.request.target)
    return replace(now, probes=(*now.probes, other))


def _restored(fact: Fact, true: Truth) -> Fact:
    request = fact.request
    if (request.lang, request.fact_id) not in true:
        raise BenchError(
            "the data do not tell what was true before, which every second pass writes back",
            record=request.fact_id,
            field="true",
        )
    back = _with_target(request, true)
    others = tuple(_with_target(each, true) for each in request.translations if (each.lang, each.fact_id) in true)
    return Fact(replace(back, translations=others), tuple(_probes(fact, true)))


def _with_target(request: EditRequest, true: Truth) -> EditRequest:
    return replace(request, target=true[request.lang, request.fact_id])


def _probes(fact: Fact, true: Truth) -> Iterator[Probe]:
    for probe in fact.probes:
        if probe.kind == "specificity":
            yield probe
        elif probe.kind != "portability" and (probe.probe_lang, probe.fact_id) in true:
            yield replace(probe, target=true[probe.probe_lang, probe.fact_id], aliases=())
