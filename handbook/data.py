"""The page of data sets: generated from what their sources say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from babel import Locale

from bench.data.common import SPACELESS_LANGUAGES, Dataset
from bench.data.datasets import datasets
from bench.data.sources.xtreme import LANGUAGES, TASKS
from bench.data.spans import in_words
from handbook.markdown import code, escaped, table


def listing() -> str:
    """Every data set, with all that is known of it."""
    return "\n".join(_section(each) for each in datasets().values())


def _section(each: Dataset) -> str:
    lines = {
        "Languages": f"{len(each.languages)}: {' '.join(each.languages)}",
        "Licence": each.licence,
        "Citation": each.citation,
        "From": each.source,
        "Revision": each.revision,
        "Hub": f"{each.hub.repository} at {each.hub.revision}" if each.hub else "",
        "Which facts": each.selection,
        "Practice facts": "yes, none of which is edited or asked" if each.practice else "none",
    }
    told = "".join(f"- {name}: {escaped(text)}\n" for name, text in lines.items() if text)
    spans = "".join(
        f"- Subjects found right, looked at by eye: {escaped(line)}\n" for line in in_words(each.reliability)
    )
    hashes = {file: f", sha256 {code(digest)}" if digest else "" for file, digest in each.files.items()}
    files = "".join(f"- File: {code(file)}{digest}\n" for file, digest in hashes.items())
    return f"### {each.name}\n\n{escaped(each.what)}\n\n{told}{spans}{files}"


def languages() -> str:
    """Which data set has which language; XTREME's tasks beside them."""
    sets: Mapping[str, Sequence[str]] = {each.name: each.languages for each in datasets().values()}
    sets = {**sets, **{f"XTREME {task}": LANGUAGES[task] for task in TASKS}}
    known = sorted({lang for each in sets.values() for lang in each})
    rows = []
    for lang in known:
        having = [name for name, each in sets.items() if lang in each]
        spaced = "none" if lang in SPACELESS_LANGUAGES else ""
        rows.append((code(lang), _name(lang), spaced, ", ".join(having)))
    return table(("code", "language", "spaces between words", "data sets and tasks that have it"), rows)


def _name(lang: str) -> str:
    try:
        return str(Locale.parse(lang).get_display_name("en"))
    except (ValueError, LookupError):
        return ""
