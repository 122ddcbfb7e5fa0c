"""Facts that tiny models are edited with."""

from __future__ import annotations

from dataclasses import replace

from bench.api import EditRequest


def parallel_requests() -> list[EditRequest]:
    """Two facts, each edited in three languages, Chinese among them; every edit knows its translations."""
    facts = (
        {
            "en": ("The capital of {} is", "Ruritania", " Streslau"),
            "de": ("{} wird regiert aus", "Ruritanien", " Burg"),
            "zh": ("位于{}的首都", "东国", "海城"),
        },
        {
            "en": ("{}'s currency: the", "Grand Fenwick", " pound"),
            "de": ("Das Geld in {} heißt", "Süßland", " Küste"),
            "zh": ("{}的钱是", "甜国", "鲁尔币"),
        },
    )
    found = []
    for i, fact in enumerate(facts):
        alone = [EditRequest(f"tiny/{i}", lang, *text) for lang, text in fact.items()]
        found += [replace(each, translations=tuple(o for o in alone if o is not each)) for each in alone]
    return found
