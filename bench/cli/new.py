"""``bench new``: a method, an evaluator or a data set that works, with its test, to be made into one's own.

In a checkout of this package the files go where those of its kind are; elsewhere into a folder of their own: a package
with an entry point, or a file of facts.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

from typer import Argument

from bench.cli.echo import echo
from bench.config.registry import Registry, evaluators, methods
from bench.config.rooms import HOME
from bench.config.run import GROUPS
from bench.ground.atomic import write_text
from bench.ground.errors import BenchError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

LONGEST = 40
"""Characters of a name: it stands in tables."""


class New(StrEnum):
    """What can be begun."""

    method = "method"
    evaluator = "evaluator"
    dataset = "dataset"


What = Annotated[New, Argument(help="What to begin.", show_default=False)]
Name = Annotated[str, Argument(metavar="NAME", help="In small letters, words joined by '-'.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Begun:
    """What is written, and what comes next.

    Attributes:
        files: paths -> texts; none of them is there yet.
        then: commands.
        entered: files that are there -> texts with a line more.
    """

    files: Mapping[Path, str]
    then: Sequence[str]
    entered: Mapping[Path, str] = field(default_factory=dict)


def new_command(what: What, name: Name) -> None:
    """Write a method, an evaluator or a data set that works, with its test, to be made into your own."""
    begun = begin(what, name, Path.cwd())
    for path, text in (*begun.files.items(), *begun.entered.items()):
        write_text(path, text)
        echo(f"{'entered it in' if path in begun.entered else 'wrote'} {_shown(path)}")
    echo("next:")
    for command in begun.then:
        echo(f"  {command}")


def begin(what: New, name: str, here: Path) -> Begun:
    """What `bench new` writes for someone who stands in the folder `here`.

    Raises:
        BenchError: the name is none, or is taken, or a file is there already.
    """
    check_name(what, name)
    is_ours = (HOME / "tests").is_dir() and (HOME / "pyproject.toml").is_file() and here.resolve().is_relative_to(HOME)
    if what is New.dataset:
        begun = _source(name) if is_ours else _facts(name, here)
    else:
        begun = _plugin(what, name, here, is_ours)
    for path in begun.files:
        if path.exists():
            raise BenchError("is there already; nothing was written", file=_shown(path))
    return begun


def check_name(what: New, name: str) -> None:
    """Refuse a name that cannot be one, or is taken.

    Raises:
        BenchError: it is so.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST or keyword.iskeyword(_module(name)):
        raise BenchError(
            f"'{name}' cannot be a name: it takes small letters and digits, words joined by '-', "
            f"at most {LONGEST}, and no word of Python, as in my-{what}"
        )
    if name in _taken(what):
        raise BenchError(f"{_called(what)} '{name}' is there already; take another name")


def _taken(what: New) -> Sequence[str]:
    if what is New.dataset:
        from bench.data.datasets import datasets

        return list(datasets())
    return [*_registry(what).names(), *(GROUPS if what is New.method else ())]


def _registry(what: New) -> Registry:
    return methods() if what is New.method else evaluators()


def _called(what: New) -> str:
    return "data set" if what is New.dataset else str(what)


def _module(name: str) -> str:
    return name.replace("-", "_")


# ---------------------------------------------------------------------------- what is written where
def _plugin(what: New, name: str, here: Path, is_ours: bool) -> Begun:
    registry, module = _registry(what), _module(name)
    texts = {part: _text(f"{part}.py.txt", name) for part in (str(what), f"{what}_test")}
    added = {New.method: f"--methods memit,{name}", New.evaluator: f"--evaluators edits,{name}"}[what]
    tried = f"bench run --preset smoke {added}"
    checks = [f"bench check {name}"] if what is New.method else []
    if is_ours:
        test = HOME / "tests" / registry.package / f"test_{module}.py"
        written = {HOME / registry.package / f"{module}.py": texts[what], test: texts[f"{what}_test"]}
        listed = _listed(name) if what is New.method else {}
        docs = ["make docs    # the list of methods anew"] if listed else []
        return Begun(written, [*checks, f"pytest {_shown(test)}", tried, *docs], listed)
    if importlib.util.find_spec(module) is not None:
        raise BenchError(f"there is a Python module '{module}' already, which yours would hide; take another name")
    folder = here / name
    project = _text("pyproject.toml.txt", name, group=registry.group)
    written = {
        folder / f"{module}.py": texts[what],
        folder / f"test_{module}.py": texts[f"{what}_test"],
        folder / "pyproject.toml": project,
    }
    return Begun(written, [f"pip install -e ./{name}", *checks, f"pytest {name}", tried])


def _listed(name: str) -> Mapping[Path, str]:
    """The documentation's list of methods and their papers with a line more; none where it is not there."""
    sources = HOME / "handbook" / "sources.csv"
    return {sources: f"{sources.read_text(encoding='utf-8')}{name},no paper yet,\n"} if sources.is_file() else {}


def _facts(name: str, here: Path) -> Begun:
    """A file of facts, which is a data set wherever it lies."""
    file, test = here / name / f"{name}.jsonl", here / name / f"test_{_module(name)}.py"
    place = f"{name}/{name}.jsonl"
    run = f"bench run --datasets {place} --languages en,de --edits-per-language 1 --batch-size 1 --evaluators edits"
    then = [f"bench data check {place}", f"pytest {name}", run]
    return Begun({file: _text("facts.jsonl", name), test: _text("facts_test.py.txt", name)}, then)


def _source(name: str) -> Begun:
    """A layout of files of its own, entered in the list of data sets."""
    module = _module(name)
    source = HOME / "bench" / "data" / "sources" / f"{module}.py"
    test = HOME / "tests" / "data" / f"test_{module}.py"
    known = HOME / "bench" / "data" / "datasets.py"
    run = f"bench run --datasets {name} --data-dir DATA --languages en,de --evaluators edits"
    return Begun(
        {source: _text("dataset.py.txt", name), test: _text("dataset_test.py.txt", name)},
        [f"pytest {_shown(test)}", f"bench list datasets -v    # its file goes to DATA/{name}/facts.json", run],
        {known: entered(known.read_text(encoding="utf-8"), module)},
    )


def entered(text: str, module: str) -> str:
    """The list of data sets with a source more: its import, in order, and its line at the end.

    Raises:
        BenchError: the list looks otherwise than it did.
    """
    imports = re.search(r"from bench\.data\.sources import \(\n(.*?)\)\n", text, re.DOTALL)
    known = re.search(r"    known = \(\n.*?(?=    \)\n)", text, re.DOTALL)
    if not imports or not known:
        raise BenchError("no list of data sets is found to enter it in", file="bench/data/datasets.py")
    names = sorted([*imports[1].splitlines(), f"    {module},"])
    lines = "".join(f"{line}\n" for line in names)
    # from the end on, so that places stay what they are
    text = f"{text[: known.end()]}        {module}.DATASET,\n{text[known.end() :]}"
    return f"{text[: imports.start(1)]}{lines}{text[imports.end(1) :]}"


def _text(skeleton: str, name: str, group: str = "") -> str:
    text = (files("bench") / "cli" / "skeletons" / skeleton).read_text(encoding="utf-8")
    words = name.split("-")
    return Template(text).substitute(
        name=name,
        module=_module(name),
        title=" ".join([words[0].capitalize(), *words[1:]]),
        type="".join(word.capitalize() for word in words),
        group=group,
    )


def _shown(path: Path) -> str:
    """A path as it is typed from here."""
    here = Path.cwd().resolve()
    return str(path.resolve().relative_to(here)) if path.resolve().is_relative_to(here) else str(path)
