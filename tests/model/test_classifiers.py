"""Classifiers: labels as targets, the same answers as the library's, whatever the batch; edits and a way back."""

from __future__ import annotations

import pytest
import torch

from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.encoder import EncoderModel
from bench.model.labels import LabelTokens, labels_of
from bench.model.tiny import CLASSIFIERS, tiny_classifier

TEXTS = ["Paris is in France.", "P", "巴黎在法国，不在德国。", "Paris lies far from the sea and near a river."]


@pytest.fixture(scope="module", params=CLASSIFIERS)
def model(request: pytest.FixtureRequest) -> EncoderModel | EditableModel:
    return tiny_classifier(request.param)


def test_answers_are_those_of_the_library(model: EncoderModel | EditableModel) -> None:
    found = model.answers(TEXTS, ["true"] * len(TEXTS))
    for text, answer in zip(TEXTS, found, strict=True):
        ids = torch.tensor([model.tokenizer(text)["input_ids"]])
        logprobs = model.hf(input_ids=ids).logits[0].log_softmax(-1)
        assert answer.target_ids == (1,)
        assert answer.predicted_ids == (int(logprobs.argmax()),)
        assert answer.logprobs[0] == pytest.approx(float(logprobs[1]), abs=1e-5)


def test_a_text_is_answered_alike_alone_and_among_longer_ones(model: EncoderModel | EditableModel) -> None:
    together = model.answers(TEXTS, ["false"] * len(TEXTS))
    for text, answer in zip(TEXTS, together, strict=True):
        (alone,) = model.answers([text], ["false"])
        assert alone.logprobs == pytest.approx(answer.logprobs, abs=1e-5)


def test_labels_are_found_whatever_their_case_and_spaces(model: EncoderModel | EditableModel) -> None:
    assert model.tokens.targets([" True", "FALSE"]) == [[1], [0]]
    with pytest.raises(BenchError, match=r"'perhaps' is no label.*false, true"):
        model.answers(TEXTS[:1], ["perhaps"])


def test_labels_may_be_called_as_in_fever() -> None:
    tokens = tiny_classifier("bert").tokens
    fever = LabelTokens(tokens.tokenizer, tokens.vocabulary, ["SUPPORTS", "REFUTES"])
    assert fever.targets([" true", " false", "Refutes"]) == [[0], [1], [1]]


def test_edits_of_inner_matrices_can_be_undone(model: EncoderModel | EditableModel) -> None:
    before = [answer.logprobs for answer in model.answers(TEXTS, ["true"] * len(TEXTS))]
    names = [name for layer in range(model.n_layers) for name in model.inner(layer)]
    assert len(names) == 2 * model.n_layers
    assert all(model.hf.get_parameter(name) is module.weight for name, module in model.inner(1).items())
    for name in names[2:4]:
        model.assign(name, model.master(name) + 0.1)
    assert [answer.logprobs for answer in model.answers(TEXTS, ["true"] * len(TEXTS))] != before
    model.reset()
    assert [answer.logprobs for answer in model.answers(TEXTS, ["true"] * len(TEXTS))] == before


def test_a_text_longer_than_the_model_reads_is_refused(model: EncoderModel | EditableModel) -> None:
    with pytest.raises(BenchError, match="exceeds the model's"):
        model.answers(["a" * (model.context_length + 1)], ["true"])


def test_a_classifier_has_two_labels() -> None:
    config = tiny_classifier("bert").hf.config
    config.id2label = {0: "a", 1: "b", 2: "c"}
    with pytest.raises(BenchError, match="this one has 3"):
        labels_of(config)
