"""A chat template around prompts: edits and probes stand in it, texts that nobody says do not."""

from __future__ import annotations

from typing import Any

import pytest

from bench.ground.errors import BenchError
from bench.model.chat import ChatTokens, Frame
from bench.model.editable import EditableModel
from bench.model.loading import view_of
from bench.model.tiny import byte_tokenizer, tiny_classifier, tiny_model
from bench.model.tokens import Tokens

TEMPLATE = (
    "{% for message in messages %}<|bos|>{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|bos|>bot:\n{% endif %}"
)


def chatting(template: str | None = TEMPLATE) -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def test_a_prompt_is_what_a_user_says() -> None:
    tokens, plain = ChatTokens(chatting()), Tokens(byte_tokenizer(bos=False))
    framed = "<|bos|>user: Wo ist Köln?\n<|bos|>bot:\n"
    assert tokens.prompts(["Wo ist Köln?"]) == plain.prompts([framed])
    assert tokens.prompts([framed])[0].count(0) == 4


def test_subjects_are_found_in_their_frame() -> None:
    tokens, text = ChatTokens(chatting()), "Wo ist Köln, user?"
    start = text.index("Köln")
    (covered,) = tokens.cover([text], [(start, start + 4)])
    assert bytes(tokens.tokenizer.decode(covered.ids[covered.first : covered.stop]), "utf-8") == "Köln".encode()
    (located,) = tokens.locate([text], [(start, start + 4)])
    assert located.index == covered.stop - 1


def test_a_target_is_what_the_assistant_begins_with() -> None:
    assert ChatTokens(chatting()).targets([" Oslo"]) == Tokens(byte_tokenizer()).targets(["Oslo"])


def test_texts_that_nobody_says_stand_in_no_frame() -> None:
    tokens = ChatTokens(chatting())
    assert tokens.plain.prompts(["Once"]) == Tokens(byte_tokenizer()).prompts(["Once"])
    assert Tokens(byte_tokenizer()).plain.prompts(["Once"]) == tokens.plain.prompts(["Once"])


def test_another_frame_is_known_by_another_hash() -> None:
    one, two = (ChatTokens(chatting(each)) for each in (TEMPLATE, TEMPLATE.replace("bot", "assistant")))
    assert one.framed == ChatTokens(chatting()).framed != two.framed
    assert Tokens(byte_tokenizer()).framed == ""
    assert one.contents() != two.contents()


def test_the_day_is_not_in_the_frame() -> None:
    template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d') %}{% endif %}{{ date_string }}"
    )
    assert Frame.of(chatting(template + TEMPLATE)).before.startswith("26 Jul 2024")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (None, "no chat template"),
        ("{{ messages[0].content | upper }}", "does not show"),
        ("{{ messages[0].content }} {{ messages[0].content }}", "does not show"),
        ("{% for m in messages %}{{ m.content | length }} {{ m.content }}{% endfor %}", "does not show"),
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("{% if %}", "cannot be used"),
    ],
)
def test_a_template_that_cannot_frame_a_prompt_is_refused(template: str | None, problem: str) -> None:
    with pytest.raises(BenchError, match=problem) as caught:
        Frame.of(chatting(template))
    assert "\n" not in str(caught.value)


def test_answers_and_free_answers_are_asked_in_the_frame() -> None:
    plain = tiny_model("llama", seed=3)
    model = EditableModel(plain.hf, chatting(), chat=True)
    framed = ["user: Hi\n<|bos|>bot:\n"]  # the tokenizer writes the first BOS by itself
    assert model.answers(["Hi"], [" Oslo"]) == plain.answers(framed, ["Oslo"])

    def never(text: str, *, final: bool) -> int | None:
        return None

    assert model.generate(["Hi"], [never], 5) == plain.generate(framed, [never], 5)
    assert model.rows(["Hi"]) == plain.rows(framed)
    assert model.following(["Hi"]) == plain.following(framed)


def test_a_classifier_is_not_chatted_with() -> None:
    model = tiny_classifier("bert")
    with pytest.raises(BenchError, match="without a chat template"):
        view_of(model.hf, model.tokenizer, chat=True)


def test_what_stands_before_a_text_is_counted() -> None:
    tokens, plain = ChatTokens(chatting()), Tokens(byte_tokenizer())
    (framed,), (bare,) = tokens.prompts(["Wo?"]), plain.prompts(["Wo?"])
    assert tokens.tokenizer.decode(framed[: tokens.opening(framed)]) == "<|bos|>user: "
    assert tokens.plain.opening(framed) == plain.opening(bare) == 1
    assert plain.opening(bare[1:]) == Tokens(byte_tokenizer(bos=False)).opening(bare) == 0
