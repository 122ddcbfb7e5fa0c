"""The model view: weights, forward passes that stop and start, answers; on every architecture."""

from __future__ import annotations

import pytest
import torch
from transformers import GenerationConfig

from bench.ground.errors import BenchError
from bench.model import tiny
from bench.model.editable import EditableModel
from bench.model.passes import run_trunk
from bench.model.tiny import tiny_model
from tests.tinyworld import tiny_requests

ARCHITECTURES = [*tiny.ARCHITECTURES, "qwen3", "mistral", "bloom", "falcon-alibi"]


@pytest.fixture(params=ARCHITECTURES, scope="module")
def model(request: pytest.FixtureRequest) -> EditableModel:
    return tiny_model(request.param)


def rows_of(model: EditableModel) -> list[list[int]]:
    return model.tokens.prompts([r.text for r in tiny_requests()])


@torch.no_grad()
def test_a_pass_through_all_blocks_is_the_models_own(model: EditableModel) -> None:
    rows = rows_of(model)
    run = model.begin(rows)
    middle = run.run(run.embedded, 0, 2)
    hidden = run.run(middle, 2, model.n_layers)
    whole = run_trunk(model.trunk, model.tokens.batch(rows, model.device))
    for i, row in enumerate(rows):
        torch.testing.assert_close(model.norm(hidden[i, : len(row)]), whole[i, : len(row)])


@torch.no_grad()
def test_a_pass_over_row_ends_equals_the_whole_pass(model: EditableModel) -> None:
    rows = rows_of(model)
    starts = [len(row) // 2 - i for i, row in enumerate(rows)]
    starts[0] = 0
    whole, ends = model.begin(rows), model.begin_at(rows, starts)
    expected = whole.run(whole.embedded, 0, model.n_layers)
    for _ in range(2):  # the prefix's keys and values must not grow
        found = ends.run(ends.run(ends.embedded, 0, 2), 2, model.n_layers)
        for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
            torch.testing.assert_close(
                found[i, : len(row) - start], expected[i, start : len(row)], atol=2e-5, rtol=1e-4
            )


@torch.no_grad()
def test_mlps_can_be_computed_where_they_matter_alone(model: EditableModel) -> None:
    rows = rows_of(model)
    run = model.begin(rows)
    expected = run.run(run.embedded, 0, model.n_layers)
    real = run.mask.flatten().nonzero()[:, 0]
    read = torch.tensor([len(row) - 1 + i * run.mask.shape[1] for i, row in enumerate(rows)])
    last = model.n_layers - 1
    found = run.run(run.run(run.embedded, 0, last, only=real), last, model.n_layers, only=read)
    torch.testing.assert_close(found.flatten(0, 1)[read], expected.flatten(0, 1)[read], atol=2e-5, rtol=1e-4)
    assert torch.equal(run.run(run.embedded, 0, model.n_layers), expected)  # nothing stays behind


def test_shared_heads_change_neither_states_nor_gradients() -> None:
    model, rows = tiny_model("llama"), rows_of(tiny_model("llama"))
    config = model.trunk.config
    assert config.num_key_value_heads < config.num_attention_heads
    assert config._attn_implementation == "sdpa"
    found = []
    for own in ("sdpa", "eager"):
        config._attn_implementation = own
        run = model.begin_at(rows, [1] * len(rows))
        hidden = run.embedded.clone().requires_grad_()
        real = run.mask[:, 1:].flatten().nonzero()[:, 0]
        ends = run.run(hidden, 0, model.n_layers).flatten(0, 1)[real]
        found += [ends, *torch.autograd.grad(ends.square().sum(), hidden)]
        assert config._attn_implementation == own  # nothing stays behind
    for ours, eager in zip(found[:2], found[2:], strict=True):
        assert float((ours - eager).norm() / eager.norm()) < 1e-5


@torch.no_grad()
def test_padding_does_not_change_an_answer(model: EditableModel) -> None:
    requests = tiny_requests()
    texts, targets = [r.text for r in requests], [r.target for r in requests]
    together = model.answers([*texts, "x" * 60], [*targets, " y"])
    for i, (text, target) in enumerate(zip(texts, targets, strict=True)):
        (alone,) = model.answers([text], [target])
        assert alone.predicted_ids == together[i].predicted_ids
        assert alone.logprobs == pytest.approx(together[i].logprobs, abs=1e-4)


def test_weights_are_d_by_m_and_edits_can_be_undone(model: EditableModel) -> None:
    before = {n: p.clone() for n, p in model.hf.named_parameters()}
    d = model.hf.config.hidden_size
    assert model.weight(1).shape[0] == d
    assert model.projection(1) is not model.projection(2)
    delta = torch.randn_like(model.weight(1))
    answer = model.answers(["ab"], [" c"])
    model.add(1, delta)
    assert model.answers(["ab"], [" c"]) != answer
    with model.unedited() as original:
        assert original.answers(["ab"], [" c"]) == answer
    torch.testing.assert_close(model.weight(1) - model.original(1), delta, atol=1e-5, rtol=1e-4)
    model.reset()
    assert all(torch.equal(before[n], p) for n, p in model.hf.named_parameters())
    assert model.edited() == {}


def test_the_update_acts_on_keys_as_a_matrix_product(model: EditableModel) -> None:
    """[d, m] means output = W key, GPT-2's transposed layout included."""
    module = model.projection(2)
    key = torch.randn(model.weight(2).shape[1])
    before = module(key[None, None])[0, 0] if "Bloom" not in type(model.hf).__name__ else module(key)
    delta = torch.randn_like(model.weight(2))
    model.add(2, delta)
    after = module(key[None, None])[0, 0] if "Bloom" not in type(model.hf).__name__ else module(key)
    model.reset()
    torch.testing.assert_close(after - before, delta @ key, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("bos", [True, False])
def test_exact_match_needs_no_generation(bos: bool) -> None:
    """All teacher-forced tokens right <=> greedy generation gives the target."""
    model = tiny_model("llama", bos=bos)
    prompts = ["The capital of", "中国的首都", "Zürich liegt"]
    config = GenerationConfig(max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0)
    for prompt in prompts:
        ids = torch.tensor([model.tokens.prompts([prompt])[0]])
        continued = model.hf.generate(ids, generation_config=config)[0, ids.shape[1] :].tolist()
        forced = forced_answer(model, ids[0].tolist(), continued)
        assert forced == continued
        wrong = [*continued[:2], (continued[2] + 1) % 256, continued[3]]
        assert forced_answer(model, ids[0].tolist(), wrong) != wrong


@torch.no_grad()
def forced_answer(model: EditableModel, prompt: list[int], target: list[int]) -> list[int]:
    batch = model.tokens.batch([prompt + target[:-1]], model.device)
    hidden = run_trunk(model.trunk, batch)[0, len(prompt) - 1 :]
    return model.head(hidden).argmax(-1).tolist()


def test_targets_split_inside_a_character_are_scored_by_their_ids() -> None:
    """One token per byte: every position of a Chinese target can be right."""
    model = tiny_model("llama")
    (answer,) = model.answers(["首都是"], ["北"])
    assert len(answer.target_ids) == len("北".encode())
    assert answer.target_ids == tuple(model.tokens.targets(["北"])[0])


def test_a_diverged_model_answers_nothing() -> None:
    model = tiny_model("llama")
    model.add(1, torch.full_like(model.weight(1), torch.nan))
    (answer,) = model.answers(["ab"], [" cd"])
    assert set(answer.predicted_ids) == {-1}
    assert not model.is_finite()


def test_bf16_models_keep_fp32_masters() -> None:
    model = tiny_model("llama", dtype="bfloat16")
    step = torch.full_like(model.weight(1), 1e-4)
    for _ in range(50):
        model.add(1, step)
    drift = (model.weight(1) - model.original(1)).mean()
    assert float(drift) == pytest.approx(50e-4, rel=1e-3)
    name = model.parameter_names(1)[0]
    assert model.hf.get_parameter(name).dtype == torch.bfloat16
    assert torch.equal(model.hf.get_parameter(name), model.master(name).bfloat16())


def test_bad_input_is_one_clear_line() -> None:
    model = tiny_model("llama")
    with pytest.raises(BenchError, match="layer 9 is out of range"):
        model.check_layers([1, 9])
    with pytest.raises(BenchError, match="exceeds the model's"):
        model.answers(["x" * 500], [" y"])
    with pytest.raises(BenchError, match="unknown architecture 'Linear'"):
        EditableModel(torch.nn.Linear(2, 2), model.tokens.tokenizer)


def test_equal_weights_have_equal_fingerprints() -> None:
    assert tiny_model("llama").fingerprint == tiny_model("llama").fingerprint
    assert tiny_model("llama").fingerprint != tiny_model("llama", seed=1).fingerprint
