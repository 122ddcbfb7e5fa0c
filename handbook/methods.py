"""A page for every method: docstring, options, hyperparameters with their sources, published numbers beside ours."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.config.registry import methods
from handbook import hparams
from handbook.index import EMBEDDED, csv_rows, names, sources
from handbook.markdown import code, escaped, prose, table
from reports.numbers.aggregate import UNEDITED
from reports.parts.contents import FAMILIES, display_name

ROOT = Path(__file__).parents[1]
MEASURES = ("efficacy", "generality", "specificity", "score", "xtreme_f1")
TITLES = ("Efficacy", "Generality", "Specificity", "Score", "XTREME F1")
OURS = {
    "table1": "polyglot-tiny, cldr, tuned",
    "table1-modern": "polyglot-tiny, cldr, tuned, newer methods",
    "scale-free": "the same by the published ratios",
    "mzsre-smollm2": "SmolLM2-135M, MzsRE",
    "mzsre-smollm2-xtreme": "SmolLM2-135M, MzsRE, with XTREME",
}
FOLDER = "methods"
PAPER_MODELS = ("llama3-8b", "qwen2.5-7b", "gpt-j-6b")


def page(name: str) -> str:
    """All of one method."""
    module = methods().module(name)
    summary, _, rest = (inspect.getdoc(module) or "").partition("\n")
    parts = [
        f"# {name}\n\n{prose(summary, _links())}\n{prose(rest, _links())}\n",
        _run(name),
        _options(name),
        _hyperparameters(name, getattr(module, "HPARAMS", "")),
        _numbers(name),
    ]
    return "\n".join(part for part in parts if part)


@cache
def _links() -> dict[str, str]:
    return {f"{FOLDER}.{name.replace('-', '_')}": f"{name}.md" for name in names()}


def _run(name: str) -> str:
    file = f"methods/{name.replace('-', '_')}.py"
    said = f"The code is [`{file}`](../../{file})."
    if name != UNEDITED:
        said += f" `bench run --methods none,{name}` sets it beside the unedited model."
    where = sources()[name]
    return f"{said}\n" + (f"\nSource: {escaped(where['source'])} {where['year']}.\n" if where["source"] else "")


def _options(name: str) -> str:
    rows = [
        (code(option), code(_type(field)), _default(field), escaped(field.description or ""))
        for option, field in methods().options(name).items()
    ]
    if not rows:
        return "## Options\n\nNone.\n"
    said = f"Set by `--set method.{name}.OPTION=VALUE`; a name in [] is that of the released files.\n"
    return f"## Options\n\n{said}\n{table(('option', 'type', 'default', 'what it is'), rows)}"


def _type(field: Any) -> str:
    kind = field.annotation
    return str(kind.__name__ if isinstance(kind, type) else kind).replace("typing.", "")


def _default(field: Any) -> str:
    return "per model" if field.is_required() else code(repr(field.default))


# ---------------------------------------------------------------------------- hyperparameters
def _hyperparameters(name: str, base: str) -> str:
    parts = []
    for path in sorted((ROOT / "bench" / "hparams").glob("*.yaml"), key=_by_use):
        held = hparams.read(path)
        found = held.get(name) or held.get(base)
        if found is not None and found.rows:
            parts.append(_of_model(path, found, "" if name in held else base))
    if not parts:
        return ""
    return "## Hyperparameters and where they come from\n\n" + "\n".join(parts)


def _by_use(path: Path) -> tuple[int, str]:
    """The embedded model first, then those of the paper."""
    first = (EMBEDDED, "polyglot-tiny-scale-free", *PAPER_MODELS)
    return first.index(path.stem) if path.stem in first else len(first), path.stem


def _of_model(path: Path, values: hparams.Values, base: str) -> str:
    head = f"{escaped(hparams.heading(path))}\n\n"
    taken = f"Those of [`{base}`]({base}.md).\n\n" if base else ""
    above = "".join(f"- {escaped(source)}\n" for source in values.sources)
    rows = [(code(row.option), code(row.text), escaped(row.source)) for row in values.rows]
    return f"### {path.stem}\n\n{head}{taken}{above}\n{table(('option', 'value', 'source'), rows)}"


# ---------------------------------------------------------------------------- published and ours
def _numbers(name: str) -> str:
    parts = [*_published(name), *_ours(name), *_cost(name)]
    if not parts:
        return ""
    said = (
        "Percent. Published numbers are of 6 to 8 billion parameters on MzsRE and Bi-ZsRE, ours of the models that fit "
        "this repository's machine: they stand beside each other for their order, not to be subtracted.\n"
    )
    return f"## Published and ours\n\n{said}\n" + "\n".join(parts)


def _published(name: str) -> Iterator[str]:
    found: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in csv_rows(ROOT / "reports" / "published" / "table1.csv"):
        if row["method"] == PUBLISHED_AS.get(name, name):
            key = (row["model"], row["data"], row["order"], row["table"], row["source"])
            found[key][row["metric"]] = row["value"]
    if found:
        rows = [
            (model, data, order, f"{number}, {source}", *(values.get(measure, "–") for measure in MEASURES))
            for (model, data, order, number, source), values in found.items()
        ]
        yield table(("model", "data", "order", "table", *TITLES), rows)
        if name in (*PUBLISHED_AS, *PUBLISHED_AS.values()):
            yield "The paper prints one LangEdit; its numbers come most likely from the released code.\n"


def _ours(name: str) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    titles = {display_name(name), FAMILIES.get(name, "")}
    for folder, what in OURS.items():
        for row in csv_rows(ROOT / "results" / "reference" / folder / "table1.csv"):
            if row["method"] not in titles:
                continue
            shown = tuple(_with_deviation(row, measure) for measure in MEASURES)
            # the same cells stand in several tables
            if shown not in [known[1:] for known in rows]:
                rows.append((f"[{what}](../../results/reference/{folder}/report.md)", *shown))
    if rows:
        yield table(("ours", *TITLES), rows)
        yield "What was run how, and what has changed since: [reference results](../../results/reference/README.md).\n"


PUBLISHED_AS = {"langedit-released": "langedit"}
"""What the paper prints under another name."""


def _with_deviation(row: Mapping[str, str], measure: str) -> str:
    values = [row.get(column, "") for column in (measure, f"{measure}_std")]
    shown = [f"{float(value):.2f}" for value in values if value not in ("", "–")]
    return " ± ".join(shown) or "–"


def _cost(name: str) -> Iterator[str]:
    paper = csv_rows(ROOT / "reports" / "published" / "cost.csv")
    rows: list[tuple[object, ...]] = [
        (row["model"], "100 facts", row["seconds"], row["gigabytes"], f"{row['machine']}, {row['source']}")
        for row in paper
        if row["method"] == PUBLISHED_AS.get(name, name)
    ]
    for path in sorted((ROOT / "results" / "reference").glob("cost-*/cost.csv")):
        model = path.parent.name.removeprefix("cost-")
        for row in csv_rows(path):
            if row["method"] == name and row["phase"] == "total" and row["extrapolated"] == "True":
                what = f"{float(row['edits']):g} fact, extrapolated from three layers"
                where = f"two CPU cores, [ours](../../results/reference/{path.parent.name}/cost.md)"
                rows.append((model, what, f"{float(row['seconds']):.1f}", "–", where))
    if rows:
        yield "What a step costs:\n\n" + table(("model", "a step of", "seconds", "GB", "machine"), rows)
