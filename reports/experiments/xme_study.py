"""What the sections on XME are computed from: G_S and S_S of every edit, by language of the edit and of the question.

G_S, generality: the edited claim in other words, in the language of the edit or in others. S_S, specificity: unrelated
claims of which the edited model says what the unedited one says, right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from bench.store.results import Results
from reports.experiments.common import Group, finer, methods_of, summaries_by
from reports.experiments.table6 import CROSSLINGUAL
from reports.numbers.aggregate import UNEDITED, Panel, Summary, harmonic
from reports.numbers.measures import EFFICACY, FURTHER, GENERALITY, Measure
from reports.numbers.once import once
from reports.numbers.pairing import Pair, Values, shares
from reports.numbers.scripts import MAIN, among, by_script, relation
from reports.numbers.significance import Outcome, summed
from reports.numbers.variants import MIXED, Variant, variants
from reports.parts.contents import language_label, short_name

AGREEMENT = next(measure for measure in FURTHER if measure.key == "specificity_agreement")
ASKED = Measure("specificity_agreement_asked", "S_S by the claim that is asked", AGREEMENT.asked, AGREEMENT.protocol)

G, S = "G_S", "S_S"
PAIR = ("edit_lang", "probe_lang")
SIDES = ("what", *PAIR)

MARGIN = 50.0
"""Percent of an edit's targets that the unedited model says from which on the edit flips nothing."""


@dataclass(frozen=True, slots=True)
class Study:
    """The independent edits of one setting.

    Attributes:
        group: its name and its files.
        variants: methods by their parts, in the order of tables.
        languages: of edits and questions, by script.
        records: method, seed, what (`G` or `S`), fact, edit_lang, probe_lang, value in percent; relation of the two
            languages, and whether both are of `MAIN`; whether the edit flips what the unedited model says (None without
            cells of the unedited model).
        asked: the `S` of them by the claim that is asked, where the data tell it.
        known: what `once` keeps.
    """

    group: Group
    panel: Panel
    variants: tuple[Variant, ...]
    languages: tuple[str, ...]
    records: pd.DataFrame
    asked: pd.DataFrame
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def has_unedited(self) -> bool:
        """Whether it is known what the unedited model says."""
        return bool(self.records["flips"].notna().any())

    def families(self) -> list[tuple[str, str]]:
        """Methods with their languages of practice, the unedited model left out."""
        return list(dict.fromkeys(each.family for each in self.variants if each.method != UNEDITED))

    def members(self, family: tuple[str, str]) -> list[Variant]:
        """Groups of layers of a method."""
        return [each for each in self.variants if each.family == family]


def study(results: Results, group: Group, panel: Panel) -> Study | None:
    """The edits of a setting; None where no edited claim was asked in other words."""
    records = finer(results, panel, (GENERALITY, CROSSLINGUAL, AGREEMENT, EFFICACY, ASKED), ("fact", *PAIR))
    inside = records["edit_lang"] == records["probe_lang"]
    is_g = records["metric"].eq(GENERALITY.metric) & inside | records["metric"].eq(CROSSLINGUAL.metric) & ~inside
    if not is_g.any():
        return None
    edits = records[is_g | records["metric"].eq(AGREEMENT.metric)]
    edits = edits.assign(what=np.where(edits["metric"] == AGREEMENT.metric, S, G))
    return Study(
        group,
        panel,
        tuple(variants(methods_of([panel]))),
        tuple(by_script([*edits["edit_lang"], *edits["probe_lang"]])),
        _related(edits.merge(_flips(records), on=["seed", "fact", "edit_lang"], how="left")),
        records[records["metric"] == ASKED.metric],
    )


def _flips(records: pd.DataFrame) -> pd.DataFrame:
    """Whether the unedited model says something else than the target, by seed, fact and language of the edit."""
    before = records[(records["method"] == UNEDITED) & (records["metric"] == EFFICACY.metric)]
    known = before[["seed", "fact", "edit_lang"]].assign(flips=before["value"] < MARGIN)
    return known.astype({"flips": object})


def _related(edits: pd.DataFrame) -> pd.DataFrame:
    found = edits[list(PAIR)].drop_duplicates()
    sides = list(found.itertuples(index=False, name=None))
    found = found.assign(relation=[relation(*each) for each in sides], main=[MAIN in among(*each) for each in sides])
    return edits.merge(found, on=list(PAIR))


# ---------------------------------------------------------------------------- means
def pairs(found: Study, flipped: bool = False, languages: Sequence[str] = ()) -> pd.DataFrame:
    """Mean over facts by method, seed, what is measured, and pair of languages.

    Args:
        found: the edits.
        flipped: only edits that flip what the unedited model says.
        languages: only these; () for all.
    """
    records = found.records
    if flipped:
        records = records[records["flips"].eq(True)]
    if languages:
        records = records[records["edit_lang"].isin(languages) & records["probe_lang"].isin(languages)]
    return records.groupby(["method", "seed", *SIDES, "relation"])["value"].mean().reset_index()


def complete(means: pd.DataFrame) -> pd.DataFrame:
    """Of some `pairs`, what has all pairs of languages that any method has: no mean is made of a part."""
    wanted = means[list(SIDES)].drop_duplicates().groupby("what").size()
    sizes = means.groupby(["method", "seed", "what"])["value"].transform("size")
    return means[sizes == means["what"].map(wanted)]


def matrices(found: Study) -> dict[tuple[str, ...], Summary]:
    """(method, `G` or `S`, edited, asked) -> number."""
    return summaries_by(found.panel, pairs(found), SIDES)


@once
def means(found: Study) -> dict[tuple[str, ...], Summary]:
    """(method, `G` or `S`) -> mean over the matrix."""
    return summaries_by(found.panel, complete(pairs(found)), ("what",))


@once
def harmonics(found: Study) -> dict[str, Summary]:
    """Harmonic mean of both means of every method."""
    parts = complete(pairs(found)).groupby(["method", "seed", "what"])["value"].mean().unstack("what")
    parts = parts.reindex(columns=[G, S]).dropna().reset_index()
    values = [harmonic([g, s]) for g, s in zip(parts[G], parts[S], strict=True)]
    numbers = summaries_by(found.panel, parts[["method", "seed"]].assign(value=values), ())
    return {variant.method: numbers[variant.method,] for variant in found.variants if (variant.method,) in numbers}


def by_relation(found: Study, table: pd.DataFrame) -> dict[tuple[str, ...], Summary]:
    """(method, languages, `G` or `S`, relation) -> mean over pairs of languages.

    Args:
        found: the edits.
        table: some of its `pairs`.
    """
    rows = complete(table)
    sides = set(rows[list(PAIR)].itertuples(index=False, name=None))
    places = pd.DataFrame(
        [(*each, place) for each in sorted(sides) for place in among(*each)], columns=[*PAIR, "languages"]
    )
    return summaries_by(found.panel, rows.merge(places, on=list(PAIR)), ("languages", "what", "relation"))


# ---------------------------------------------------------------------------- over facts
def over_facts(records: pd.DataFrame) -> pd.Series[float]:
    """One value per fact: its mean over pairs of languages and seeds."""
    found: pd.Series[float] = records.groupby("fact")["value"].mean()
    return found


def harmonic_difference(found: Study, first: str, second: str = "") -> Outcome:
    """Harmonic mean of a method minus that of another (of nothing if ""), with its interval over facts.

    As `reports.numbers.pairing.score_over_facts` does: each fact by its share, edited claims and those that are asked
    as two independent samples where the data tell which are asked.
    """
    if any(
        number is None or number.mean is None for number in map(harmonics(found).get, filter(None, (first, second)))
    ):
        return Outcome(0, note="a matrix has gaps")
    asked = found.asked
    told = {first, second} - {""} <= set(asked["method"].unique())
    edits = [_of(found.records, method) for method in (first, second or first)]
    sides = [
        tuple(over_facts(each[each["what"] == G]) for each in edits),
        tuple(over_facts(_of(asked, method)) for method in (first, second or first))
        if told
        else tuple(over_facts(each[each["what"] == S]) for each in edits),
    ]
    values = [_paired(*side) for side in sides]
    parts = [shares([side[place] for side in values]) for place in (0, 1)]
    if not all(parts) or (not told and len(values[0][0]) != len(values[1][0])):
        return Outcome(0, note="a mean is 0, or there is none")
    if not second:
        parts[1] = [np.zeros_like(each) for each in parts[1]]
    if told:
        return summed([(parts[0][i], parts[1][i]) for i in (0, 1)])
    return summed([(parts[0][0] + parts[0][1], parts[1][0] + parts[1][1])])


def _of(records: pd.DataFrame, method: str) -> pd.DataFrame:
    return records[records["method"] == method]


def _paired(first: pd.Series[float], second: pd.Series[float]) -> Pair:
    both = pd.concat([first, second], axis=1, join="inner")
    one: Values = both.iloc[:, 0].to_numpy(dtype=np.float64)
    return one, both.iloc[:, 1].to_numpy(dtype=np.float64)


# ---------------------------------------------------------------------------- words
def practice_name(variant: Variant) -> str:
    """The languages that an editor practised in, for people; "" for methods that do not learn."""
    if not variant.practice:
        return ""
    names = (language_label(code) for code in variant.practice.split("+"))
    return "mixed" if variant.practice == MIXED else ", ".join(names)


def family_name(found: Study, family: tuple[str, str]) -> str:
    """A method with what it practised in, for people."""
    practice = practice_name(found.members(family)[0])
    name = short_name(family[0])
    return f"{name}, practice {practice}" if practice else name


def mean_of(number: Summary | None) -> float:
    """A mean, NaN where there is none."""
    return nan if number is None or number.mean is None else number.mean
