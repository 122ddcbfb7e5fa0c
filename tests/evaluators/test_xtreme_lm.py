"""Sharing prefixes changes nothing: the same texts and log-likelihoods as plain lm-eval."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers import pre_tokenizers, processors

from bench.ground.errors import BenchError
from bench.model.tiny import BOS, tiny_model
from bench.model.tokens import common_prefix
from evaluators._xtreme.lm import SharedPrefixLM, batches, quiet

EXAMPLES = "Ann sees Rome. Yes\n"
PROMPTS = [EXAMPLES + rest for rest in ("Bo?", "A much longer question, is it?", "Björn 是?", "B", "Bo? No. Cy?")]


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Instance]:
    return [Instance(kind, {}, args, 0, ("t", i, 1)) for i, args in enumerate(arguments)]  # type: ignore[arg-type]


def generated(lm: HFLM, prompts: list[str], **options: Any) -> list[str]:
    options = {"do_sample": False, "max_gen_toks": 12, "until": [], **options}
    with quiet():
        return lm.generate_until(requests("generate_until", *((p, options) for p in prompts)), disable_tqdm=True)


def scored(lm: HFLM, prompts: list[str], words: tuple[str, ...]) -> list[tuple[float, bool]]:
    pairs = [(prompt, word) for prompt in prompts for word in words]
    with quiet():
        return lm.loglikelihood(requests("loglikelihood", *pairs), disable_tqdm=True)


def both(architecture: str, bos: bool) -> tuple[HFLM, SharedPrefixLM]:
    model = tiny_model(architecture, bos=bos)
    with quiet():
        plain = HFLM(pretrained=model.hf, tokenizer=model.tokenizer, batch_size=1)
        return plain, SharedPrefixLM(model.hf, model.tokenizer, 4)


TELLING = {("llama", True), ("llama", False), ("gpt2", True), ("gptj", False), ("bloom", True), ("gemma3", True)}
ARCHITECTURES = ("llama", "gpt2", "gptj", "bloom", "mistral", "qwen3", "gemma2", "gemma3", "opt", "falcon")


@pytest.mark.parametrize(
    ("architecture", "bos"),
    [
        pytest.param(*each, marks=() if each in TELLING else pytest.mark.soak)
        for each in product(ARCHITECTURES, (True, False))
    ],
)
def test_shared_prefixes_give_the_texts_and_likelihoods_of_plain_lm_eval(architecture: str, bos: bool) -> None:
    plain, shared = both(architecture, bos)
    assert generated(shared, PROMPTS) == generated(plain, PROMPTS)
    for words in ((" ", "x"), (" Yes", " No, no"), (" 是", "")):
        words = tuple(word for word in words if word)
        expected, found = scored(plain, PROMPTS, words), scored(shared, PROMPTS, words)
        assert [likely for likely, _ in found] == pytest.approx([likely for likely, _ in expected], abs=1e-4)
        assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_a_prompt_scores_alone_as_it_does_in_a_batch() -> None:
    _, shared = both("llama", True)
    assert generated(shared, PROMPTS) == [text for prompt in PROMPTS for text in generated(shared, [prompt])]
    together = scored(shared, PROMPTS, (" Yes",))
    alone = [likely for prompt in PROMPTS for likely in scored(shared, [prompt], (" Yes",))]
    assert [x for x, _ in together] == pytest.approx([x for x, _ in alone], abs=1e-4)


def test_the_prefix_runs_once_per_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shared = both("llama", True)
    widths: list[tuple[int, ...]] = []
    forward = shared.model.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        widths.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(shared.model, "forward", watched)
    scored(shared, PROMPTS[:2], ("x",))
    prefix = len(shared.tok_encode(EXAMPLES))
    longest = max(len(shared.tok_encode(prompt)) for prompt in PROMPTS[:2])
    assert widths == [(1, prefix), (2, longest - prefix)]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj", "bloom"])
def test_words_are_scored_while_generating(monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    words = ("x", " No", " 是")
    plain, shared = both(architecture, True)
    expected = scored(plain, PROMPTS, words)
    assert generated(shared, PROMPTS, words=list(words)) == generated(plain, PROMPTS)
    monkeypatch.setattr(shared.model, "forward", None)
    found = scored(shared, PROMPTS, words)
    assert [likely for likely, _ in found] == pytest.approx([likely for likely, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


class Scripted:
    """Makes a model say the bytes of a text, whatever it is asked."""

    def __init__(self, model: Any, text: str) -> None:
        self.ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        self.forward = model.hf.forward
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = self.forward(*args, **kwargs)
        out.logits = torch.full_like(out.logits, -9.0)
        out.logits[..., self.ids[self.calls % len(self.ids)]] = 9.0
        self.calls += 1
        return out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_gen_toks": 10, "one_line": True}, "\n ab\n"),
        ({"max_gen_toks": 10}, "\n ab\ncd\nef"),
        ({"max_gen_toks": 3, "one_line": True}, "\n a"),
    ],
)
def test_one_line_ends_with_the_first_line_that_is_not_blank(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: str
) -> None:
    model = tiny_model("llama")
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 1)
    monkeypatch.setattr(model.hf, "forward", Scripted(model, "\n ab\ncd\nef"))
    assert generated(lm, ["Q"], **options) == [expected]


def test_the_model_and_its_tokenizer_stay_as_they_were() -> None:
    model = tiny_model("llama")
    before = {name: value.clone() for name, value in model.hf.state_dict().items()}
    state = model.tokenizer.pad_token_id, model.tokenizer.padding_side
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
    generated(lm, PROMPTS)
    assert lm.model is model.hf
    assert (model.tokenizer.pad_token_id, model.tokenizer.padding_side) == state
    assert all(torch.equal(before[name], value) for name, value in model.hf.state_dict().items())


def test_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    _, shared = both("llama", True)
    generated(shared, PROMPTS)
    scored(shared, PROMPTS, (" Yes",))
    assert capfd.readouterr() == ("", "")


def test_rows_are_grouped_by_how_they_begin_and_sorted_by_length() -> None:
    rows = [(1,) * 9 + (2,), (3,) * 12, (1,) * 8, (1,) * 11]
    assert list(batches(rows, 2)) == [[rows[2], rows[0]], [rows[3]], [rows[1]]]
    assert common_prefix([rows[0], rows[3]]) == 9
    assert common_prefix([rows[2], rows[3]]) == 8
    assert common_prefix([rows[0], rows[1]]) == 0


# ------------------------------------------------------------------------------------------- special tokens, spaces
def ending(model: Any, template: str) -> Any:
    """The model with a tokenizer whose template is `template`."""
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(BOS, 0)]
    )
    return model


def test_a_token_that_the_tokenizer_appends_changes_nothing() -> None:
    answers = []
    for template in (f"{BOS} $A", f"{BOS} $A {BOS}"):
        model = ending(tiny_model("llama"), template)
        with quiet():
            lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
        context, word = lm._encode_pair("The answer is", " yes")
        assert (context[0], context[-1] != 0, 0 in word) == (0, True, False)
        answers.append((generated(lm, PROMPTS), scored(lm, PROMPTS, (" Yes", " No")), lm.tok_encode(EXAMPLES)))
    assert answers[0] == answers[1]


def test_label_words_have_no_space_that_is_not_written() -> None:
    model = tiny_model("llama")
    with quiet():
        plain = SharedPrefixLM(model.hf, model.tokenizer, 4)
        model.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
    for words in ((" Yes", " No"), ("是", "否")):
        pairs = [lm._encode_pair("Ann?", word) for word in words]
        assert [ids for _, ids in pairs] == [plain.tok_encode(word, add_special_tokens=False) for word in words]
        generated(lm, PROMPTS, words=list(words))
        # what generation has found out is found again
        assert all(
            (tuple(context), tuple(ids)) in lm._known
            for context, ids in (lm._encode_pair(prompt, word) for prompt in PROMPTS for word in words)
        )


def test_a_token_that_the_model_does_not_know_is_named() -> None:
    model = tiny_model("llama")
    model.tokenizer.add_tokens(["Ruritania"])
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
    for ask in (lambda: generated(lm, ["Is it Ruritania?"]), lambda: scored(lm, ["Is it?"], (" Ruritania",))):
        with pytest.raises(BenchError, match=r"the token 'Ruritania' \(257\), and the model knows 257"):
            ask()


def test_an_end_of_text_that_the_model_does_not_know_is_no_padding() -> None:
    model = tiny_model("llama")
    expected = generated(both("llama", True)[1], PROMPTS)
    model.tokenizer.add_special_tokens({"eos_token": "<end>"})
    with quiet():
        lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
    assert lm.tokenizer.pad_token_id < 257
    assert generated(lm, PROMPTS) == expected
