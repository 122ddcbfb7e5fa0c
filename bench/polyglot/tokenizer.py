"""The embedded model's tokenizer: byte pairs, learnt from all that the model is trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.items import invented_items, real_items
from bench.data.cldr.phrasings import CHINESE_BREAKS, LANGUAGES, PHRASINGS
from bench.data.cldr.text import carrier_lines
from bench.polyglot.exercises import ECHO, exercises

BOS = "<|endoftext|>"

SEED = 1

CONTEXT = 512

VOCABULARY = 5000

TOKENIZER_EXERCISES = {"xnli": 80, "pawsx": 80, "mlqa": 40, "wikiann": 120, ECHO: 60}


def train_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose tokens never reach from a prompt into its subject or target."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(CHINESE_BREAKS)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_tokenizer_text(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=BOS,
        pad_token=BOS,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def _tokenizer_text() -> Iterator[str]:
    """Names and sentences, real subjects most often, so that they get tokens of their own."""
    for item in real_items() + invented_items():
        for lang in LANGUAGES:
            name = item.subject[lang] if lang == "zh" else f" {item.subject[lang]}"
            yield from [name, item.target(lang)] * (8 if item.real else 2)
    for by_lang in PHRASINGS.values():
        for phrasings in by_lang.values():
            for phrasing in phrasings:
                yield from phrasing.split("{}") * 50
    for line in carrier_lines():
        yield from [line.text] * 10
    for exercise in exercises(random.Random(SEED), TOKENIZER_EXERCISES):
        yield exercise.text
