"""AlphaEdit with translations, and for each language apart: what they write beside AlphaEdit itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.api import EditReport, EditRequest, Method, State
from bench.compute import checkpoint
from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.data.corpora import corpus
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from methods.alphaedit_multilingual import _together
from tests.tinyworld import tiny_requests

LAYERS = OPTIONS["layers"]
TEXTS = {"en": ("The capital of {} is", " Streslau"), "de": ("Die Hauptstadt von {} ist", " Küste"),
         "zh": ("{}的首都是", "海城")}  # fmt: skip


class Here:
    """A context of some languages."""

    model_name, data_dir = "tiny", None

    def __init__(self, *languages: str) -> None:
        self.languages = languages

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(part))


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Stats:
    folder = tmp_path_factory.mktemp("stats")
    (folder / "corpus.txt").write_text("\n".join(tiny_corpus()), encoding="utf-8")
    return Stats(folder, corpus(str(folder / "corpus.txt")))


def method(name: str, **options: Any) -> Method:
    registry = methods()
    known = {key: value for key, value in OPTIONS.items() if key in registry.options(name)}
    built: Method = registry.build(name, {**known, **options})
    return built


def edited(
    name: str, stats: Stats, steps: Sequence[Sequence[EditRequest]], context: Here, **options: Any
) -> tuple[EditableModel, State]:
    model, chosen = tiny_model("llama"), method(name, **options)
    state = chosen.prepare(model, stats, context)
    for step in steps:
        state, _ = chosen.apply(model, step, state)
    return model, state


def same(a: EditableModel, b: EditableModel) -> bool:
    return all(torch.equal(a.weight(layer), b.weight(layer)) for layer in LAYERS)


def fact(number: int, lang: str, *translated: str) -> EditRequest:
    def alone(each: str) -> EditRequest:
        prompt, target = TEXTS[each]
        return EditRequest(f"f/{number}", each, prompt, f"{each.upper()}land {number}", target)

    return replace(alone(lang), translations=tuple(map(alone, translated)))


def bare(request: EditRequest) -> EditRequest:
    return replace(request, translations=())


# ---------------------------------------------------------------------------- translations
def test_one_language_is_edited_and_translated(stats: Stats) -> None:
    """The paper's form: of parallel facts those of the first language are written, with all translations, once."""
    languages = ("en", "de", "zh")
    parallel = [[fact(0, lang, *(each for each in languages if each != lang))] for lang in languages]
    model, state = edited("alphaedit-translation", stats, parallel, Here(*languages))
    plain, _ = edited("alphaedit", stats, [[fact(0, lang) for lang in languages]], Here(*languages))
    assert same(model, plain)
    assert [each[1] for each in state.memory["written"]] == list(languages)
    every, other = edited("alphaedit-all-translations", stats, parallel, Here(*languages))
    assert not same(model, every)
    assert len(other.memory["written"]) == 5  # every step's own facts are always written


def test_facts_of_other_languages_are_not_passed_over(stats: Stats) -> None:
    steps = [[fact(0, "en", "de")], [fact(7, "de", "en")]]
    with pytest.raises(BenchError, match=r"f/7: edited in 'de' and no translation .*'en'.*--parallel") as caught:
        edited("alphaedit-translation", stats, steps, Here("en", "de"))
    assert "\n" not in str(caught.value)


def test_translations_are_no_concern_of_other_methods(stats: Stats) -> None:
    requests, context = tiny_requests(), Here("en", "de", "zh")
    with_them, _ = edited("alphaedit", stats, [requests], context)
    without, _ = edited("alphaedit", stats, [[bare(each) for each in requests]], context)
    assert same(with_them, without)


def test_a_step_writes_its_facts_and_their_translations_as_one(stats: Stats) -> None:
    step, context = [fact(0, "en", "de", "zh"), fact(1, "en", "de")], Here("en", "de", "zh")
    model, state = edited("alphaedit-all-translations", stats, [step], context)
    whole = [*step, fact(0, "de"), fact(0, "zh"), fact(1, "de")]
    plain, other = edited("alphaedit", stats, [whole], context)
    assert same(model, plain)
    assert state.memory["written"] == [[each.fact_id, each.lang, each.target] for each in whole]
    assert {name: value for name, value in state.memory.items() if name != "written"}.keys() == other.memory.keys()


def test_a_translation_is_written_once_and_a_request_always(stats: Stats) -> None:
    first, second = [fact(0, "en", "de", "zh")], [fact(0, "de", "en", "zh"), fact(1, "de", "en")]
    context = Here("en", "de", "zh")
    model, _ = edited("alphaedit-all-translations", stats, [first, second], context)
    plain, _ = edited("alphaedit", stats, [[*first, fact(0, "de"), fact(0, "zh")], [*second, fact(1, "en")]], context)
    assert same(model, plain)


def test_a_fact_that_gets_another_object_is_translated_again(stats: Stats) -> None:
    first, context = fact(0, "en", "de"), Here("en", "de")
    changed = replace(first, target=" X", translations=(replace(first.translations[0], target=" Y"),))
    _, state = edited("alphaedit-all-translations", stats, [[first], [changed]], context)
    assert [each[2] for each in state.memory["written"]] == [" Streslau", " Küste", " X", " Y"]


def test_languages_that_are_only_asked_are_written_too(stats: Stats, tmp_path: Path) -> None:
    steps, context = [[fact(0, "en", "zh")], [fact(1, "en", "zh")]], Here("en")
    model, _ = edited("alphaedit-all-translations", stats, steps, context)
    plain, _ = edited("alphaedit", stats, [[*step, bare(step[0].translations[0])] for step in steps], Here("en", "zh"))
    assert same(model, plain)
    # prefixes of such a language come from the unedited model also where a run goes on from a checkpoint
    part, state = edited("alphaedit-all-translations", stats, steps[:1], context)
    checkpoint.save(tmp_path, "cell", 1, part, state)
    resumed, chosen = tiny_model("llama"), method("alphaedit-all-translations")
    state = chosen.prepare(resumed, stats, context)
    checkpoint.restore(tmp_path, "cell", resumed, state)
    chosen.apply(resumed, steps[1], state)
    assert same(model, resumed)


def test_a_fact_without_translation_ends_in_one_line(stats: Stats) -> None:
    with pytest.raises(BenchError, match=r"f/7.*no translation from 'de'") as caught:
        edited("alphaedit-all-translations", stats, [[fact(0, "en", "de"), fact(7, "de")]], Here("en", "de"))
    assert "\n" not in str(caught.value)
    assert "method.alphaedit-all-translations.translator" in str(caught.value)


def glossary(request: EditRequest, lang: str) -> EditRequest:
    return fact(int(request.fact_id.removeprefix("f/")), lang)


def echo(request: EditRequest, lang: str) -> EditRequest:
    return request


def test_a_translator_gives_what_the_data_lacks(stats: Stats) -> None:
    context, step = (
        Here("en", "de", "zh"),
        [replace(fact(0, "en"), translations=(replace(fact(0, "de"), target=" M"),))],
    )
    _, state = edited("alphaedit-all-translations", stats, [step], context, translator=f"{__name__}:glossary")
    assert [each[1:] for each in state.memory["written"]] == [["en", " Streslau"], ["de", " M"], ["zh", "海城"]]


def test_bad_translators_end_in_one_line(stats: Stats) -> None:
    for name in ("nowhere:f", f"{__name__}:nothing", "glossary", f"{__name__}:LAYERS"):
        with pytest.raises(BenchError, match="translator") as caught:
            method("alphaedit-all-translations", translator=name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(BenchError, match=r"f/0.*no edit of the fact in 'de'"):
        edited("alphaedit-all-translations", stats, [[fact(0, "en")]], Here("en", "de"), translator=f"{__name__}:echo")


# ---------------------------------------------------------------------------- languages apart
def test_one_language_apart_is_alphaedit_exactly(stats: Stats) -> None:
    steps, context = [[fact(i, "de"), fact(i + 1, "de")] for i in (0, 2, 4)], Here("de")
    model, state = edited("alphaedit-multilingual", stats, steps, context)
    plain, other = edited("alphaedit", stats, steps, context)
    assert same(model, plain)
    assert all(torch.equal(state.memory[f"de/{name}"], value) for name, value in other.memory.items())


def test_updates_of_languages_are_those_of_each_alone_and_are_summed(stats: Stats) -> None:
    steps, context = [[fact(i, lang)] for i in (0, 1) for lang in ("en", "zh")], Here("en", "de", "zh")
    model, state = edited("alphaedit-multilingual", stats, steps, context)
    alone = {
        lang: edited("alphaedit", stats, [s for s in steps if s[0].lang == lang], context) for lang in ("en", "zh")
    }
    for layer in LAYERS:
        total = model.original(layer)
        for lang, (single, other) in alone.items():
            assert torch.equal(state.memory[f"{lang}/weight.{layer}"], single.weight(layer))
            assert torch.equal(state.memory[f"{lang}/projected.{layer}"], other.memory[f"projected.{layer}"])
            total = total + (single.weight(layer) - single.original(layer))
        torch.testing.assert_close(model.weight(layer), total, rtol=0, atol=1e-6)
    assert not any(name.startswith("de/weight") for name in state.memory)


def test_a_step_of_several_languages_is_grouped_by_language(stats: Stats) -> None:
    context, step = Here("en", "zh"), [fact(0, "zh"), fact(1, "en"), fact(2, "zh")]
    model, state = edited("alphaedit-multilingual", stats, [step], context)
    apart, other = edited("alphaedit-multilingual", stats, [[fact(1, "en")], [fact(0, "zh"), fact(2, "zh")]], context)
    assert same(model, apart)
    assert state.memory.keys() == other.memory.keys()
    _, report = method("alphaedit-multilingual").apply(model, step, state)
    assert set(report.seconds) == {"values", "keys", "projection", "solve"}
    assert all(norm > 0 for norm in report.update_norms.values())


def test_a_language_that_cannot_be_solved_leaves_the_sum_of_the_others(
    stats: Stats, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, chosen = Here("en", "zh"), method("alphaedit-multilingual")
    model, state = edited("alphaedit-multilingual", stats, [[fact(0, "en")], [fact(0, "zh")]], context)
    before, memory = {layer: model.weight(layer).clone() for layer in LAYERS}, dict(state.memory)

    def unsolvable(*_: object) -> None:
        raise torch.linalg.LinAlgError("singular")

    monkeypatch.setattr("methods._locate.rules.null_space_update", unsolvable)
    with pytest.raises(torch.linalg.LinAlgError):
        chosen.apply(model, [fact(1, "zh")], state)
    assert all(torch.equal(model.weight(layer), weight) for layer, weight in before.items())
    assert state.memory.keys() == memory.keys()
    assert all(state.memory[name] is value for name, value in memory.items())


def test_the_text_of_a_translator_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    file, registry = tmp_path / "my_translator.py", methods()
    options = {key: value for key, value in OPTIONS.items() if key in registry.options("alphaedit-all-translations")}
    file.write_text("def glossary(request, lang):\n    return request\n")
    named = {**options, "translator": "my_translator:glossary"}
    before = registry.source("alphaedit-all-translations", named)
    assert before
    assert registry.source("alphaedit-all-translations", options) == ""
    file.write_text("def glossary(request, lang):\n    return None\n")
    assert registry.source("alphaedit-all-translations", named) != before
    with pytest.raises(BenchError, match="cannot be loaded"):
        registry.source("alphaedit-all-translations", {**options, "translator": "no_such_module:f"})


def test_a_fact_that_is_a_translation_of_another_one_in_its_step_is_written_once(stats: Stats) -> None:
    context = Here("en", "de")
    model, state = edited("alphaedit-all-translations", stats, [[fact(0, "en", "de"), fact(0, "de", "en")]], context)
    plain, _ = edited("alphaedit", stats, [[fact(0, "en"), fact(0, "de")]], context)
    assert same(model, plain)
    assert [each[1] for each in state.memory["written"]] == ["en", "de"]


def test_languages_apart_report_means_over_facts_and_sums_of_seconds() -> None:
    found = _together(
        [(2, EditReport({"nll": 1.0}, {}, {"values": 1.0})), (1, EditReport({"nll": 4.0}, {}, {"values": 2.0}))],
        {0: 5.0},
    )
    assert found.losses == {"nll": pytest.approx(2.0)}
    assert (found.update_norms, found.seconds) == ({0: 5.0}, {"values": 3.0})


@pytest.mark.parametrize("name", [each for each in methods().names() if each != "none"])
def test_a_layer_that_the_model_lacks_is_one_line(name: str, stats: Stats) -> None:
    one = next((option for option in ("layer", "block") if option in methods().options(name)), None)
    beyond = {one: 9} if one else {"layers": (0, 9)}
    with pytest.raises(BenchError, match="9") as caught:
        method(name, **beyond).prepare(tiny_model("llama"), stats, Here("en"))
    assert "\n" not in str(caught.value)
