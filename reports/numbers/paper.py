"""The numbers that the paper published, for the models and data that a run shares with it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import as_file, files

import pandas as pd

from reports.numbers.aggregate import UNEDITED, Setting
from reports.numbers.measures import CORE, XTREME

MEASURES = (*CORE, XTREME)
FACTS = 100
"""Of a step, in the paper and in its seconds."""
RELEASED = {"langedit": "langedit-released"}
"""What the paper calls so was, most likely, computed by the code that its authors released."""

WHY_RELEASED = (
    "The paper's LangEdit stands beside the released code, which most likely computed it: that code differs from the "
    "paper's Eq. 4 to 10 in the weight of earlier keys, the history term, the threshold and L2."
)
BOS = (
    "Published Llama specificity counted the beginning-of-text token before an answer, which no model gives: an answer "
    "of k tokens reaches k/(k+1) at most. Ours counts the k tokens."
)
SOURCE = (
    "Published: LangEdit paper, {what}; there 400 facts in each of six languages, in steps of 100, and three seeds."
)


def known_as(model: str) -> str:
    """The short name of a model that is given by its hub id; other names as they are."""
    models = read("models.csv")
    found = models.loc[models["hub"].str.lower() == model.lower(), "model"]
    return str(found.iloc[0]) if len(found) else model


def scores(setting: Setting) -> dict[str, dict[str, float]]:
    """Method -> measure -> percent for a setting that the paper has too; empty for others."""
    return _by_method(setting, "value")


def spreads(setting: Setting) -> dict[str, dict[str, float]]:
    """Likewise the published standard deviations over seeds, as far as the package has them."""
    return _by_method(setting, "std")


def _by_method(setting: Setting, column: str) -> dict[str, dict[str, float]]:
    table = read("table1.csv")
    same = (table["model"] == known_as(setting.model)) & (table["data"] == setting.data)
    found = table[same & (table["order"] == setting.order)]
    if len(found):  # what no fact has been edited into does not depend on their order
        found = table[same & ((table["order"] == setting.order) | (table["method"] == UNEDITED))]
    return {
        RELEASED.get(str(method), str(method)): dict(zip(part["metric"], part[column], strict=True))
        for method, part in found[found[column].notna()].groupby("method")
    }


def notes(setting: Setting, methods: Iterable[str]) -> tuple[str, ...]:
    """What to know of the published numbers of some methods."""
    why = (WHY_RELEASED,) if set(methods) & set(RELEASED.values()) else ()
    return (*why, *((BOS,) if known_as(setting.model).startswith("llama") else ()))


def costs(model: str) -> dict[str, tuple[float, float]]:
    """Method -> seconds and gigabytes of a step of 100 edits; empty for models that the paper does not have."""
    table = read("cost.csv")
    found = table.loc[table["model"] == known_as(model), ["method", "seconds", "gigabytes"]]
    rows = found.itertuples(index=False, name=None)
    return {RELEASED.get(method, method): (seconds, gigabytes) for method, seconds, gigabytes in rows}


def read(name: str) -> pd.DataFrame:
    """A table of `reports/published`."""
    with as_file(files("reports") / "published" / name) as path:
        table: pd.DataFrame = pd.read_csv(path)
    return table
