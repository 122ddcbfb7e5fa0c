"""Causal tracing beside a plain loop: one forward per state, all positions, all blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.api import EditRequest
from bench.model import tiny
from bench.model.archs import arch_of
from bench.model.batching import Budget
from bench.model.editable import EditableModel
from bench.model.tiny import byte_tokenizer, tiny_model
from bench.model.tokens import Tokens
from bench.trace.facts import Question, known
from bench.trace.grouping import alike
from bench.trace.prompts import ATTENTION, HIDDEN, KINDS, MLP, Noise, Prompt, embedding_std, subject_tokens
from bench.trace.tracer import Tracer, attention_output, window_of

TELLING = ("llama", "gpt2", "gptj", "gemma3", "bloom")
"""One of each kind: positions that are turned, learned or slopes; norms before, or behind too; attention beside MLP."""
OTHERS = [name for name in (*tiny.ARCHITECTURES, "qwen3", "mistral", "falcon-alibi") if name not in TELLING]
NOISE = Noise(scale=0.6, samples=2, seed=1)
WINDOW = 2
REQUESTS = [
    EditRequest("a", "en", "Of {} is", "Ruri", " x"),
    EditRequest("b", "zh", "{}的", "东", " x"),
    EditRequest("c", "de", "Man in {}", "Öst", " x"),
]


def prompts_of(model: EditableModel) -> list[Prompt]:
    found = subject_tokens(model.tokens, [r.text for r in REQUESTS], [r.subject_span for r in REQUESTS])
    answers = model.answers([r.text for r in REQUESTS], [r.target for r in REQUESTS])
    return [replace(p, answer=a.predicted_ids[0]) for p, a in zip(found, answers, strict=True)]


# ---------------------------------------------------------------------------- the plain loop
class Reference:
    """Batch of clean and corrupted rows through the whole model, a state copied from row 0; as the release does."""

    def __init__(self, model: EditableModel) -> None:
        self.model = model
        path = arch_of(type(model.hf).__name__).feed_forward
        self.modules = {
            HIDDEN: list(model.blocks),
            MLP: [model.projection(i) for i in range(model.n_layers)],
            ATTENTION: [attention_output(block, path) for block in model.blocks],
        }

    @torch.no_grad()
    def probabilities(self, prompt: Prompt, kind: str = HIDDEN, layers: range = range(0), token: int = 0) -> Tensor:
        first, stop = prompt.first, prompt.stop

        def corrupt(_m: object, _a: object, output: Tensor) -> Tensor:
            noise = NOISE.draw(stop - first, output.shape[-1]).to(output)
            output = output.clone()
            output[1:, first:stop] += noise
            return output

        def copy(_m: object, _a: object, output: object) -> object:
            states = output[0] if isinstance(output, tuple) else output
            states[1:, token] = states[0, token]
            return output

        hooks = [self.model.hf.get_input_embeddings().register_forward_hook(corrupt)]
        hooks += [self.modules[kind][layer].register_forward_hook(copy) for layer in layers]
        ids = torch.tensor([prompt.ids] * (1 + NOISE.samples))
        logits = self.model.hf(ids).logits[:, -1].float()
        for hook in hooks:
            hook.remove()
        return logits.softmax(-1)[:, prompt.answer]

    def scores(self, prompt: Prompt) -> Tensor:
        depth = self.model.n_layers
        found = torch.zeros(len(KINDS), len(prompt.ids) - prompt.first, depth)
        for number, kind in enumerate(KINDS):
            for token in range(prompt.first, len(prompt.ids)):
                for layer in range(depth):
                    layers = range(layer, layer + 1) if kind == HIDDEN else range(*window_of(layer, WINDOW, depth))
                    p = self.probabilities(prompt, kind, layers, token)
                    found[number, token - prompt.first, layer] = p[1:].mean()
        return found


@pytest.mark.parametrize("architecture", [*TELLING, *(pytest.param(name, marks=pytest.mark.soak) for name in OTHERS)])
def test_every_score_is_that_of_the_plain_loop(architecture: str) -> None:
    model = tiny_model(architecture)
    prompts = prompts_of(model)[1:]  # the shorter two; one has text after its subject
    reference = Reference(model)
    for prompt, traced in zip(prompts, Tracer(model, NOISE, WINDOW).trace(prompts), strict=True):
        p = reference.probabilities(prompt)
        assert traced.high == pytest.approx(float(p[0]), abs=1e-5)
        assert traced.low == pytest.approx(float(p[1:].mean()), abs=1e-5)
        torch.testing.assert_close(traced.scores, reference.scores(prompt), atol=1e-5, rtol=1e-3)
        assert traced.scores.std() > 1e-4  # something is restored


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj"])
def test_projections_put_out_what_mlp_and_attention_do(architecture: str) -> None:
    """So restoring them is restoring the modules, as the released code does."""
    model = tiny_model(architecture)
    arch = arch_of(type(model.hf).__name__)
    block = model.blocks[1]
    attention = next(m for name, m in block.named_children() if name in ("attn", "self_attn"))
    seen: dict[str, Tensor] = {}

    def keep(name: str):  # type: ignore[no-untyped-def]
        return lambda _m, _a, out: seen.__setitem__(name, out[0] if isinstance(out, tuple) else out)

    attention.register_forward_hook(keep("attention"))
    block.get_submodule(arch.feed_forward).register_forward_hook(keep("mlp"))
    attention_output(block, arch.feed_forward).register_forward_hook(keep("attention out"))
    model.projection(1).register_forward_hook(keep("mlp out"))
    model.answers(["some text"], [" x"])
    assert torch.equal(seen["attention"], seen["attention out"])
    assert torch.equal(seen["mlp"], seen["mlp out"])


def test_restoring_the_last_layer_at_the_last_token_restores_the_answer() -> None:
    model = tiny_model("llama")
    for traced in Tracer(model, NOISE, WINDOW).trace(prompts_of(model)):
        assert float(traced.scores[0, -1, -1]) == pytest.approx(traced.high, abs=1e-5)
        assert float(traced.scores[0, 0, -1]) == pytest.approx(traced.low, abs=1e-5)


# ---------------------------------------------------------------------------- batching, padding, BOS
def test_company_and_padding_change_nothing() -> None:
    model = tiny_model("qwen2")
    prompts = prompts_of(model)
    together = Tracer(model, NOISE, WINDOW).trace(prompts)
    for prompt, traced in zip(prompts, together, strict=True):
        (alone,) = Tracer(model, NOISE, WINDOW).trace([prompt])
        torch.testing.assert_close(alone.scores, traced.scores, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("bos", [True, False])
def test_the_tokenizers_padding_side_does_not_matter_and_a_bos_moves_the_subject(side: str, bos: bool) -> None:
    model = tiny_model("llama", bos=bos)
    expected = Tracer(model, NOISE, WINDOW).trace(plain := prompts_of(model))
    model.tokenizer.padding_side = side
    model.tokenizer.pad_token = model.tokenizer.eos_token
    prompts = prompts_of(model)
    assert prompts == plain
    assert prompts[0].ids[prompts[0].first : prompts[0].stop] == model.tokens.targets(["Ruri"])[0]
    assert prompts[0].first == len("Of ") + bos
    for one, other in zip(Tracer(model, NOISE, WINDOW).trace(prompts), expected, strict=True):
        assert torch.equal(one.scores, other.scores)


def test_batches_are_halved_when_memory_runs_out() -> None:
    model = tiny_model("llama")
    prompts = prompts_of(model)[1:2]
    expected = Tracer(model, NOISE, WINDOW).trace(prompts)
    tracer = Tracer(model, NOISE, WINDOW)
    restore, sizes = tracer._restore, []

    def scarce(runs, kind, start, jobs):  # type: ignore[no-untyped-def]
        if len(jobs) > 3:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(jobs))
        return restore(runs, kind, start, jobs)

    tracer._restore = scarce  # type: ignore[method-assign]
    model.budget = Budget(10_000)
    for traced, other in zip(tracer.trace(prompts), expected, strict=True):
        torch.testing.assert_close(traced.scores, other.scores, atol=1e-5, rtol=1e-3)
    assert max(sizes) <= 3
    assert model.budget.lowered


def test_restorations_of_like_length_are_run_together() -> None:
    sizes = [(1200, 100 * n) for n in (1, 12, 2, 11, 1, 12, 6, 6, 6)]
    groups = alike(sizes, 100_000)
    assert sorted(i for group in groups for i in group) == list(range(len(sizes)))
    assert groups == [[0, 4, 2], [6, 7, 8], [3, 1, 5]]
    for group in groups:  # what is a group stays one
        assert len(alike([sizes[i] for i in group], 100_000)) == 1
    assert max(map(len, alike(sizes, 2400))) == 2
    assert len(alike(sizes, 1)) == len(sizes)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near(dtype: str) -> None:
    exact, half = tiny_model("llama"), tiny_model("llama", dtype=dtype)
    prompts = prompts_of(exact)
    pairs = zip(Tracer(exact, NOISE, WINDOW).trace(prompts), Tracer(half, NOISE, WINDOW).trace(prompts), strict=True)
    for one, other in pairs:
        assert other.scores.isfinite().all()
        assert float((one.scores - other.scores).abs().mean()) < 0.05


# ---------------------------------------------------------------------------- parts
@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("{}的首都是", "中国"),
        ("在{}，人们说", "比利时"),
        ("The capital of {} is", "Zürich"),
        ("Who is {}?", "Ana 👩‍🔬"),
    ],
)
def test_the_subjects_tokens_are_its_bytes(prompt: str, subject: str, bos: bool) -> None:
    request = EditRequest("f", "zh", prompt, subject, " x")
    (found,) = subject_tokens(Tokens(byte_tokenizer(bos)), [request.text], [request.subject_span])
    before = len(prompt.split("{}")[0].encode()) + bos
    assert (found.first, found.stop) == (before, before + len(subject.encode()))
    (located,) = Tokens(byte_tokenizer(bos)).locate([request.text], [request.subject_span])
    assert (located.ids, located.index) == (found.ids, found.stop - 1)


def test_noise_is_scaled_by_all_embeddings_of_all_subjects() -> None:
    model = tiny_model("gpt2")
    rows = model.hf.get_input_embeddings().weight[torch.tensor(model.tokens.targets(["Rome", "中"])[0]).long()]
    both = torch.cat([rows, model.hf.get_input_embeddings().weight[model.tokens.targets(["中"])[0]]])
    assert embedding_std(model, ["Rome", "中"]) == pytest.approx(float(both.std()))


def test_noise_is_that_of_the_released_code() -> None:
    import numpy as np

    expected = np.random.RandomState(1).randn(10, 3, 4) * 0.5
    assert torch.equal(Noise(0.5, 10, 1).draw(3, 4), torch.from_numpy(expected))


@pytest.mark.parametrize(
    ("layer", "window", "expected"),
    [(0, 10, (0, 5)), (12, 10, (7, 17)), (31, 10, (26, 32)), (2, 1, (2, 3)), (2, 3, (1, 4)), (3, 2, (2, 4))],
)
def test_windows_are_those_of_the_released_code(layer: int, window: int, expected: tuple[int, int]) -> None:
    assert window_of(layer, window, 32) == expected
    assert expected == (max(0, layer - window // 2), min(32, layer - (-window // 2)))


def test_what_a_model_says_first_needs_no_target() -> None:
    model = tiny_model("llama")
    asked = [Question(f"f{i}", "en", text, (0, 3), "") for i, text in enumerate(("Ann sees", "Bob is in", "Eva"))]
    answers = model.answers([q.text for q in asked], [" a"] * 3)
    found, tried = known(model, asked, 3)
    assert [each.prompt.answer for each in found] == [answer.predicted_ids[0] for answer in answers]
    assert tried == 3
    # of what is expected the model has to say the first token
    expected = [replace(asked[0], expected="\x00"), *asked[1:]]
    assert [each.question.fact_id for each in known(model, expected, 3)[0]] == ["f1", "f2"]
