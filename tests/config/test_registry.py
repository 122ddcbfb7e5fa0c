from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.compute.conformance import OPTIONS, OWN
from bench.compute.tiny_facts import practice
from bench.config.registry import Registry, evaluators, methods
from bench.config.run import PAPER_METHODS
from bench.ground.errors import BenchError
from bench.model.tiny import tiny_model

PLUGIN = '''
"""{summary}

More about it.
"""
from pydantic import BaseModel, ConfigDict, Field


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    strength: float = Field(1.0, gt=0, description="how much")
    layers: tuple[int, ...]


def build(config):
    return ("built", config.strength, config.layers)
'''


def write_package(folder: Path, name: str, modules: dict[str, str]) -> None:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    for module, text in modules.items():
        (package / f"{module}.py").write_text(text)


def distribute(folder: Path, distribution: str, group: str, points: dict[str, str]) -> None:
    """What an installed distribution leaves behind: metadata and entry points."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {value}" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of two own tools, one helper, and outside ones: one sound, three broken, one that clashes."""
    write_package(
        tmp_path,
        "gadgets",
        {
            "plain": PLUGIN.format(summary="A plain gadget."),
            "two_words": PLUGIN.format(summary="A gadget of two words."),
            "_helper": "raise RuntimeError('helpers are no gadgets')",
        },
    )
    write_package(
        tmp_path,
        "other_gadgets",
        {
            "sound": PLUGIN.format(summary="From outside."),
            "crashing": "raise ValueError('no luck')",
            "empty": '"""Nothing here."""',
        },
    )
    points = {
        "outside": "other_gadgets.sound",
        "crashing": "other_gadgets.crashing",
        "gone": "not_installed_at_all",
        "empty": "other_gadgets.empty",
        "plain": "other_gadgets.sound",
        "claimed": "other_gadgets.sound",
    }
    distribute(tmp_path, "other-gadgets", "test.gadgets", points)
    distribute(tmp_path, "third-gadgets", "test.gadgets", {"claimed": "other_gadgets.empty"})
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Registry("gadgets", "test.gadgets")
    for name in [name for name in sys.modules if name.split(".")[0] in ("gadgets", "other_gadgets")]:
        del sys.modules[name]


def test_own_modules_come_first_and_helpers_are_hidden(plugins):
    assert plugins.names() == ["plain", "two-words", "claimed", "crashing", "empty", "gone", "outside"]
    assert plugins.kind == "gadget"


def test_what_is_put_there_later_is_found(plugins, tmp_path):
    before = plugins.names()
    (tmp_path / "gadgets" / "new.py").write_text(PLUGIN.format(summary="A new one."))
    distribute(tmp_path, "late-gadgets", "test.gadgets", {"late": "other_gadgets.sound"})
    assert set(plugins.names()) - set(before) == {"new", "late"}


def test_descriptions_are_read_without_importing(plugins):
    assert plugins.describe("two-words").summary == "A gadget of two words."
    assert "gadgets.two_words" not in sys.modules


def test_outside_plugins_are_described_with_their_origin(plugins):
    assert plugins.describe("outside").summary == "From outside."
    assert plugins.describe("outside").origin == "other-gadgets"


def test_a_broken_plugin_is_listed_with_the_reason(plugins):
    listed = {name: plugins.describe(name) for name in plugins.names()}
    assert "ValueError: no luck" in listed["crashing"].broken
    assert "ModuleNotFoundError" in listed["gone"].broken
    assert "defines no 'Config'" in listed["empty"].broken
    assert "claimed by two modules" in listed["claimed"].broken
    assert not listed["plain"].broken


def test_using_a_broken_plugin_names_it(plugins):
    with pytest.raises(BenchError, match=r"gadget 'crashing' .* is broken: ValueError: no luck"):
        plugins.build("crashing", {})


def test_an_own_name_cannot_be_taken(plugins):
    assert plugins.module("plain").__name__ == "gadgets.plain"


def test_unknown_names_get_a_suggestion(plugins):
    with pytest.raises(BenchError, match="unknown gadget 'outsied'; did you mean 'outside'"):
        plugins.module("outsied")
    with pytest.raises(BenchError, match="there are: plain, two-words"):
        plugins.module("xyzzy")


def test_options_are_validated(plugins):
    assert plugins.build("plain", {"layers": [1, 2]}) == ("built", 1.0, (1, 2))
    with pytest.raises(BenchError, match="gadget 'plain' has no option 'layrs'; did you mean 'layers'"):
        plugins.config("plain", {"layrs": [1]})
    with pytest.raises(BenchError, match="gadget 'plain': option 'layers': Field required"):
        plugins.config("plain", {})
    with pytest.raises(BenchError, match=r"option 'strength': .* greater than 0, not -1"):
        plugins.config("plain", {"layers": [1], "strength": -1})


def test_an_outside_plugins_text_has_a_hash_and_an_own_one_has_none(plugins, tmp_path):
    assert plugins.source("plain", {}) == ""
    before = plugins.source("outside", {})
    assert len(before) == 16
    file = tmp_path / "other_gadgets" / "sound.py"
    file.write_text(file.read_text() + "\n# changed\n")
    assert plugins.source("outside", {}) != before
    before = plugins.source("outside", {})
    (file.parent / "helper.py").write_text("STRENGTH = 2\n")
    assert plugins.source("outside", {}) != before


def test_only_methods_that_read_second_moments_depend_on_the_corpus(tmp_path):
    registry, model = methods(), tiny_model("llama")

    class ReadError(Exception):
        pass

    class Refusing:
        cache_dir, progress = tmp_path, None  # where trained editors are kept: no statistics

        def __getattr__(self, name):
            raise ReadError

    def reads(name, options):
        context = SimpleNamespace(
            languages=("en",), rng=lambda part: torch.Generator().manual_seed(0), practice=lambda *_: practice()
        )
        try:
            registry.build(name, options).prepare(model, Refusing(), context)
        except ReadError:
            return True
        return False

    for name in registry.names():
        options = {key: value for key, value in OPTIONS.items() if key in registry.options(name)} | OWN.get(name, {})
        options |= {key: 1 for key in ("training_steps", "validate_every") if key in options}
        assert registry.reads_statistics(name, options) == reads(name, options), name
    for use_moment in (True, False):
        options = {key: value for key, value in OPTIONS.items() if key in registry.options("rome")}
        options["use_moment"] = use_moment
        assert registry.reads_statistics("rome", options) == reads("rome", options) == use_moment


def test_an_outside_method_that_does_not_say_so_is_taken_to_read_statistics(plugins):
    assert plugins.reads_statistics("outside", {})
    assert not plugins.reads_statistics("plain", {})


def test_all_methods_of_the_paper_are_here_and_describe_themselves():
    registry = methods()
    assert set(PAPER_METHODS) <= set(registry.names())
    for name in registry.names():
        described = registry.describe(name)
        assert described.summary.endswith("."), name
        assert registry.module(name).__doc__.count("\n") <= 20, name
        for option, field in registry.options(name).items():
            assert field.description, f"{name}.{option} has no description"


def test_the_evaluator_of_edits_needs_no_options():
    registry = evaluators()
    assert "edits" in registry.names()
    registry.build("edits", {})


def test_own_plug_ins_are_found_without_a_look_at_all_that_is_installed(
    plugins: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.config.registry.entry_points", lambda **_: pytest.fail("all were looked at"))
    assert plugins.module("two-words").Config
    assert plugins.describe("plain").summary == "A plain gadget."
