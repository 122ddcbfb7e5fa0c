"""Models with parts on disk are edited and scored as those in memory; their files stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from lm_eval.api.instance import Instance

from bench.api import State
from bench.compute import checkpoint
from bench.compute.driver import run_cell
from bench.data.corpora import corpus
from bench.ground.digests import digest
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.loading import load_pretrained, quiet_libraries
from bench.model.placement import DeviceMap, device_map, is_offloaded
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from bench.store.results import load_results
from bench.store.shards import ResultStore
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from tests.tinyworld import Silent, TinyWorld, tiny_requests

BLOCKS = {
    "llama": "model.layers",
    "qwen2": "model.layers",
    "gptj": "transformer.h",
    "gpt2": "transformer.h",
    "gemma3": "model.layers",
    "opt": "model.decoder.layers",
}
DEPTH = 4


def spread_map(model: EditableModel, blocks: str) -> DeviceMap:
    """Every second block on disk, and all that is no block."""
    trunk, _, inside = blocks.rpartition(".")
    parts = [f"{trunk}.{name}" for name, _ in model.trunk.named_children() if name != inside]
    places: dict[str, int | str] = dict.fromkeys([*parts, "lm_head"], "disk")
    return DeviceMap({**places, **{f"{blocks}.{i}": "disk" if i % 2 else "cpu" for i in range(DEPTH)}})


def load(folder: Path, spread: DeviceMap | None = None) -> EditableModel:
    with quiet_libraries():
        return EditableModel(*load_pretrained(str(folder), "float32", "cpu", folder, device_map=spread))


@pytest.fixture(scope="module", params=BLOCKS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, model = tmp_path_factory.mktemp("models") / request.param, tiny_model(request.param)
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def pair(folder: Path) -> tuple[EditableModel, EditableModel]:
    """The same model in memory, and with parts on disk."""
    plain = load(folder)
    return plain, load(folder, spread_map(plain, BLOCKS[folder.name]))


def in_memory(model: EditableModel, layer: int) -> set[str]:
    return {name for name, parameter in model.blocks[layer].named_parameters() if not parameter.is_meta}


def asked() -> tuple[Sequence[str], Sequence[str]]:
    prompts, targets = zip(*((r.text, r.target) for r in tiny_requests()), strict=True)
    return prompts, targets


Pair = tuple[EditableModel, EditableModel]


def test_weights_on_disk_stay_there_while_the_model_answers(pair: Pair) -> None:
    plain, spread = pair
    assert spread.fingerprint == plain.fingerprint
    assert spread.devices == (torch.device("cpu"),)
    assert spread.token_budget == plain.token_budget
    assert spread.answers(*asked()) == plain.answers(*asked())
    assert [layer for layer in range(DEPTH) if is_offloaded(spread.blocks[layer])] == [1, 3]
    assert not in_memory(spread, 1)


def test_an_edited_projection_comes_to_memory_and_the_file_keeps_the_original(pair: Pair, folder: Path) -> None:
    plain, spread = pair
    file = [folder / "model.safetensors"]
    before, unedited = digest(file), plain.answers(*asked())
    delta = torch.randn(plain.weight(1).shape, generator=torch.Generator().manual_seed(0))
    for model in pair:
        model.add(1, delta)
    assert torch.equal(spread.weight(1), plain.weight(1))
    projection = spread.parameter_names(1)[0].removeprefix(f"{BLOCKS[folder.name]}.1.").removesuffix("weight")
    assert in_memory(spread, 1) == {f"{projection}{name}" for name, _ in spread.projection(1).named_parameters()}
    assert (edited := spread.answers(*asked())) == plain.answers(*asked())
    assert edited != unedited
    with spread.unedited() as original:
        assert original.answers(*asked()) == unedited
    assert spread.answers(*asked()) == edited
    spread.reset()
    assert spread.answers(*asked()) == unedited
    assert digest(file) == before


def test_a_checkpoint_brings_edits_back(pair: Pair, tmp_path: Path) -> None:
    plain, spread = pair
    for layer in (1, 2):
        plain.add(layer, torch.ones_like(plain.weight(layer)))
    checkpoint.save(tmp_path, "cell", 3, plain, State({"keys.1": torch.ones(2)}))
    state = State()
    assert checkpoint.restore(tmp_path, "cell", spread, state) == 3
    assert torch.equal(state.memory["keys.1"], torch.ones(2))
    assert spread.answers(*asked()) == plain.answers(*asked())


def test_statistics_are_the_same(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("\n".join(tiny_corpus()[:20]), encoding="utf-8")
    found = [
        Stats(tmp_path / str(number), corpus(str(tmp_path / "corpus.txt"))).moments(model, [1, 2, 3])
        for number, model in enumerate(pair)
    ]
    for layer in (1, 2, 3):
        assert torch.equal(found[0][layer].matrix, found[1][layer].matrix)
    assert not in_memory(pair[1], 1)


def test_gradients_pass_through_weights_on_disk_and_do_not_hold_them(pair: Pair) -> None:
    rows, gradients, sizes = pair[0].tokens.prompts(asked()[0]), [], []
    for model in pair:
        run = model.begin_at(rows, [2] * len(rows))
        hidden = run.embedded.clone().requires_grad_()
        real = run.mask[:, 2:].flatten().nonzero()[:, 0]
        held: list[torch.Size] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, held=held: held.append(x.shape) or x, lambda x: x):
            ends = run.run(run.run(hidden, 1, 2), 3, DEPTH, only=real)
            loss = model.logits(ends.flatten(0, 1)[real]).square().mean()
        weights = {p.shape for i in (1, 3) for p in pair[0].blocks[i].parameters() if p.ndim == 2}
        sizes.append(weights & (set(held) | {shape[::-1] for shape in held}))
        gradients.append(torch.autograd.grad(loss, hidden)[0])
    assert torch.equal(*gradients)
    assert sizes[0]
    assert not sizes[1]
    assert not in_memory(pair[1], 1)
    assert not in_memory(pair[1], 3)


def test_tasks_are_answered_alike(pair: Pair) -> None:
    prompts = [f"Ann sees Rome. Yes\n{rest}" for rest in ("Bo?", "Björn 是?", "B")]
    options = {"do_sample": False, "max_gen_toks": 4, "until": []}
    found = []
    for model in pair:
        # lm-eval gives Qwen a padding token that this tokenizer has not
        model.tokenizer.pad_token = model.tokenizer.eos_token
        with quiet():
            lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
            texts = lm.generate_until([Instance("generate_until", {}, (p, options), i) for i, p in enumerate(prompts)])
            likely = lm.loglikelihood(
                [Instance("loglikelihood", {}, (p, " Yes"), i) for i, p in enumerate(prompts)], disable_tqdm=True
            )
        found.append((texts, likely))
    assert found[0] == found[1]


# ---------------------------------------------------------------------------- whole cells
@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld.make(tmp_path_factory.mktemp("world"))


def recorded(store: ResultStore) -> list[pd.DataFrame]:
    """Everything but times and memory."""
    results = load_results(store.root)
    costs = results.costs[~results.costs.quantity.str.contains("second|memory")]
    return [
        results.scores.sort_values(["step", "metric", "fact", "edit_lang", "probe_lang"], ignore_index=True),
        costs.sort_values(["step", "quantity", "layer"], ignore_index=True),
    ]


@pytest.mark.parametrize("method", ["memit", "prune", "alphaedit-multilingual", "langedit", "ft", "rome"])
def test_a_cell_gives_the_same_numbers(tiny: TinyWorld, tmp_path: Path, method: str) -> None:
    cell, plain, spread = tiny.cell(method), ResultStore(tmp_path / "plain"), ResultStore(tmp_path / "spread")
    model = load(tiny.root / "model")
    world = replace(tiny.world(), device_map=spread_map(model, BLOCKS["llama"]))
    assert run_cell(cell, plain, tiny.world(), Silent()) == "done"
    with pytest.raises(KeyboardInterrupt), quiet_libraries():
        run_cell(cell, spread, world, Silent(stop_at=2))
    with quiet_libraries():
        assert run_cell(cell, spread, world, Silent()) == "done"
    assert "elsewhere" in spread.environment(cell.id())["device"]
    for expected, found in zip(recorded(plain), recorded(spread), strict=True):
        pd.testing.assert_frame_equal(expected, found, check_exact=True)


# ---------------------------------------------------------------------------- what a user writes
def test_a_file_gives_limits_or_places(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("cpu: 10GiB\ndisk: 500 GB\n")
    assert device_map(str(path)) == DeviceMap("auto", {"cpu": "10GiB", "disk": "500 GB"})
    path.write_text('{"model.embed_tokens": "cpu", "lm_head": "disk"}')
    assert device_map(str(path)) == DeviceMap({"model.embed_tokens": "cpu", "lm_head": "disk"})
    assert device_map("auto") == DeviceMap("auto")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", "holds devices by module"),
        ("- cpu", "holds devices by module"),
        ("model: [", "not valid YAML"),
        ("cpu: much", "'much' is no amount of memory"),
        ("cpu: 1GiB\nmodel: disk", "'model' is no device"),
        ("model: cuda", "'cuda' is no device; there are: "),
        ("99: 1GiB", "99 is no device"),
        ("model: 99", "99 is no device"),
        ("model: {a: 1}", "is no device"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, parts: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"map\.yaml") as error:
        device_map(str(path))
    assert parts in str(error.value)
    assert "\n" not in str(error.value)


def test_a_map_that_leaves_modules_out_is_one_clear_line(tiny: TinyWorld) -> None:
    with pytest.raises(BenchError, match=r"cannot load model .*lm_head"):
        load(tiny.root / "model", DeviceMap({"model": "disk"}))


def test_limits_decide_what_is_kept_in_memory(tiny: TinyWorld) -> None:
    roomy = load(tiny.root / "model", DeviceMap("auto", {"cpu": "1GiB"}))
    tight = load(tiny.root / "model", DeviceMap("auto", {"cpu": 120_000}))
    assert not is_offloaded(roomy.hf)
    assert 0 < sum(map(is_offloaded, tight.blocks)) < DEPTH
    assert tight.answers(*asked()) == roomy.answers(*asked())
