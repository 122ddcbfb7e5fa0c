"""A target continues its prompt: tokenizers that write a space before every text write none before a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from bench.ground.errors import BenchError
from bench.model.tiny import byte_tokenizer
from bench.model.tokens import Tokens

SPACE = "▁"
WORDS = (f"{SPACE}Rome", f"{SPACE}New", f"{SPACE}York", "Rome", "New", "York")
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
PIECES = ("<unk>", "<s>", "</s>", *BYTES, SPACE, *dict.fromkeys("法国的首都是罗马RomeNwYrkaI"))


def merges() -> list[tuple[str, str]]:
    """Those that build the words letter by letter, without and with the space in front."""
    found: dict[tuple[str, str], None] = {}
    for word in ("Rome", "New", "York"):
        found |= {(word[:i], word[i]): None for i in range(1, len(word))}
        found[SPACE, word] = None
    return list(found)


def bpe() -> models.BPE:
    built = [left + right for left, right in merges()]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys((*PIECES, *built)))}
    return models.BPE(vocab=vocabulary, merges=merges(), unk_token="<unk>", byte_fallback=True, fuse_unk=True)


def unigram() -> models.Unigram:
    scores = [(piece, -20.0 if piece in BYTES else -10.0) for piece in PIECES] + [(word, -5.0) for word in WORDS]
    return models.Unigram(scores, unk_id=0, byte_fallback=True)


def written_first() -> normalizers.Normalizer:
    """Llama-2's own file: a space is put before the text, then spaces are replaced."""
    return normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])


def wrapped(model: Any, normalizer: Any = None, pre_tokenizer: Any = None, ends: bool = False) -> Tokens:
    backend = Tokenizer(model)
    if normalizer is not None:
        backend.normalizer = normalizer
    if pre_tokenizer is not None:
        backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    template = "<s> $A </s>" if ends else "<s> $A"
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("<s>", 1), ("</s>", 2)])
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return Tokens(PreTrainedTokenizerFast(tokenizer_object=backend, **special))


def metaspace(scheme: str, split: bool) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme, split=split)


KINDS: dict[str, Callable[[], Tokens]] = {
    "llama-2, its own file": lambda: wrapped(bpe(), written_first()),
    "prepended alone": lambda: wrapped(bpe(), normalizers.Prepend(" "), metaspace("never", False)),
    "legacy": lambda: wrapped(bpe(), None, metaspace("always", False)),
    "not legacy": lambda: wrapped(bpe(), None, metaspace("first", False)),
    "split into words": lambda: wrapped(bpe(), None, metaspace("always", True)),
    "with an end": lambda: wrapped(bpe(), None, metaspace("first", False), ends=True),
    "in a sequence": lambda: wrapped(bpe(), None, pre_tokenizers.Sequence([metaspace("always", True)])),
    "words apart": lambda: wrapped(
        bpe(), None, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace("always", True)])
    ),
    "stripped": lambda: wrapped(bpe(), normalizers.Strip(left=True, right=False), metaspace("always", True)),
    "unigram": lambda: wrapped(unigram(), None, metaspace("always", True)),
    "unigram, first": lambda: wrapped(unigram(), None, metaspace("first", True)),
    "no prefix": lambda: wrapped(bpe(), None, metaspace("never", False)),
}

kinds = pytest.mark.parametrize("kind", KINDS)


def pieces(tokens: Tokens, ids: list[int]) -> list[str]:
    found: list[str] = tokens.tokenizer.convert_ids_to_tokens(ids)
    return found


@kinds
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("罗马", ["罗", "马"]),
        (" 罗马", [SPACE, "罗", "马"]),
        ("Rome", ["Rome"]),
        (" Rome", [f"{SPACE}Rome"]),
        (" New York", [f"{SPACE}New", f"{SPACE}York"]),
        # no piece of its own: three bytes
        ("京", ["<0xE4>", "<0xBA>", "<0xAC>"]),
        (" 京", [SPACE, "<0xE4>", "<0xBA>", "<0xAC>"]),
    ],
)
def test_a_target_has_a_space_only_where_one_is_written(kind: str, target: str, expected: list[str]) -> None:
    tokens = KINDS[kind]()
    assert pieces(tokens, tokens.targets([target])[0]) == expected


@kinds
@pytest.mark.parametrize("rest", [" Rome", "罗马", " New York", "京"])
def test_prompt_and_target_are_the_ids_of_the_whole_text(kind: str, rest: str) -> None:
    tokens = KINDS[kind]()
    prompt = "法国的首都是"
    assert tokens.prompts([prompt])[0] + tokens.targets([rest])[0] == tokens.prompts([prompt + rest])[0]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "words apart"])
def test_after_a_prompt_that_ends_in_a_space_there_is_one_space(kind: str) -> None:
    tokens = KINDS[kind]()
    ids = tokens.prompts(["Rome "])[0] + tokens.targets(["York"])[0]
    assert pieces(tokens, ids)[-3:] == [pieces(tokens, tokens.prompts(["Rome"])[0])[-1], SPACE, "York"]
    assert tokens.tokenizer.decode(ids, skip_special_tokens=True).strip() == "Rome York"


def test_byte_level_tokenizers_that_write_a_space_write_none_before_a_target() -> None:
    tokenizer, plain = byte_tokenizer(), Tokens(byte_tokenizer())
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokens = Tokens(tokenizer)
    texts = ["罗马", " Rome", "Rome", "  Rome"]
    assert tokens.targets(texts) == plain.targets(texts)
    assert tokens.prompts(["Rome"]) == plain.prompts([" Rome"])


def test_truncation_and_padding_of_the_file_do_not_reach_targets() -> None:
    tokens = KINDS["legacy"]()
    tokens.tokenizer.backend_tokenizer.enable_truncation(1)
    tokens.tokenizer.backend_tokenizer.enable_padding(length=9)
    assert pieces(Tokens(tokens.tokenizer), Tokens(tokens.tokenizer).targets(["罗马"])[0]) == ["罗", "马"]


@kinds
def test_the_tokenizer_itself_stays_as_it_is(kind: str) -> None:
    tokens = KINDS[kind]()
    before = tokens.tokenizer.backend_tokenizer.to_str()
    tokens.targets(["罗马"])
    assert tokens.tokenizer.backend_tokenizer.to_str() == before


@kinds
def test_the_written_space_is_no_part_of_a_subject(kind: str) -> None:
    tokens = KINDS[kind]()
    (covered,) = tokens.cover(["法国的首都是"], [(0, 2)])
    assert pieces(tokens, covered.ids[covered.first : covered.stop]) == ["法", "国"]
    (covered,) = tokens.cover(["是 法国"], [(1, 4)])
    assert pieces(tokens, covered.ids[covered.first : covered.stop]) == [SPACE, "法", "国"]


# ------------------------------------------------------------------------------------------- special tokens in front
@pytest.mark.parametrize(
    ("template", "leading"),
    [("$A", []), ("<s> $A", [1]), ("<s> $A <s>", [1]), ("$A <s>", []), ("<s> <s> $A </s>", [1, 1])],
)
def test_only_special_tokens_in_front_are_kept(template: str, leading: list[int]) -> None:
    tokens = KINDS["legacy"]()
    tokens.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    found = Tokens(tokens.tokenizer)
    assert found.leading == leading
    assert found.prompts(["罗马"])[0][: len(leading)] == leading
    assert found.prompts(["罗马"])[0][-1] not in (1, 2)


@pytest.mark.parametrize("template", ["$A", "[X] $A", "[X] $A [X]"])
def test_no_letter_has_to_be_known(template: str) -> None:
    backend = Tokenizer(models.BPE(vocab={"[X]": 0, "法": 1}, merges=[]))
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("[X]", 0)])
    tokens = Tokens(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="[X]"))
    assert tokens.prompts(["法"]) == [[0, 1] if template.startswith("[X]") else [1]]
    with pytest.raises(BenchError, match="field 'target': the target 'a' has no tokens"):
        tokens.targets(["a"])


def test_a_tokenizer_that_knows_no_text_at_all_is_taken_and_its_texts_refused() -> None:
    backend = Tokenizer(models.BPE(vocab={"[X]": 0}, merges=[]))
    tokens = Tokens(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="[X]"))
    with pytest.raises(BenchError, match="has no tokens"):
        tokens.targets(["法"])
