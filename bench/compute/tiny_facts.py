"""Facts that tiny models are edited with."""

from __future__ import annotations

from dataclasses import replace

from bench.api import EditRequest, Fact, Probe


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


def parallel_claims() -> list[EditRequest]:
    """The same as claims, for classifiers."""

    def claimed(edit: EditRequest) -> EditRequest:
        label = TRUE if edit.lang == "de" else FALSE
        return replace(edit, prompt=edit.prompt + edit.target, target=label)

    return [replace(claimed(edit), translations=tuple(map(claimed, edit.translations))) for edit in parallel_requests()]


TRUE, FALSE = " true", " false"

PRACTISED = 20


def practice(claims: bool = False) -> list[Fact]:
    """Facts that editors learn on, in the languages of `parallel_requests`: none of them is edited.

    Args:
        claims: for classifiers, each a claim that is true or false.
    """
    words = {
        "en": ("The river of {} is", "Past {} flows", " Nile"),
        "de": ("Der Fluss von {} ist", "An {} fließt", " Inn"),
        "zh": ("{}的河流是", "流过{}的是", "黄河"),
    }
    found = []
    for i in range(PRACTISED):
        for lang, (prompt, rephrase, river) in words.items():
            name, other = f"Place{i}", f"Place{(i + 7) % PRACTISED}"
            fact_id = f"practice/{i}"
            target = (TRUE, FALSE)[i % 2] if claims else river
            if claims:
                prompt, rephrase = prompt + river, rephrase + river
            probes = (
                Probe(fact_id, "generality", lang, lang, rephrase.replace("{}", name), target),
                Probe(fact_id, "specificity", lang, lang, prompt.replace("{}", other), target),
            )
            found.append(Fact(EditRequest(fact_id, lang, prompt, name, target), probes))
    return found
