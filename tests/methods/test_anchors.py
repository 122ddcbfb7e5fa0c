"""NAS: values get the norm that they have on the unedited model, or are dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.api import EditRequest
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.ground.errors import BenchError
from bench.model.hooks import tapped
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods._locate.anchors import anchored, trimmed_mean
from methods._locate.prompts import prompt_sets
from methods._locate.values import ValueConfig, Values, optimise_values
from tests.methods.locate_world import Here, built, edited, tiny_stats
from tests.tinyworld import tiny_requests

LANGUAGES = ("en", "de", "zh")
CONFIG = ValueConfig(steps=3, lr=0.5, decay=1e-3, clamp=4.0, kl_weight=0.0625)
BARE: dict[str, tuple[str, ...]] = dict.fromkeys(LANGUAGES, ())


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Stats:
    return tiny_stats(tmp_path_factory.mktemp("stats"))


def test_the_longest_twentieth_is_left_out() -> None:
    assert float(trimmed_mean(torch.arange(20, 0, -1).float())) == 10.0
    assert float(trimmed_mean(torch.arange(1, 20).float())) == 10.0


def test_values_get_the_norm_of_their_languages_anchor_or_are_dropped() -> None:
    draw = torch.Generator().manual_seed(0)
    initial, outputs, direction = torch.randn(3, 4, 8, generator=draw)
    length = torch.tensor([1.0, 3.0, 6.1, 20.1])
    vectors = direction / direction.norm(dim=1, keepdim=True) * length[:, None]
    nothing = torch.zeros(4)
    values = Values(initial + vectors - outputs, initial, outputs, vectors, nothing, nothing, nothing, nothing)
    requests = [EditRequest("f", lang, "{} is", "A", " B") for lang in ("en", "en", "en", "de")]
    found, told = anchored(values, requests, {"en": 3.0, "de": 10.0})
    torch.testing.assert_close(found.written[:2], vectors[:2] * (3.0 / length[:2, None]))
    torch.testing.assert_close(found.targets[2:], initial[2:])
    assert told == {"dropped": 0.5, "stretch": pytest.approx((1 / 3 + 1 + 6.1 / 3 + 2.01) / 4)}
    assert torch.equal(found.initial, values.initial)


@pytest.mark.parametrize("architecture", ["llama", "gptj", "gpt2"])
def test_what_an_edit_writes_is_added_to_the_projections_output(architecture: str) -> None:
    model = tiny_model(architecture)
    sets = prompt_sets(model.tokens, tiny_requests()[:3], BARE)
    values = optimise_values(model, sets, 1, CONFIG)
    for i, each in enumerate(sets):
        (bare,) = each.prompts
        with torch.no_grad(), tapped({1: model.projection(1)}) as seen:
            model.hf(torch.tensor([bare.ids]))
        torch.testing.assert_close(values.outputs[i], seen[1].outputs[0, bare.index], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values.written, values.outputs + values.targets - values.initial)
    at_projection = optimise_values(model, sets, 1, CONFIG, "projection")
    assert torch.equal(at_projection.initial, at_projection.outputs)


def test_anchors_are_measured_per_language_on_the_unedited_model_and_on_practice_facts_alone(stats: Stats) -> None:
    context, method = Here(*LANGUAGES), built("memit-seq-nas", anchor_facts=600)
    model = tiny_model("llama")
    anchors = method.prepare(model, stats, context).constants["anchors"]
    assert context.asked == [(lang,) for lang in LANGUAGES]
    assert anchors.keys() == set(LANGUAGES)
    for lang, anchor in anchors.items():
        requests = [fact.request for fact in context.practice((lang,))]
        values = optimise_values(model, prompt_sets(model.tokens, requests, BARE), 2, CONFIG)
        norms = sorted((values.outputs + values.targets - values.initial).norm(dim=1).tolist())
        kept = norms[:-1]  # of twenty
        assert anchor == pytest.approx(sum(kept) / len(kept), rel=1e-4)


def test_fewer_facts_are_drawn_by_the_cells_seed(stats: Stats) -> None:
    first, again, every = (
        built("alphaedit-nas", anchor_facts=count)
        .prepare(tiny_model("llama"), stats, Here(*LANGUAGES))
        .constants["anchors"]
        for count in (9, 9, 600)
    )
    assert first == again != every


@pytest.mark.parametrize("name", ["alphaedit", "memit-seq"])
def test_named_methods_are_the_option_of_what_they_vary(name: str, stats: Stats) -> None:
    steps = [tiny_requests()[:3], tiny_requests()[3:]]
    model, _, (_, report) = edited(f"{name}-nas", stats, steps, Here(*LANGUAGES), anchor_facts=30)
    same, _, _ = edited(name, stats, steps, Here(*LANGUAGES), anchor_facts=30)
    without, _, (_, plain) = edited(name, stats, steps, Here(*LANGUAGES))
    assert torch.equal(model.weight(2), same.weight(2))
    assert not torch.equal(model.weight(2), without.weight(2))
    assert {"dropped", "stretch"} == report.losses.keys() - plain.losses.keys()
    assert 0 <= report.losses["dropped"] <= 1
    assert methods().module(f"{name}-nas").SAW == "practice facts"
    assert not hasattr(methods().module(name), "SAW")


def test_the_edited_projection_gives_what_has_the_anchors_norm(stats: Stats) -> None:
    """ROME maps the bare prompt's key to the value exactly."""
    request = tiny_requests()[0]
    model, state, _ = edited("rome", stats, [[request]], Here("en"), anchor_facts=20)
    (each,) = prompt_sets(model.tokens, [request], BARE)
    (bare,) = each.prompts
    with torch.no_grad(), tapped({1: model.projection(1)}) as seen:
        model.hf(torch.tensor([bare.ids]))
    assert float(seen[1].outputs[0, bare.index].norm()) == pytest.approx(state.constants["anchors"]["en"], rel=1e-3)


def test_a_dropped_edit_is_not_written(stats: Stats) -> None:
    model, method = tiny_model("llama"), built("memit-seq-nas")
    state = method.prepare(model, stats, Here(*LANGUAGES))
    state.constants["anchors"] = dict.fromkeys(LANGUAGES, 1e-6)
    _, report = method.apply(model, tiny_requests()[:3], state)
    assert report.losses["dropped"] == 1.0
    assert max(report.update_norms.values()) < 1e-5


def test_languages_of_translations_have_anchors_too(stats: Stats) -> None:
    context = Here("en")
    steps = [[each for each in tiny_requests() if each.lang == "en"][:1]]
    _, state, _ = edited("alphaedit-all-translations", stats, steps, context, anchor_facts=20)
    assert state.constants["anchors"].keys() == {"en", "de"}


def test_practice_facts_that_no_norm_can_be_had_of_are_one_line(stats: Stats, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> Values:
        values = optimise_values(*given)  # type: ignore[arg-type]
        return replace(values, written=values.written * torch.nan)

    monkeypatch.setattr("methods._locate.anchors.optimise_values", broken)
    with pytest.raises(BenchError, match="'en'") as caught:
        built("alphaedit-nas").prepare(tiny_model("llama"), stats, Here("en"))
    assert "\n" not in str(caught.value)


def test_only_an_option_that_is_used_makes_another_cell() -> None:
    def cell(**options: object) -> str:
        method = MethodSpec(name="memit", options={"layers": [4], **options})
        model, data = ModelRef(name="m"), DataRef(name="d")
        return Cell(method=method, model=model, data=data, schedule=Schedule(languages=("en",))).id()

    assert cell() == cell(anchor_facts=0) != cell(anchor_facts=1000)
