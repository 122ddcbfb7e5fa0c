"""What XME published (Beniwal et al., Findings of EACL 2024), condensed to means by script.

`reports/published/xme.csv` holds means over the pairs of en, fr, es, hi, gu, bn, as fractions: one row per model,
method, language of fine-tuning, group of layers and measure, from the run of six languages; where that block is
doubtful, a second row from the later run of eleven. Blocks that are copies of others have no numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from reports.numbers.paper import read
from reports.numbers.scripts import RELATIONS
from reports.numbers.variants import FINETUNED, MIXED, Variant

MODELS = {"bert-base-multilingual-uncased": "mbert", "xlm-roberta-base": "xlm-r", "bloom-560m": "bloom-560m"}
"""Their names on the hub, and in the table."""

METHODS = {"mend": "mend", "ke": "ke", FINETUNED: "ft"}

LANGUAGES = ("en", "fr", "es", "hi", "gu", "bn")

SOURCE = (
    "Published: XME (Beniwal et al., EACL 2024 Findings), matrices of its repository, means over six languages; there "
    "classifiers were fine-tuned, too, in the language that editors were trained in. Half of the edits flip nothing."
)
ELEVEN = "From the paper's later run of eleven languages, the same six of them."

PER_CENT = 100.0


@dataclass(frozen=True, slots=True)
class Published:
    """A published block.

    Attributes:
        means: (measure, relation) -> percent.
        doubts: what is wrong with its numbers, or why some are missing.
        later: whether some numbers are from the run of eleven languages.
    """

    finetuned_on: str
    means: dict[tuple[str, str], float]
    doubts: tuple[str, ...]
    later: bool


def known_as(model: str) -> str:
    """The published model that a name or folder stands for, "" for none."""
    last = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((short for hub, short in MODELS.items() if hub in last), "")


def blocks(model: str, variant: Variant, practised: Collection[str] = (MIXED,)) -> Iterator[Published]:
    """The published blocks beside a method: of its practice.

    Args:
        model: by any name.
        variant: the method.
        practised: what those that do not learn are shown for, as other methods of the run practise in it.
    """
    table = read("xme.csv")
    same = table["model"].eq(known_as(model)) & table["method"].eq(METHODS.get(variant.base, ""))
    found = table[same & table["layers"].eq(variant.layers)]
    wanted = {{MIXED: "mixed"}.get(each, each) for each in ([variant.practice] if variant.practice else practised)}
    for language, part in found.groupby("finetuned_on", sort=False):
        if str(language) in wanted:
            yield _block(str(language), part)


def _block(language: str, part: pd.DataFrame) -> Published:
    """Of every measure the first row without a doubt, or the first of all."""
    part = part.assign(doubt=part["doubt"].fillna("").astype(str))
    sure = part.sort_values("doubt", key=lambda doubt: doubt != "", kind="stable").groupby("metric").head(1)
    numbers = {
        (str(row["metric"]), key): PER_CENT * float(row[key])
        for _, row in sure.iterrows()
        for key in ("mean", *RELATIONS)
        if pd.notna(row[key])
    }
    doubts = tuple(f"{row['metric']}: {row['doubt']}" for _, row in sure.iterrows() if row["doubt"])
    return Published(language, numbers, doubts, bool(sure["languages"].gt(len(LANGUAGES)).any()))
