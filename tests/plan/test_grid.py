from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from bench.config.registry import evaluators, methods
from bench.config.run import MODERN_METHODS, PAPER_METHODS, RunSpec
from bench.config.settings import (
    assignments,
    hparams_names,
    hyperparameters,
    overrides,
    preset_names,
    resolve,
)
from bench.config.variants import parse_value
from bench.data import corpora, datasets
from bench.ground.errors import BenchError
from bench.model import catalog
from bench.model.embedded import CLASSIFIERS, classifier_dir
from bench.plan.contents import judged
from bench.plan.planning import cells, evaluator_options, method_specs


@pytest.fixture
def fixed_fingerprints(monkeypatch):
    monkeypatch.setattr(catalog, "fingerprint", lambda name, cache_dir: f"model:{name}")
    monkeypatch.setattr(datasets, "fingerprint", lambda name, data_dir: f"data:{name}")
    monkeypatch.setattr(corpora, "fingerprint", lambda name, data_dir: f"text:{name}")


def config(tmp_path: Path, **settings) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


# ---------------------------------------------------------------------------- precedence
def test_flags_beat_config_beats_preset(tmp_path):
    path = config(tmp_path, seeds=7, batch_size=4)
    spec = resolve("smoke", path, {"batch_size": 5, "seeds": None})
    assert (spec.seeds, spec.batch_size) == (7, 5)
    assert spec.languages == resolve("smoke", None, {}).languages


def test_single_settings_of_all_layers_are_merged(tmp_path):
    path = config(tmp_path, set={"method.memit.layers": [1], "method.memit.clamp": 2})
    spec = resolve("table1", path, {"set": {"method.memit.layers": [2]}})
    assert spec.set == {"method.memit.layers": [2], "method.memit.clamp": 2}


def test_without_a_preset_the_run_is_table1():
    assert resolve(None, None, {}) == resolve("table1", None, {})


def test_methods_and_seeds_stay_in_the_presets_folder_other_settings_do_not():
    assert resolve("smoke", None, {"methods": "memit", "seeds": 2}).name == "smoke"
    other = resolve("smoke", None, {"steps": 2}).name
    assert other.startswith("smoke-")
    assert other == resolve("smoke", None, {"steps": 2, "seeds": 9}).name
    assert other != resolve("smoke", None, {"steps": 3}).name
    assert resolve("smoke", None, {"steps": 2, "name": "mine"}).name == "mine"


def test_all_stands_for_the_methods_of_the_paper():
    assert RunSpec(methods="all").methods == PAPER_METHODS
    assert PAPER_METHODS[-2:] == ("langedit", "langedit-released")  # the paper's LangEdit in both forms
    assert RunSpec(methods="rome,all").methods[:3] == ("rome", "none", "ft")
    assert RunSpec(methods=["memit", "memit"]).methods == ("memit",)


def test_modern_stands_for_the_newer_methods_beside_all():
    assert RunSpec(methods="all,modern").methods == (*PAPER_METHODS, *MODERN_METHODS)
    assert RunSpec(methods="modern,memit-seq").methods == MODERN_METHODS
    assert not set(MODERN_METHODS) & set(PAPER_METHODS)
    assert set(MODERN_METHODS) <= set(methods().names())


def test_table1_modern_is_table1_with_more_methods():
    plain, modern = resolve("table1", None, {}), resolve("table1-modern", None, {})
    differ = {name for name in RunSpec.model_fields if getattr(plain, name) != getattr(modern, name)}
    assert differ == {"name", "methods"}
    assert modern.methods == (*PAPER_METHODS, *MODERN_METHODS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 3}, r"config.yaml: unknown setting 'seed'; did you mean 'seeds'"),
        ({"seeds": 0}, r"config.yaml: setting 'seeds': .* greater than or equal to 1, not 0"),
        ({"name": "../up"}, r"setting 'name': "),
        ({"methods": []}, r"setting 'methods': "),
    ],
)
def test_a_bad_setting_names_its_file(tmp_path, settings, message):
    with pytest.raises(BenchError, match=message):
        resolve("smoke", config(tmp_path, **settings), {})


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2"])
def test_a_malformed_config_names_its_file(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"config\.yaml: "):
        resolve("smoke", path, {})


def test_unknown_presets_get_a_suggestion():
    with pytest.raises(BenchError, match="unknown preset 'smokey'; did you mean 'smoke'"):
        resolve("smokey", None, {})


# ---------------------------------------------------------------------------- --set
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4,5,6", [4, 5, 6]),
        ("4", 4),
        ("1e-3", 1e-3),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("target", "target"),
        ("[[5, 2], [10, 2]]", [[5, 2], [10, 2]]),
        ("hf:wikimedia/wikipedia:20231101.en", "hf:wikimedia/wikipedia:20231101.en"),
    ],
)
def test_values_are_parsed(text, value):
    assert parse_value(text) == value


def test_assignments_are_fields_or_options():
    assert assignments(["method.memit.layers=4,5", "token_budget=9"]) == {
        "set": {"method.memit.layers": [4, 5]},
        "token_budget": 9,
    }
    with pytest.raises(BenchError, match="KEY=VALUE"):
        assignments(["memit"])


def test_a_single_value_for_a_list_becomes_a_list():
    assert overrides({"method.memit.layers": 5}, methods()) == {"memit": {"layers": [5]}}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("method.memit.layrs", "did you mean 'layers'"),
        ("method.memmit.layers", "unknown method 'memmit'; did you mean 'memit'"),
        ("model.dtype", "method.NAME.OPTION"),
    ],
)
def test_unknown_settings_get_a_suggestion(key, message):
    with pytest.raises(BenchError, match=message):
        overrides({key: 1}, methods())


# ---------------------------------------------------------------------------- hyperparameters
@pytest.mark.parametrize("model", hparams_names())
def test_every_hyperparameter_file_fits_every_method(model):
    registry = methods()
    options = hyperparameters(model, registry)
    relatives = {name: getattr(registry.module(name), "HPARAMS", name) for name in registry.names()}
    assert set(options) <= set(relatives)
    if not model.startswith("claims-"):  # classifiers, which not all methods edit
        assert {relatives[name] for name in PAPER_METHODS} <= set(options)
    for name, given in {name: options.get(name, options.get(near)) for name, near in relatives.items()}.items():
        if given is None:
            continue
        needed = {option for option, field in registry.options(name).items() if field.is_required()}
        assert needed <= set(given) <= set(registry.options(name)), name
        registry.config(name, given)


def test_released_langedit_takes_alphaedit_s_values_where_a_file_has_none_of_its_own(tmp_path):
    given = hyperparameters("llama3-8b", methods())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"alphaedit": dict(given["alphaedit"])}), encoding="utf-8")
    spec = RunSpec(methods="alphaedit,langedit-released", hparams=str(tmp_path / "mine.yaml"))
    ours, released = method_specs(spec, "some/model", methods())
    assert released.options == ours.options


def test_overrides_beat_hyperparameters():
    spec = RunSpec(methods="memit", set={"method.memit.clamp": 7})
    options = method_specs(spec, "polyglot-tiny", methods())[0].options
    assert options["clamp"] == 7.0
    assert options["value_steps"] == 25


def test_a_hub_id_with_a_short_name_uses_its_hyperparameters():
    spec = RunSpec(methods="memit")
    by_id = method_specs(spec, "EleutherAI/gpt-j-6b", methods())
    assert by_id == method_specs(spec, "gpt-j-6b", methods())


def test_a_model_without_hyperparameters_is_told_what_to_do():
    with pytest.raises(BenchError, match=r"'memit' needs the option .*--hparams"):
        method_specs(RunSpec(methods="memit"), "some/model", methods())
    borrowed = method_specs(RunSpec(methods="memit", hparams="llama3-8b"), "some/model", methods())
    assert borrowed[0].options["layers"] == [4, 5, 6, 7, 8]
    with pytest.raises(BenchError, match="unknown hyperparameters 'llama3'; did you mean 'llama3-8b'"):
        method_specs(RunSpec(hparams="llama3"), "some/model", methods())


def test_a_hyperparameter_file_with_an_unknown_method_is_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("memitt: {layers: [1]}")
    with pytest.raises(BenchError, match=r"own.yaml: unknown method 'memitt'; did you mean 'memit'"):
        hyperparameters(str(path), methods())


# ---------------------------------------------------------------------------- cells
@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_makes_a_grid(preset, fixed_fingerprints, tmp_path):
    spec = resolve(preset, None, {})
    if missing := [name for name in spec.models if name in CLASSIFIERS and not classifier_dir(name).is_dir()]:
        pytest.skip(f"{missing} are not trained yet: make classifiers")
    grid = cells(spec, methods(), None, tmp_path)
    assert len({cell.id() for cell in grid}) == len(grid)
    places = {
        (method, order, edited, seed)
        for part in spec.grids()
        for method in part.methods
        for order in part.orders
        for edited in part.groups()
        for seed in range(part.first_seed, part.first_seed + part.seeds)
    }
    found = [(cell.method.name, cell.schedule.order, cell.schedule.edited, cell.seed) for cell in grid]
    assert set(found) == places
    assert list(dict.fromkeys(name for name, *_ in found))[: len(spec.methods)] == list(spec.methods)


def test_a_cell_holds_all_settings(fixed_fingerprints, tmp_path):
    spec = RunSpec(
        methods="memit", languages="en,zh", orders="blocked", seeds=1, first_seed=4, steps=3, dtype="bfloat16"
    )
    (cell,) = cells(spec, methods(), None, tmp_path)
    assert cell.seed == 4
    assert cell.schedule.languages == ("en", "zh")
    assert (cell.schedule.order, cell.schedule.steps) == ("blocked", 3)
    assert (cell.model.dtype, cell.model.fingerprint) == ("bfloat16", "model:polyglot-tiny")
    assert cell.data.fingerprint == "data:cldr"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": "memitt"}, "unknown method 'memitt'; did you mean 'memit'"),
        ({"models": "polyglot"}, "unknown model 'polyglot'"),
        ({"datasets": "mzre"}, "unknown data set 'mzre'; did you mean 'mzsre'"),
        ({"languages": "en,xx"}, "unknown language of data set 'cldr': 'xx'"),
    ],
)
def test_unknown_names_are_refused(settings, message, fixed_fingerprints, tmp_path):
    with pytest.raises(BenchError, match=message):
        cells(RunSpec(**settings), methods(), None, tmp_path)


# ---------------------------------------------------------------------------- evaluators
def test_the_limit_goes_to_the_evaluators_that_have_one():
    spec = RunSpec(evaluators=("edits", "xtreme"), eval_limit=7, set={"evaluator.xtreme.source": "mini"})
    edits, xtreme = evaluator_options(spec, evaluators())
    assert edits == ("edits", {})
    assert xtreme[0] == "xtreme"
    assert (xtreme[1]["limit"], xtreme[1]["source"]) == (7, "mini")


@pytest.mark.parametrize(
    ("evaluator_names", "key", "message"),
    [
        (("edit",), "method.memit.layers", "unknown evaluator 'edit'; did you mean 'edits'"),
        (("xtreme",), "evaluator.xtreme.sorce", "did you mean 'source'"),
        (("xtreme",), "evaluator.xtrem.source", "unknown evaluator 'xtrem'; did you mean 'xtreme'"),
    ],
)
def test_unknown_evaluators_and_options_get_a_suggestion(evaluator_names, key, message):
    with pytest.raises(BenchError, match=message):
        evaluator_options(RunSpec(evaluators=evaluator_names, set={key: "x"}), evaluators())


def test_a_model_is_hashed_once_for_all_grids_of_a_run(fixed_fingerprints, monkeypatch, tmp_path):
    hashed = []
    monkeypatch.setattr(catalog, "fingerprint", lambda name, cache_dir: hashed.append(name) or name)
    spec = RunSpec(methods="none", seeds=1, also=[{"orders": "blocked"}, {"seeds": 2}])
    assert len(cells(spec, methods(), None, tmp_path)) == 3
    assert hashed == ["polyglot-tiny"]


def test_the_text_of_an_outside_evaluator_counts(fixed_fingerprints, tmp_path):
    grid = cells(RunSpec(methods="none", seeds=1), methods(), None, tmp_path)

    def asked(text):
        registry = SimpleNamespace(build=lambda name, options: object(), source=lambda name, options: text)
        return judged(grid, [("mine", {})], registry, None)[0].asked

    assert asked("") == {}
    assert asked("one") != asked("two")
