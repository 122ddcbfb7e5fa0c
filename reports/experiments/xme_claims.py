"""XME: what the paper claims, with our number and whether it agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.config.variants import base_of
from reports.experiments.xme_study import G, Study, family_name, harmonic_difference, harmonics, mean_of, over_facts
from reports.numbers.scripts import OTHER, SAME, SCRIPT, script_of
from reports.numbers.significance import Outcome, paired
from reports.numbers.variants import EDITORS, FINETUNED, LEARNERS, MIXED, Variant
from reports.parts.contents import language_label, short_name
from reports.parts.tables import DASH, Cell, Column, Table

YES, NO, OPEN = "yes", "no", "cannot be told"

EXPECTED = {"encoder": "LL", "decoder": "ML"}
"""The group of layers that the paper finds best."""

ORDERED = ("IL", "ML", "LL")
"""Groups that lie one after the other; those at random are none of the claim."""

KINDS = {"bert": "encoder", "bloom": "decoder"}
"""What a model is, by a part of its name."""

COMPARABLE = 6.1
"""Points between FT and KE in the paper (mBERT, last layers, English), the furthest of what it calls comparable."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim held against one method.

    Attributes:
        ours: our number, in words.
        outcome: of its test; an empty one where a cell is missing.
        answer: `YES`, `NO` or `OPEN`.
        why: what the answer rests on where it is open.
    """

    claim: str
    method: str
    ours: str
    outcome: Outcome
    answer: str
    why: str = ""


def table(found: Study) -> Table:
    """A row per claim and method."""
    findings = [*layers(found), *finetuning(found), *order(found), *practice(found)]
    rows = tuple(
        (
            *map(Cell, (each.claim, each.method, each.ours)),
            *(_number(value) for value in (each.outcome.difference, each.outcome.low, each.outcome.high)),
            Cell(mean=float(each.outcome.n)) if each.outcome.n else Cell(DASH),
            Cell(f"{each.answer}: {each.why}" if each.why else each.answer),
        )
        for each in findings
    )
    header = (
        Column("claim", "The paper says", "text"),
        Column("method", "Method", "text"),
        Column("ours", "Here", "text"),
        Column("difference", "Difference", "number"),
        Column("ci95_low", "95 % from", "number"),
        Column("ci95_high", "to", "number"),
        Column("claims", "Claims", "number", 0),
        Column("agrees", "Agrees", "text"),
    )
    notes = (
        "Differences in points, paired over claims. Best layers, order of languages, practice: yes where the interval "
        f"lies above 0, no where it lies below. Comparable: yes where it lies within ±{COMPARABLE} points, which "
        "is how far FT is from KE in the paper on mBERT (last layers, English), no where it lies outside. Intervals "
        "are of one comparison each, and layers are chosen by the same numbers, which favours them a little.",
    )
    caption = f"{found.group.name}: what the paper claims, and what this run says of it."
    return Table(f"xme-claims{found.group.suffix}", header, rows, caption, notes)


# ---------------------------------------------------------------------------- the claims
def layers(found: Study) -> Iterator[Finding]:
    """Encoders: the last layers are the best to edit. Decoders: those in the middle."""
    kind = kind_of(found.panel.setting.model)
    claim = {
        "encoder": "In encoders the last layers are the best to edit",
        "decoder": "In decoders the middle layers are the best to edit",
    }.get(kind, "The best layers are the last of an encoder, the middle ones of a decoder")
    for family, name in _families(found, EDITORS):
        members = {each.layers: each for each in _scored(found, family) if each.layers in ORDERED}
        wanted = EXPECTED.get(kind, "")
        if not wanted:
            yield _open(claim, name, f"the name {found.panel.setting.model} does not say what kind of model it is")
        elif wanted not in members or len(members) < 2:
            yield _open(claim, name, f"needs cells with layers={wanted} and others of {', '.join(ORDERED)}")
        else:
            others = [each for group, each in members.items() if group != wanted]
            yield _better(found, claim, name, members[wanted], _best(found, others))


def finetuning(found: Study) -> Iterator[Finding]:
    """Plain fine-tuning comes near the editors, each in its best layers."""
    claim = "Fine-tuning is comparable to the editors"
    plain = [each for family in found.families() if base_of(family[0]) == FINETUNED for each in _scored(found, family)]
    for family, name in _families(found, LEARNERS):
        members = _scored(found, family)
        if not plain or not members:
            yield _open(claim, name, f"needs cells of {FINETUNED if not plain else name}")
            continue
        ours, theirs = _best(found, plain), _best(found, members)
        outcome = harmonic_difference(found, ours.method, theirs.method)
        answer, why = within(outcome, COMPARABLE)
        yield Finding(claim, name, _harmonic_words(found, (ours, theirs)), outcome, answer, why)


def order(found: Study) -> Iterator[Finding]:
    """An edit is heard best in its own language, then in languages of its script."""
    steps = (
        (SAME, SCRIPT, "An edit is heard better in its own language than in others of its script"),
        (SCRIPT, OTHER, "An edit is heard better in languages of its script than of another"),
    )
    for near, far, claim in steps:
        for family, name in _families(found, EDITORS):
            members = _scored(found, family)
            if not members:
                yield _open(claim, name, f"needs cells of {name}")
                continue
            best = _best(found, members)
            mine = _generality(found, best)
            sides = [over_facts(mine[mine["relation"] == each]) for each in (near, far)]
            outcome = _paired(*sides)
            words = f"{_layers(best)} {G} {_mean(sides[0])}, {_mean(sides[1])}"
            yield Finding(claim, name, words, outcome, *above(outcome))


def practice(found: Study) -> Iterator[Finding]:
    """Practice in one language rather than all helps questions in its script more than those in the other."""
    claim = "Practice in a language near that of the question is better"
    for base in LEARNERS:
        families = [family for family in found.families() if base_of(family[0]) == base]
        single = [family for family in families if family[1] != MIXED]
        if not single or not any((family[0], MIXED) in families for family in single):
            yield _open(claim, short_name(base), "needs cells with practice in one language and in all")
            continue
        for family in single:
            mixed = {each.layers: each for each in _scored(found, (family[0], MIXED))}
            members = [each for each in _scored(found, family) if each.layers in mixed]
            if not members:
                yield _open(claim, family_name(found, family), "needs finished cells of both in the same layers")
                continue
            best = _best(found, members)
            yield _nearer(found, claim, family_name(found, family), best, mixed[best.layers])


def _nearer(found: Study, claim: str, name: str, one: Variant, mixed: Variant) -> Finding:
    scripts = {script_of(code) for code in one.practice.split("+")}
    gaps, words = [], []
    for variant in (one, mixed):
        mine = _generality(found, variant)
        mine = mine[mine["relation"] != SAME]
        is_near = mine["probe_lang"].map(script_of).isin(scripts)
        near, far = over_facts(mine[is_near]), over_facts(mine[~is_near])
        gaps.append((near - far).dropna())
        words.append(f"{_mean(near)}, {_mean(far)}")
    outcome = _paired(*gaps)
    language = ", ".join(language_label(code) for code in one.practice.split("+"))
    ours = f"{_layers(one)} {G} near, far: practice {language} {words[0]}; mixed {words[1]}"
    return Finding(claim, name, ours, outcome, *above(outcome))


# ---------------------------------------------------------------------------- answers
def above(outcome: Outcome) -> tuple[str, str]:
    """Whether a difference is above 0."""
    if outcome.low is None or outcome.high is None:
        return OPEN, outcome.note
    if outcome.low > 0:
        return YES, ""
    return (NO, "") if outcome.high < 0 else (OPEN, "the interval holds 0")


def within(outcome: Outcome, margin: float) -> tuple[str, str]:
    """Whether a difference is small either way."""
    if outcome.low is None or outcome.high is None:
        return OPEN, outcome.note
    if -margin < outcome.low and outcome.high < margin:
        return YES, ""
    outside = outcome.low > margin or outcome.high < -margin
    return (NO, "") if outside else (OPEN, "the interval lies partly within")


def kind_of(model: str) -> str:
    """Encoder or decoder, "" where the name does not tell."""
    last = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((kind for part, kind in KINDS.items() if part in last), "")


def _families(found: Study, bases: Sequence[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Every method with its practice, by name; one of no cells, too, for what is missing is said."""
    for base in bases:
        mine = [family for family in found.families() if base_of(family[0]) == base]
        yield from ((family, family_name(found, family)) for family in mine)
        if not mine:
            yield (base, ""), short_name(base)


def _scored(found: Study, family: tuple[str, str]) -> list[Variant]:
    numbers = harmonics(found)
    return [each for each in found.members(family) if (n := numbers.get(each.method)) and n.mean is not None]


def _best(found: Study, members: Sequence[Variant]) -> Variant:
    return max(members, key=lambda each: mean_of(harmonics(found)[each.method]))


def _better(found: Study, claim: str, name: str, one: Variant, other: Variant) -> Finding:
    outcome = harmonic_difference(found, one.method, other.method)
    return Finding(claim, name, _harmonic_words(found, (one, other)), outcome, *above(outcome))


def _harmonic_words(found: Study, sides: Sequence[Variant]) -> str:
    is_one = sides[0].base == sides[1].base
    texts = (
        f"{'' if is_one else f'{short_name(each.base)} '}{_layers(each)} {mean_of(harmonics(found)[each.method]):.1f}"
        for each in sides
    )
    return f"harmonic mean {', '.join(texts)}"


def _generality(found: Study, variant: Variant) -> pd.DataFrame:
    records = found.records
    return records[(records["method"] == variant.method) & (records["what"] == G) & records["main"]]


def _paired(first: pd.Series[float], second: pd.Series[float]) -> Outcome:
    both = pd.concat([first, second], axis=1, join="inner")
    return paired(both.iloc[:, 0].to_numpy(dtype=float), both.iloc[:, 1].to_numpy(dtype=float))


def _mean(values: pd.Series[float]) -> str:
    return f"{values.mean():.1f}" if len(values) else DASH


def _layers(variant: Variant) -> str:
    return variant.layers or "own layers"


def _open(claim: str, name: str, why: str) -> Finding:
    return Finding(claim, name, DASH, Outcome(0), OPEN, why)


def _number(value: float | None) -> Cell:
    return Cell(DASH) if value is None else Cell(mean=value)
