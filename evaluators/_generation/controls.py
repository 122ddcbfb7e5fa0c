"""What chance says: answers judged by the target of another fact."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator

from bench.api import Probe
from evaluators._generation.rules import Rules

Wanted = tuple[str, ...]
"""A target and its aliases."""


def wanted(probe: Probe) -> Wanted:
    """What a probe's answer may be."""
    return (probe.target, *probe.aliases)


def others(probes: Sequence[Probe], rules: Rules, generator: Generator) -> list[Wanted | None]:
    """For every probe what another of its kind and language wants, drawn evenly among all that is wanted there.

    Nothing is drawn that would be right of the probe itself; None where there is nothing else.
    """
    pools: dict[tuple[str, str], dict[tuple[str, ...], Wanted]] = {}
    for probe in probes:
        pool = pools.setdefault((probe.kind, probe.probe_lang), {})
        pool.setdefault(_key(rules, probe.target, probe.probe_lang), wanted(probe))
    found: list[Wanted | None] = []
    for probe in probes:
        own = {_key(rules, each, probe.probe_lang) for each in wanted(probe)}
        pool = pools[probe.kind, probe.probe_lang]
        strange = [other for other in pool.values() if not own & {_key(rules, o, probe.probe_lang) for o in other}]
        drawn = int(torch.randint(len(strange), (1,), generator=generator)) if strange else -1
        found.append(strange[drawn] if strange else None)
    return found


def _key(rules: Rules, text: str, lang: str) -> tuple[str, ...]:
    return rules.words(text, lang)
