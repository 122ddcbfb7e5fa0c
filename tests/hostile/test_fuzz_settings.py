"""Configurations, presets, hyperparameters, --set and keyword settings, spoilt: refused by name, or taken whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from bench.config import settings
from bench.config.cell import MethodSpec
from bench.config.registry import methods
from bench.config.run import RunSpec
from bench.ground.errors import BenchError
from bench.ground.parsing import MOST_NODES, parse_json, parse_yaml
from bench.plan.planning import method_specs
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz, is_one_line
from tests.hostile.spoiling import Draw, Spoilt
from tests.hostile.test_fuzz_facts import writer, written

EXAMPLES = 60

CONFIG = {
    "methods": ["memit", "ft"],
    "models": "polyglot-tiny",
    "languages": ["en", "de"],
    "edited": ["all", "en"],
    "orders": ["cycle"],
    "seeds": 2,
    "first_seed": 0,
    "batch_size": 5,
    "steps": None,
    "parallel": True,
    "corpus": "cldr",
    "set": {"method.memit.layers": [1, 2], "evaluator.edits.generate": False},
    "also": [{"methods": ["rome"], "seeds": 1}],
}
CHOSEN = ("memit", "ft")
HPARAMS = {name: settings.hyperparameters("polyglot-tiny", methods())[name] for name in CHOSEN}


def bomb(width: int, depth: int) -> str:
    """Aliases of aliases: `width` to the power of `depth` values."""
    rows = ["a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth + 1)]
    return "\n".join(rows)


MERGES = "\n".join(
    ["x0: &x0 {methods: memit}", *(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}" for n in range(1, 9))]
)
RAW = {
    "laughs": bomb(9, 9),
    "many laughs": bomb(2, 30),
    "merged laughs": MERGES,
    "into itself": "methods: &a [*a]",
    "into itself, deeper": "set: &a {method.memit.layers: [*a]}",
    "python": "methods: !!python/object/apply:os.system ['true']",
    "python name": "methods: !!python/name:os.system",
    "no date": "name: 2001-99-99",
    "no number": "seeds: !!int x",
    "no truth": "parallel: !!bool x",
    "no moment": "name: !!timestamp x",
    "many digits": f"seeds: {'9' * 5000}",
    "deep": "[" * 5000,
    "deeper": "a: " * 5000,
    "two documents": "seeds: 1\n---\nseeds: 2",
    "twice": "seeds: 1\nseeds: 2",
    "twice, deeper": "set: {method.memit.layers: 1, method.memit.layers: 2}",
    "tab": "set:\n\tx: 1",
    "half a character": 'name: "\\ud800"',
    "NUL": 'models: "a\\0b"',
    "no number at all": "set: {method.memit.clamp: .nan}",
    "complex key": "? [a]\n: 1",
    "number as key": "1: 2",
    "truth as key": "on: 2",
    "large": "x" * 2_000_000,
}
"""Every one is refused, whatever file it stands in."""


def raw(draw: Draw, path: Path) -> Spoilt:
    """What no document written by a library holds."""
    how = draw(st.sampled_from(sorted(RAW)))
    path.write_text(RAW[how], encoding="utf-8")
    return Spoilt(how)


def values(doc: Any) -> Callable[[Draw, Path], Spoilt]:
    """Spoil a value; JSON is YAML too, and names twice and deep lists can be written so."""

    def spoil(draw: Draw, path: Path) -> Spoilt:
        changed, spoilt = spoiling.document(draw, doc)
        path.write_text(spoiling.dumps(changed), encoding="utf-8")
        return spoilt

    return spoil


def ways(doc: Any) -> list[Callable[[Draw, Path], Spoilt]]:
    spoil = values(doc)
    return [spoil, spoil, spoil, spoiling.content, raw, spoiling.place]


# ---------------------------------------------------------------------------- what is whole
def spec_is_whole(path: Path, spec: RunSpec) -> None:
    """All keys were taken, and the grid can be laid out and written down."""
    given = yaml.safe_load(path.read_bytes()) or {}
    assert set(given) <= set(RunSpec.model_fields)
    assert len(json.dumps(spec.model_dump(mode="json"))) < 100_000
    assert all(part.seeds <= 10_000 and part.groups() for part in spec.grids())
    for name in ("seeds", "batch_size", "first_seed"):
        if given.get(name) is not None:
            assert getattr(spec, name) == int(given[name])


def options_are_whole(path: Path, found: list[MethodSpec]) -> None:
    """Every option that the file gives is the one that is used."""
    given = yaml.safe_load(path.read_bytes())
    assert [spec.name for spec in found] == list(CHOSEN)
    for spec in found:
        assert set(given[spec.name]) <= set(spec.options)


def options_of(path: Path) -> list[MethodSpec]:
    spec = RunSpec(methods=CHOSEN, hparams=str(path))
    return method_specs(spec, "polyglot-tiny", methods())


# ---------------------------------------------------------------------------- readers
def test_malformed_config(tmp_path: Path, record_property: Any) -> None:
    reader = Reader(
        "config",
        writer({"my.yaml": CONFIG}),
        ways(CONFIG),
        lambda root: settings.resolve("smoke", root / "my.yaml", {}),
        lambda root, spec: spec_is_whole(root / "my.yaml", spec),
    )
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_malformed_preset(tmp_path: Path, record_property: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets lie in the package; here the package has one that is spoilt."""
    monkeypatch.setattr(settings, "_folder", lambda name: tmp_path / "spoilt" if "now" in now else tmp_path / "sound")
    now: list[str] = []

    def read(root: Path) -> RunSpec:
        now[:] = ["now"] if root.name == "spoilt" else []
        return settings.resolve("spoiled", None, {})

    reader = Reader(
        "preset",
        writer({"spoiled.yaml": CONFIG}),
        ways(CONFIG),
        read,
        lambda root, spec: spec_is_whole(root / "spoiled.yaml", spec),
        names=False,
    )
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_malformed_hyperparameters(tmp_path: Path, record_property: Any) -> None:
    reader = Reader(
        "hyperparameters",
        writer({"values.yaml": HPARAMS}),
        ways(HPARAMS),
        lambda root: options_of(root / "values.yaml"),
        lambda root, found: options_are_whole(root / "values.yaml", found),
    )
    fuzz(reader, tmp_path, record_property, EXAMPLES)


def test_malformed_assignments(tmp_path: Path, record_property: Any) -> None:
    """``--set``: the text after it stands in a file only so that it can be spoilt as others are."""
    texts = ["seeds=2", "batch_size=3", "method.memit.layers=1,2", "method.memit.clamp=0.5", "orders=[cycle, blocked]"]

    def spoil(draw: Draw, path: Path) -> Spoilt:
        key, _, value = path.read_text("utf-8").partition("=")
        odd = [*map(str, spoiling.ODD), *RAW.values(), "[" * 3000, "{a: b", "'", "&a [*a]", "nan", "1e400", "-1", value]
        key = draw(st.sampled_from([key, key, key, key + "x", "", "method.", "method.memit", ".", "set", "a.b.c"]))
        path.write_text(
            f"{key}{draw(st.sampled_from(['=', '=', '=', '']))}{draw(st.sampled_from(odd))}", "utf-8", "replace"
        )
        return Spoilt("value")

    def read(root: Path) -> tuple[RunSpec, list[MethodSpec]]:
        fields = settings.assignments([path.read_bytes().decode() for path in sorted(root.iterdir())])
        spec = settings.resolve(None, None, {"methods": "memit", **fields})
        return spec, method_specs(spec, "polyglot-tiny", methods())

    def whole(root: Path, found: tuple[RunSpec, list[MethodSpec]]) -> None:
        spec, options = found
        keys = [path.read_text("utf-8").partition("=")[0].strip() for path in root.iterdir()]
        assert all(key in RunSpec.model_fields or key in spec.set for key in keys)
        assert json.loads(json.dumps(options[0].options, allow_nan=False))

    def write(root: Path) -> list[Path]:
        return [written(root, f"{number}.txt", text) for number, text in enumerate(texts)]

    fuzz(Reader("--set", write, [spoil], read, whole, names=False), tmp_path, record_property, EXAMPLES)


def test_malformed_keywords(tmp_path: Path, record_property: Any) -> None:
    """What `bench.run` may be given as Python values."""

    def spoil(draw: Draw, path: Path) -> Spoilt:
        changed, spoilt = spoiling.document(draw, CONFIG)
        path.write_text(json.dumps(changed if isinstance(changed, dict) else {"seeds": changed}), "utf-8")
        return spoilt

    reader = Reader(
        "keyword settings",
        writer({"given.json": CONFIG}),
        [spoil],
        lambda root: settings.resolve("smoke", None, json.loads((root / "given.json").read_text("utf-8"))),
        lambda root, spec: spec_is_whole(root / "given.json", spec),
        names=False,
    )
    fuzz(reader, tmp_path, record_property, EXAMPLES)


# ---------------------------------------------------------------------------- one by one
@pytest.mark.parametrize("how", sorted(RAW))
def test_what_no_configuration_holds_is_refused_at_once(how: str, tmp_path: Path) -> None:
    path = written(tmp_path, "my.yaml", RAW[how])
    before = time.perf_counter()
    for read in (partial(settings.resolve, "smoke", path, {}), partial(options_of, path)):
        with pytest.raises(BenchError) as caught:
            read()
        is_one_line(caught.value, [path])
    assert time.perf_counter() - before < 5


def test_an_alias_that_saves_typing_is_welcome(tmp_path: Path) -> None:
    text = "x-layers: &layers [1, 2]\nset:\n  method.memit.layers: *layers\n"
    assert parse_yaml(text, "here")["set"] == {"method.memit.layers": [1, 2]}
    assert parse_yaml("a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\n", "here")["d"] == {"b": 1, "c": 3}


def test_how_far_aliases_go() -> None:
    wide = (MOST_NODES - 10) // 3
    assert len(parse_yaml(f"a: &a [x, x]\nb: [{', '.join(['*a'] * wide)}]", "here")["b"]) == wide
    with pytest.raises(BenchError, match="aliases written out"):
        parse_yaml(f"a: &a [x, x]\nb: [{', '.join(['*a'] * (wide + 10))}]", "here")


def test_a_name_given_twice_is_named_wherever_it_stands() -> None:
    with pytest.raises(BenchError, match=r"facts\.json, record 3: .*'b' is given twice"):
        parse_json('{"a": [{"b": 1, "b": 1}]}', "facts.json", 3)
    with pytest.raises(BenchError, match=r"my\.yaml: .*'b' is given twice in line 2"):
        parse_yaml("a:\n  b: 1\n  b: 1", "my.yaml")
