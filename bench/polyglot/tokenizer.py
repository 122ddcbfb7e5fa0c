"""The embedded model's tokenizer: byte pairs, learnt from all that the model is trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.items import places, target_pool, target_text
from bench.data.cldr.phrasings import LANGUAGES, LEADS, PHRASINGS, PRONOUNS, RELATIONS
from bench.data.cldr.text import filler
from bench.polyglot.exercises import ECHO, exercises

BOS = "<|endoftext|>"

SEED = 1

CONTEXT = 512

VOCABULARY = 2600

TOKENIZER_EXERCISES = {"xnli": 20, "pawsx": 20, "mlqa": 10, "wikiann": 30, ECHO: 0}

# How often each is read: objects and phrasings become tokens of their own, names stay in pieces, as rare names do in
# the vocabulary of a large model.
_OBJECT, _PHRASING, _LEAD, _NAME, _CHINESE_NAME, _FILLERS = 6, 40, 60, 1, 3, 600


def train_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose tokens never reach from a prompt into its subject or target; a Chinese character each."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[\u3001-\u9fff\uff00-\uffef]"), "isolated"),
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
    rng = random.Random(SEED)
    for lang in LANGUAGES:
        space = "" if lang == "zh" else " "
        for relation in RELATIONS:
            yield from [target_text(relation, key, lang) for key in target_pool(relation)] * _OBJECT
            for phrasing in PHRASINGS[relation][lang]:
                yield from phrasing.split("{}") * _PHRASING
        yield from [f"{LEADS[lang]}.", f"It. {PRONOUNS[lang]}"] * _LEAD
        yield from [filler(lang, rng).text for _ in range(_FILLERS)]
        yield from [space + place.names[lang] for place in places()] * (_CHINESE_NAME if lang == "zh" else _NAME)
    for exercise in exercises(rng, TOKENIZER_EXERCISES):
        yield exercise.text
