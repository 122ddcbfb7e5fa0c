"""``bench trace``: what it writes, which facts it takes, what it advises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.config.settings import assignments, overrides
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.trace.effects import layers_to_edit
from bench.trace.prompts import Prompt, parts_of
from reports.experiments import figure5
from reports.numbers import traces
from reports.parts.sections import Picture
from reports.pictures.traces import draw_maps
from tests.cli.conftest import bench
from tests.data import claims_files
from tests.tinyworld import TinyWorld

LANGUAGES = "en,zh"

pytestmark = pytest.mark.xdist_group("trace")  # its set-up takes long


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model on the embedded facts, once for all tests."""
    out = tmp_path_factory.mktemp("trace") / "out"
    answer = bench(
        "trace", "polyglot-tiny", "--languages", LANGUAGES, "--facts", 2, "--samples", 2, "--device", "cpu",
        "--display", "plain", "--out", out,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "4 of " in answer.out
    assert "Layers to edit: " in answer.out
    return out


def test_every_token_layer_and_kind_has_its_effect(traced: Path) -> None:
    rows, about = pd.read_csv(traced / "trace.csv"), read_json(traced / "trace.json")
    assert set(rows["language"]) == {"en", "zh"}
    assert set(rows["kind"]) == {"hidden", "mlp", "attention"}
    assert set(rows["layer"]) == set(range(about["layers"]))
    assert set(rows["part"]) <= set(traces.PARTS)
    assert {"first", "last", "end"} <= set(rows["part"])
    assert rows.groupby(["language", "form"])["fact"].nunique().tolist() == [2, 2, 2, 2]
    assert set(rows["form"]) == {"subject first", "relation first"}
    whole = about["layers"] * 3
    assert (rows.groupby(["language", "form", "fact", "part", "token"]).size() == whole).all()


def test_what_was_done_is_written_down(traced: Path) -> None:
    about = read_json(traced / "trace.json")
    assert about["model"] == "polyglot-tiny"
    assert about["true_answers"] is True
    assert about["window"] == about["layers"] // 2  # ten would be all of this model
    assert (about["noise"], about["samples"], about["seed"]) == (3.0, 2, 1)
    assert about["embedding_std"] > 0
    assert about["counts"]["en"]["tried"] >= about["counts"]["en"]["traced"] == 4
    for fact in about["facts_traced"]:
        assert 0 < fact["low"] < fact["high"] <= 1


def test_the_advice_is_a_setting_of_memit(traced: Path) -> None:
    about = read_json(traced / "trace.json")
    layers, setting = about["recommended"]["layers"], about["recommended"]["set"]
    assert layers == layers_to_edit(about["mlp_effects"])
    values = overrides(assignments([setting])["set"], methods())["memit"]
    assert list(methods().config("memit", {**memit_options(), **values}).layers) == layers


def memit_options() -> dict[str, object]:
    fields = methods().options("memit")
    return {key: value for key, value in OPTIONS.items() if key in fields}


def test_the_report_has_pictures_table_and_numbers(traced: Path) -> None:
    text = (traced / "trace.md").read_text(encoding="utf-8")
    assert "中文" in text
    assert "](trace.png)" in text
    assert "method.memit.layers=" in text
    assert "/tmp" not in text + (traced / "trace.json").read_text(encoding="utf-8")
    for stem in ("trace", "layers"):
        for suffix in (".png", ".svg"):
            assert (traced / stem).with_suffix(suffix).stat().st_size > 1000
    summary = pd.read_csv(traced / "summary.csv")
    rows = pd.read_csv(traced / "trace.csv")
    keys = ["language", "form", "kind", "part", "layer"]
    expected = rows.groupby(keys)["effect"].mean()
    pd.testing.assert_series_equal(
        summary.set_index(keys)["aie"].sort_index(), expected.sort_index(), atol=1e-5, check_names=False
    )
    assert (summary["aie"] < 0).any()  # clipped in the picture only


def test_a_report_can_hold_it_as_a_chapter(traced: Path) -> None:
    (section,) = figure5.sections(traced)
    assert "polyglot-tiny" in section.title
    assert [part.stem for part in section.parts if isinstance(part, Picture)] == ["trace", "layers"]
    assert [table.name for table in section.tables] == ["summary"]


def test_a_folder_without_its_numbers_is_one_line(traced: Path, tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_text((traced / "trace.json").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(BenchError, match=r"trace\.csv: no such file"):
        figure5.sections(tmp_path)


@pytest.mark.parametrize(("share", "weak"), [(0.5, False), (0.01, True)])
def test_a_weak_peak_is_told(traced: Path, share: float, weak: bool) -> None:
    effects = traces.read(traced)
    facts = [{**fact, "high": 1.0, "low": 0.0} for fact in effects.about["facts_traced"]]
    about = {**effects.about, "facts_traced": facts, "mlp_effects": [share] * effects.layers}
    assert (figure5.WEAK in figure5.advice(traces.Effects(effects.rows, about))) == weak


def test_languages_with_too_few_facts_are_listed_alone(traced: Path) -> None:
    effects = traces.read(traced)
    counts = {**effects.about["counts"], "zh": {"tried": 9, "traced": 1}}
    fewer = traces.Effects(effects.rows, {**effects.about, "counts": counts, "averaged": ["en"]})
    table = figure5.peaks(fewer)
    assert [row[0].text for row in table.rows] == ["English", "中文"]
    assert "advised by: 中文" in " ".join(table.notes)
    assert len([axes for axes in draw_maps(fewer, traces.summary(fewer)).axes if axes.images]) == 3


def test_all_languages_share_the_scale_of_a_kind(traced: Path) -> None:
    effects = traces.read(traced)
    numbers = traces.summary(effects)
    figure = draw_maps(effects, numbers)
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images]
    assert len(limits) == 2 * 3
    assert limits[:3] == limits[3:]
    for kind, limit in zip(traces.KINDS, limits, strict=False):
        assert limit == (0, pytest.approx(traces.top_of(effects, numbers, kind)))


@pytest.mark.usefixtures("no_pictures")
def test_the_same_seed_gives_the_same_facts(traced: Path, tmp_path: Path) -> None:
    answer = bench(
        "trace", "polyglot-tiny", "--languages", "zh", "--facts", 2, "--samples", 1, "--device", "cpu",
        "--display", "none", "--out", tmp_path,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    rows = pd.read_csv(traced / "trace.csv")
    again = pd.read_csv(tmp_path / "trace.csv")
    # the scale of the noise comes from the subjects of all languages traced
    assert list(rows[rows["language"] == "zh"]["fact"]) == list(again["fact"])


# ---------------------------------------------------------------------------- other data
@pytest.mark.usefixtures("no_pictures")
def test_own_facts_are_traced_with_the_models_own_answer(tiny_world: TinyWorld, tmp_path: Path) -> None:
    answer = bench(
        "trace", tiny_world.root / "model", "--data", tiny_world.root / "facts.jsonl", "--facts", 2, "--samples", 2,
        "--languages", "en,de", "--window", 3, "--device", "cpu", "--display", "plain", "--out", tmp_path,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "no true answers" in answer.out
    about = read_json(tmp_path / "trace.json")
    assert (about["true_answers"], about["window"], about["data"], about["model"]) == (False, 3, "facts.jsonl", "model")
    assert str(tiny_world.root) not in json.dumps(about)
    assert "no true ones" in (tmp_path / "trace.md").read_text(encoding="utf-8")


def test_claims_without_subjects_are_not_traced(tiny_world: TinyWorld, tmp_path: Path) -> None:
    records = [claims_files.without(each, "subject") for each in claims_files.OWN]
    path = claims_files.write(tmp_path / "claims.jsonl", records)
    answer = bench(
        "trace", tiny_world.root / "model", "--data", path, "--languages", "en", "--facts", 2, "--out", tmp_path / "out"
    )
    answer.is_one_line("claims.jsonl", "field 'subject': none is named, and tracing looks at the subject")


def test_counterfact_offers_its_true_targets(tmp_path: Path) -> None:
    from bench.trace.facts import questions

    item = {
        "case_id": 7,
        "requested_rewrite": {
            "prompt": "{} speaks", "subject": "Ana", "target_new": {"str": "Dutch"}, "target_true": {"str": "Greek"}
        },
        "neighborhood_prompts": ["Eva speaks"],
    }  # fmt: skip
    (tmp_path / "counterfact").mkdir()
    (tmp_path / "counterfact" / "counterfact.json").write_text(json.dumps([item]), encoding="utf-8")
    (question,) = questions("counterfact", ["en"], 1, 1, tmp_path)["en"]
    assert (question.text, question.subject, question.expected) == ("Ana speaks", "Ana", " Greek")


def test_facts_that_the_model_does_not_know_are_skipped_and_counted() -> None:
    from bench.model.tiny import tiny_model
    from bench.trace.facts import Question, known

    model = tiny_model("llama")
    texts = [f"Of Land{i} is" for i in range(6)]
    said = [model.tokenizer.decode([a.predicted_ids[0]]) for a in model.answers(texts, [" a"] * 6)]
    asked = [Question(f"f{i}", "en", text, (3, 8), "") for i, text in enumerate(texts)]
    assert known(model, asked, 4)[1] == 4
    wrong = [replace(q, expected="§§" if i % 2 else "") for i, q in enumerate(asked)]
    found, tried = known(model, wrong, 3)
    assert [each.question.fact_id for each in found] == ["f0", "f2", "f4"]
    assert tried == 5
    assert [model.tokenizer.decode([each.prompt.answer]) for each in found] == said[::2]


def test_a_part_of_a_character_is_no_answer() -> None:
    from bench.model.tiny import tiny_model
    from bench.trace.facts import Question, known

    model = tiny_model("llama")  # one token per byte
    (answer,) = model.answers(["Of Rome is"], ["中"])
    ids = list(answer.target_ids)
    question = Question("f", "en", "Of Rome is", (3, 7), "中")

    class Saying:
        """The model, with an answer of the test's own."""

        def __init__(self, said: list[int]) -> None:
            self.said = said
            self.tokens, self.tokenizer = model.tokens, model.tokenizer

        def answers(self, prompts: list[str], targets: list[str]) -> list[object]:
            return [replace(answer, predicted_ids=tuple(self.said)) for _ in prompts]

        def following(self, prompts: list[str]) -> list[int]:
            return [self.said[0] for _ in prompts]

    assert len(ids) == 3
    assert known(Saying(ids), [question], 1)[0]  # type: ignore[arg-type]
    assert not known(Saying([*ids[:2], ids[2] + 1]), [question], 1)[0]  # type: ignore[arg-type]


# ---------------------------------------------------------------------------- parts, advice, errors
def test_a_token_may_play_two_parts() -> None:
    one = Prompt([9, 5, 7], 1, 2, 0)
    assert parts_of(one) == [("first", 1), ("last", 1), ("next", 2), ("end", 2)]
    end = Prompt([9, 5, 6], 1, 3, 0)
    assert parts_of(end) == [("first", 1), ("last", 2), ("end", 2)]
    whole = Prompt(list(range(9)), 1, 5, 0)
    assert parts_of(whole) == [
        ("first", 1), ("middle", 2), ("middle", 3), ("last", 4), ("next", 5), ("further", 6), ("further", 7), ("end", 8)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([0.0, 0.1, 0.6, 1.0, 0.7, 0.4], [2, 3, 4]),
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], [0, 1, 2, 3, 4]),
        ([0.5, 0.9, 1.0, 0.9, 0.9, 0.9, 0.9], [1, 2, 3, 4, 5]),
        ([0.9, 0.1, 1.0], [2]),
        ([-0.1, -0.2], []),
        ([0.0, 0.0], []),
    ],
)
def test_layers_to_edit_lie_around_the_peak(effects: list[float], expected: list[int]) -> None:
    assert layers_to_edit(effects) == expected


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--data", "cldrr"], ["unknown data set 'cldrr'", "cldr"]),
        (["--languages", "xx"], ["'xx'"]),
        (["--facts", 0], ["--facts must be at least 1"]),
        (["--samples", 0], ["--samples must be at least 1"]),
        (["--window", 0], ["--window must be at least 1"]),
        (["--noise", 0], ["--noise must be positive"]),
        (["--noise", "nan"], ["--noise must be positive"]),
        (["--seed", -1], ["--seed must not be negative"]),
        (["--dtype", "int7"], ["'dtype'"]),
        (["--data", "mzsre", "--data-dir", "/nowhere"], ["data folder does not exist"]),
    ],
)
def test_bad_input_is_one_line(flags: list[object], parts: list[str], tmp_path: Path) -> None:
    bench("trace", "polyglot-tiny", "--out", tmp_path / "out", *flags).is_one_line(*parts)
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_one_line(tmp_path: Path) -> None:
    bench("trace", "polyglott", "--out", tmp_path / "out").is_one_line("unknown model 'polyglott'", "polyglot-tiny")


def test_a_model_that_knows_nothing_is_told(tiny_world: TinyWorld, tmp_path: Path) -> None:
    answer = bench(
        "trace", tiny_world.root / "model", "--facts", 1, "--languages", "en", "--out", tmp_path / "out",
        "--device", "cpu", "--display", "none",
    )  # fmt: skip
    answer.is_one_line("knows none of the facts of cldr")
