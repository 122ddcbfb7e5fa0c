"""Which items are asked, after which examples; the prompts' wording lies in ``evaluators/tasks``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from bench.data.cldr import tasks as mini
from bench.data.sources import xtreme
from bench.ground.digests import digest
from bench.ground.errors import BenchError
from evaluators._xtreme.protocol import PAIR_TASKS, Form, Item

TASKS = xtreme.TASKS
MINI = "mini"
FOLDER = Path(__file__).parents[1] / "tasks"

POOL = 10
"""Items at the start of a file that examples are chosen from; those after them are asked."""

CANDIDATES = 100
"""At least so many items are drawn from, so that a limit of 100 means the published ones."""

NEGATIVE = ("not_entailment", "0")

SHOT_TYPES = {"published": ("ORG", "PER", "LOC"), MINI: ("CUR", "LANG", "LOC")}
TAG_TYPES = {"published": ("PER", "LOC", "ORG"), MINI: ("LOC", "CUR", "LANG")}
"""Entity types in the order in which examples are chosen for them, and in which tags are written."""

Rng = Callable[[str], torch.Generator]


@dataclass(frozen=True, slots=True)
class ItemSet:
    """What is asked of a task in a language.

    Attributes:
        form: how it is asked.
        shots: examples, in order.
        items: those that are asked, in the order of the file; a label of XNLI and PAWS-X is the word for it.
    """

    form: Form
    shots: tuple[Item, ...]
    items: tuple[Item, ...]


def item_sets(
    source: str, data_dir: Path | None, limit: int, languages: Iterable[str] | None = None, rng: Rng | None = None
) -> list[ItemSet]:
    """Read, choose examples and draw items, for all tasks and languages that the source has.

    Args:
        source: "mini" or one of `bench.data.sources.xtreme.SOURCES`.
        data_dir: folder of downloaded data.
        limit: most items per task and language.
        languages: only these; None means all.
        rng: gives the generator of a draw by its name; None takes the first candidates.

    Raises:
        BenchError: the source lacks a task, or has none of the languages, or its files are bad.
    """
    sets = []
    for task in TASKS:
        for lang in _languages(source, task, data_dir):
            if languages is None or lang in languages:
                records = mini.items(task, lang) if source == MINI else xtreme.read(source, task, lang, data_dir)
                generator = rng(f"xtreme/{task}/{lang}") if rng else None
                sets.append(_item_set(source, task, lang, records, limit, generator))
    if not sets:
        raise BenchError(f"XTREME source '{source}' has none of the languages {', '.join(languages or ())}")
    return sets


def fingerprint(source: str, data_dir: Path | None, languages: Iterable[str] | None = None) -> str:
    """Hash what `item_sets` reads, and the task files.

    Raises:
        BenchError: the source lacks a task.
    """
    total = hashlib.blake2b(digest(FOLDER.glob("*.yaml")).encode(), digest_size=8)
    for task in TASKS:
        for lang in _languages(source, task, data_dir):
            if languages is None or lang in languages:
                if source == MINI:
                    items = mini.fingerprint(task, lang)
                else:
                    items = xtreme.fingerprint(source, task, lang, data_dir)
                total.update(f"{task}/{lang}/{items}\0".encode())
    return total.hexdigest()


def _languages(source: str, task: str, data_dir: Path | None) -> tuple[str, ...]:
    if source == MINI:
        return xtreme.LANGUAGES["xnli"]
    found = xtreme.available(source, task, data_dir)
    if not found:
        place = data_dir / source if data_dir else "a folder given with --data-dir or BENCH_DATA_DIR"
        raise BenchError(
            f"XTREME source '{source}' has no items of {task}; they are looked for below {place}. "
            "To score edits only, add --evaluators edits"
        )
    return found


def _item_set(
    source: str, task: str, lang: str, records: Sequence[Item], limit: int, generator: torch.Generator | None
) -> ItemSet:
    end = POOL + max(CANDIDATES, limit)
    candidates = records[POOL:end]
    if not candidates:
        raise BenchError(f"{task} in {lang} has {len(records)} items; the first {POOL} are examples, so none is left")
    form = read_form(source, task, lang)
    drawn = draw(len(candidates), limit, generator)
    # real files may lack a label or type among the first ten; more examples are looked for where no item is asked
    shots = choose_shots(source, task, [*records[:POOL], *records[end:]])
    return ItemSet(
        form,
        tuple(_worded(form, shot) for shot in shots),
        tuple(_worded(form, candidates[i]) for i in drawn),
    )


def read_form(source: str, task: str, lang: str) -> Form:
    """The form of a task, from its lm-eval file."""
    is_mini = source == MINI
    name = f"{task}_mini_{lang}" if is_mini and task == "wikiann" else f"{task}_{lang}"
    config = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    types = TAG_TYPES[MINI if is_mini else "published"] if task == "wikiann" else ()
    return Form(name, task, lang, config["metadata"]["cue"], tuple(config.get("doc_to_choice", ())), types)


def draw(count: int, limit: int, generator: torch.Generator | None) -> list[int]:
    """At most `limit` of `count` indices, in ascending order."""
    if generator is None:
        return list(range(min(count, limit)))
    return sorted(torch.randperm(count, generator=generator)[:limit].tolist())


def choose_shots(source: str, task: str, pool: Sequence[Item]) -> list[Item]:
    """The published choice of examples: fewer where the pool lacks a label or a type, and one may come twice."""
    if task == "mlqa":
        return list(pool[:1])
    if task in PAIR_TASKS:
        found = [
            next((item for item in pool if (item["label"] in NEGATIVE) is negative), None) for negative in (True, False)
        ]
    else:
        types = SHOT_TYPES[MINI if source == MINI else "published"]
        found = [next((item for item in pool if _has(item["label"], kind)), None) for kind in types]
    return [item for item in found if item is not None]


def _has(label: str, kind: str) -> bool:
    return any(line.startswith(f"{kind}:") for line in label.splitlines())


def _worded(form: Form, item: Item) -> Item:
    if not form.words:
        return dict(item)
    return {**item, "label": form.words[item["label"] not in NEGATIVE]}
