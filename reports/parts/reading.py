"""The last page of a report: in plain words, what each number is and how sure it is."""

from __future__ import annotations

from reports.numbers.f1 import DRAWS, SWAPS
from reports.numbers.measures import EFFICACY, XTREME
from reports.numbers.rounding import tolerance
from reports.numbers.significance import ALPHA
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

NUMBERS = (
    (
        "Efficacy",
        "How much of the new answer the edited model gives when asked with the prompt that was edited.",
        "teacher forcing",
    ),
    (
        "Generality",
        "The same, asked in other words. Where the data holds paraphrases that equal the prompt, "
        '"Generality, reworded" leaves them out.',
        "teacher forcing",
    ),
    (
        "Specificity",
        "How much of the right answer it gives to questions about other facts, which no edit should touch. "
        '"Specificity, agreement" counts agreement with what the unedited model says, right or wrong (LangEdit '
        "Eq. 13).",
        "teacher forcing",
    ),
    (
        "Score",
        "Harmonic mean of efficacy, generality and specificity of one seed; high only where all three are.",
        "as its parts",
    ),
    ("Other languages", "The edited fact, asked in the languages it was not edited in.", "teacher forcing"),
    (
        "Portability",
        "A question whose answer follows from the edited fact; only some data sets ask one.",
        "teacher forcing",
    ),
    ("..., exact", "Whether the model, generating freely, gives the whole answer.", "greedy generation"),
    (
        "XTREME F1",
        "What the model still does on XNLI, PAWS-X, MLQA and WikiANN (or the embedded model's own tasks of the same "
        "kinds) after the edits. Not a mean over facts: the mean over tasks of the mean over languages.",
        "langedit: answers as generated, scored as the LangEdit authors do. likelihood: label words compared by their "
        "probability, answers and entities normalised first. Never mixed",
    ),
)

PROTOCOLS = (
    "All numbers are percentages.",
    "Teacher forcing: the model is shown the true answer token by token, and the value is the share of tokens that it "
    "ranks first. Greedy generation: it writes on by itself, and the value is 1 if that is the answer, else 0.",
    "How they are averaged: over tokens and questions of one edit, then over edits, then over seeds. n of the mean is "
    "the number of edits; n of the standard deviation is the number of seeds.",
    "±: standard deviation over seeds (n - 1 in the denominator), not an interval. A seed draws facts, new answers and "
    "their order, the same for every method, so methods are compared on the same facts.",
    f"Another machine: rounding moves a mean of three seeds by up to {tolerance(EFFICACY, 3):.1f} points, XTREME F1 by "
    f"up to {tolerance(XTREME, 3):.1f}, of RECT, which keeps entries by rank, {tolerance(EFFICACY, 3, 'rect'):.1f} and "
    f"{tolerance(XTREME, 3, 'rect'):.1f}; smaller differences can be compared on one machine only.",
    "– (k/n): k of n seeds have finished; no mean is made of a part. A dash alone: not measured, or no test; the note "
    "below the table tells why.",
)

TESTS = (
    "Each column's best method is compared with every other method. Difference: mean of the paired differences, in "
    "percentage points; above zero, the best is better.",
    "Over facts (the main test): each fact is one pair. All values of a fact - its questions, the languages it was "
    "edited in, the seeds that drew it - are averaged first, because they are not independent; n is the number of "
    "facts. For specificity the fact is the one that is asked, as several edits may ask the same, where the data tell "
    "which it is; else the edited one.",
    "XTREME F1 over items: an F1 is no mean over items, so it is made again from what each item adds to right, gold "
    "and said answers. p: a paired permutation test; the two methods' answers to an item, in all its languages and "
    f"seeds, change places at random, {SWAPS:,} times, and p is how often F1 then differs as much. 95 % interval: "
    f"bootstrap percentiles; the items of each task are drawn anew, the same for both methods, {DRAWS:,} times. n is "
    "the number of items; there is no d_z.",
    "Over seeds (as in the LangEdit paper): each seed is one pair, the methods' means; n is the number of seeds, and "
    "with three of them only large differences can be told from chance.",
    "Score over facts: the score is no mean over facts, so each fact stands with its share in it (delta method: the "
    "derivatives of the harmonic mean); the shares average to the score of all facts together. Edited facts and those "
    "that specificity asks are tested as two independent samples whose means add up (Welch); n counts the edited ones.",
    "p over facts: two-sided paired t-test, n - 1 degrees of freedom. 95 % interval: the mean difference ± the 97.5 % "
    "point of that t distribution x standard error. It is that of one comparison, not widened for their number.",
    "p (Holm): corrected for all comparisons over facts in the setting's table, all columns together, so that "
    f"the chance of even one false star stays below {ALPHA:g}. What has no p is not counted. p over seeds is "
    "not corrected.",
    "d_z: the mean difference in standard deviations of the paired differences; 0.2 is small, 0.8 large.",
    "No p, but a dash: fewer than two pairs; or differences without any variance, where t is infinite or 0/0.",
    "The best method is chosen by the same data, which favours it a little; the tests take one run as it is and say "
    "nothing about other models, data or hyperparameters.",
)


def sections() -> tuple[Section, Section]:
    """How to read the numbers and how differences are tested; once per report."""
    header = (
        Column("number", "Number", "text"),
        Column("meaning", "What it says", "text"),
        Column("protocol", "Protocol", "text"),
    )
    rows = tuple(tuple(map(Cell, row)) for row in NUMBERS)
    table = Table("numbers", header, rows, "What the numbers are.")
    return (
        Section("How to read the numbers", (table, PROTOCOLS)),
        Section("How differences are tested", (TESTS,)),
    )
