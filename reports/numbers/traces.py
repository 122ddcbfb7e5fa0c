"""Effects of restored states, averaged: what a causal trace comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.numbers.trace_files import read_about, read_rows

KINDS: Mapping[str, str] = {"hidden": "Hidden state", "mlp": "MLP", "attention": "Attention"}

PARTS: Mapping[str, str] = {
    "first": "First subject token",
    "middle": "Middle subject tokens",
    "last": "Last subject token",
    "next": "First subsequent token",
    "further": "Further tokens",
    "end": "Last token",
}

BAND = 1.96


@dataclass(frozen=True, slots=True)
class Effects:
    """What was traced, and how.

    Attributes:
        rows: an indirect effect per language, form, fact, part, token, kind and layer.
        about: the contents of trace.json.
    """

    rows: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def asked(self) -> list[str]:
        """Languages that are done; of an interrupted run not all."""
        return list(self.about["counts"])

    @property
    def languages(self) -> list[str]:
        """Those with enough facts that the model knows."""
        return list(self.about["averaged"])

    @property
    def forms(self) -> list[str]:
        """How it was asked, the way that is drawn first; one without a name where there is one."""
        return list(dict.fromkeys(fact["form"] for fact in self.about["facts_traced"]))

    @property
    def layers(self) -> int:
        """Depth of the model."""
        return int(self.about["layers"])

    def probabilities(self, lang: str, form: str | None = None) -> pd.DataFrame:
        """Columns high and low, a row per fact of a language, asked in one form or in any."""
        facts = pd.DataFrame(self.about["facts_traced"])
        kept = facts["language"] == lang
        found: pd.DataFrame = facts[kept if form is None else kept & (facts["form"] == form)]
        return found


def read(folder: Path) -> Effects:
    """The two files that `bench trace` leaves.

    Raises:
        BenchError: one is missing, or is not what it should be.
    """
    about = read_about(folder / "trace.json")
    return Effects(read_rows(folder / "trace.csv", about), about)


def summary(effects: Effects) -> pd.DataFrame:
    """Average indirect effect by language, form, part, kind and layer, with its deviation and 95 % band.

    Middle and further tokens of all facts count one by one, as in the released code.
    """
    return averages(effects.rows, ["language", "form", "kind", "part", "layer"])


def averages(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean effect, deviation, count and 95 % band of groups of rows."""
    found = rows.groupby(by, sort=False)["effect"].agg(aie="mean", std="std", n="count").reset_index()
    found["band"] = BAND * found["std"] / np.sqrt(found["n"])
    return found


def grid(effects: Effects, numbers: pd.DataFrame, lang: str, kind: str) -> NDArray[np.float64]:
    """Average indirect effects [6 parts, L] of a heat map, of the first form; NaN where no fact has such a token."""
    rows = numbers[(numbers["language"] == lang) & (numbers["form"] == effects.forms[0]) & (numbers["kind"] == kind)]
    table = rows.pivot_table(index="part", columns="layer", values="aie")
    found: NDArray[np.float64] = table.reindex(index=list(PARTS), columns=range(effects.layers)).to_numpy(dtype=float)
    return found


def top_of(effects: Effects, numbers: pd.DataFrame, kind: str) -> float:
    """Upper end of the scale of a kind, the same in all languages: the largest effect, or 1 % where there is none."""
    most = max(float(np.nan_to_num(grid(effects, numbers, lang, kind)).max()) for lang in effects.languages)
    return max(most, 0.01)
