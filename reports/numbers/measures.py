"""The columns of tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a table: one metric under one protocol; the two are never mixed.

    Attributes:
        key: short name, for files.
        title: for people.
        metric: as evaluators write it; "" where the value is derived from other columns.
        protocol: as evaluators write it, or None where the metric knows only one.
    """

    key: str
    title: str
    metric: str
    protocol: str | None = None

    @property
    def asked(self) -> str:
        """The metric of the same rows by the fact that is asked, not the edited; what tests pair if there are any."""
        return f"{self.metric}_asked" if self.metric.startswith("specificity") else ""


EFFICACY = Measure("efficacy", "Efficacy", "efficacy", "teacher_forced")
GENERALITY = Measure("generality", "Generality", "generality", "teacher_forced")
SPECIFICITY = Measure("specificity", "Specificity", "specificity", "teacher_forced")
SCORE = Measure("score", "Score", "")
XTREME = Measure("xtreme_f1", "XTREME F1", "xtreme_f1", "langedit")
XTREME_LIKELIHOOD = Measure("xtreme_f1_likelihood", "XTREME F1, likelihood", "xtreme_f1", "likelihood")

CORE = (EFFICACY, GENERALITY, SPECIFICITY)
MAIN = (*CORE, SCORE, XTREME)
FURTHER = (
    Measure("generality_distinct", "Generality, reworded", "generality_distinct", "teacher_forced"),
    Measure("specificity_agreement", "Specificity, agreement", "specificity_agreement", "teacher_forced"),
    Measure("crosslingual", "Other languages", "crosslingual", "teacher_forced"),
    Measure("portability", "Portability", "portability", "teacher_forced"),
    Measure("replaced", "Still says what was replaced", "replaced", "teacher_forced"),
    Measure("efficacy_exact", "Efficacy, exact", "efficacy_exact", "greedy_exact"),
    Measure("generality_exact", "Generality, exact", "generality_exact", "greedy_exact"),
    Measure("efficacy_generated", "Efficacy, free answer", "efficacy_match", "generation"),
    XTREME_LIKELIHOOD,
)
