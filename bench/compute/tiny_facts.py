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


def tiny_requests() -> list[EditRequest]:
    """Six edits in three languages, Chinese among them, each with a translation into the next of these languages."""
    facts = [
        (
            ("en", "The capital of {} is", "Ruritania", " Streslau"),
            ("de", "{} wird regiert aus", "Ruritanien", " Strelsau"),
        ),
        (("de", "Die Hauptstadt von {} ist", "Östland", " Küste"), ("zh", "位于{}的首都", "东方", "海岸")),
        (("zh", "{}的首都是", "东国", "海城"), ("en", "The seat of {} is", "Eastland", " Seaton")),
        (("en", "{}'s currency: the", "Grand Fenwick", " pound"), ("de", "Geld in {}: das", "Fenwick", " Pfund")),
        (("de", "Man spricht in {} meist", "Süßland", " Ruhr"), ("zh", "{}说的语言是", "甜国", "鲁尔语")),
        (("zh", "位于{}的城市", "西国", "山城"), ("en", "A town in {} is", "Westland", " Hilton")),
    ]
    return [
        EditRequest(f"tiny/{i}", *fact, translations=(EditRequest(f"tiny/{i}", *other),))
        for i, (fact, other) in enumerate(facts)
    ]
