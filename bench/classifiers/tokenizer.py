"""The classifiers' tokenizer: byte pairs, learnt from all claims; names that sound alike may be spelt alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from transformers import PreTrainedTokenizerFast

from bench.data.claims.facts import texts

PAD, CLS, SEP = "<pad>", "<cls>", "<sep>"

CONTEXT = 128

VOCABULARY = 3000

DEVANAGARI, BLOCK = 0x0900, 0x80
INDIC = (0x0980, 0x0A80)
"""Where Unicode has Bengali and Gujarati, which are laid out as Devanagari is: the same sound at the same place."""


def train_tokenizer(languages: Sequence[str], closes: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE of lower case, in which Bengali and Gujarati are read as Devanagari.

    Large models meet most names of these languages in more scripts than one; these models only read claims, and would
    have nothing that tells them that two spellings are one name.

    Args:
        languages: of the claims.
        closes: end each text with a special token, as encoders read it.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), *(normalizers.Replace(sign, same) for sign, same in _as_read())]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[\u3001-\u9fff\uff00-\uffef]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=True),
        ]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, CLS, SEP],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text for text, _ in texts(languages)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}" if closes else f"{CLS} $A",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (CLS, SEP)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=CLS,
        cls_token=CLS,
        eos_token=SEP,
        sep_token=SEP,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def _as_read() -> Iterator[tuple[str, str]]:
    """Signs of `INDIC`, and those of Devanagari at their places."""
    for start in INDIC:
        for offset in range(BLOCK):
            sign, same = chr(start + offset), chr(DEVANAGARI + offset)
            if unicodedata.name(sign, "") and unicodedata.name(same, ""):
                yield sign, same
