"""Train the embedded model from a fixed seed: ``python -m bench.polyglot.train`` (``make polyglot``)."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, NamedTuple

import torch
import typer
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bench.data.cldr.items import invented_items, real_items
from bench.data.cldr.phrasings import CHINESE_BREAKS, LANGUAGES, PHRASINGS
from bench.data.cldr.text import carrier_lines, documents, fact_lines
from bench.model.embedded import MODEL_NAME, model_dir
from bench.model.tokens import chunks_by_tokens
from bench.polyglot.abilities import BATCH, editability, xtreme_f1
from bench.polyglot.exercises import ECHO, exercises

BOS = "<|endoftext|>"
SEED = 1
VOCABULARY = 5000
LAYERS = 4
WIDTH = 128
MLP_WIDTH = 1024
HEADS = 4
CONTEXT = 512

EPOCHS = 10
PEAK_LR = 2e-3
WARM_UP = 100
# Around 1 / sqrt(width): at the usual 0.02 attention starts so flat that it never learns to compare two sentences.
# Narrower MLP weights learn facts sooner.
ATTENTION_STD = EMBEDDING_STD = 0.08
MLP_STD = 0.05
# Strong decay keeps the residual stream small, and editing well behaved; attention must grow sharp to compare and copy.
WEIGHT_DECAY = 0.3
ATTENTION_DECAY = 0.02
# Documents per language: before the first epoch comparing and copying alone, on which the rest builds; each epoch.
WARM_UP_EXERCISES = {"xnli": 1400, "pawsx": 1400, "mlqa": 200, "wikiann": 500, ECHO: 800}
EXERCISES = {"xnli": 120, "pawsx": 120, "mlqa": 80, "wikiann": 200, ECHO: 60}
TOKENIZER_EXERCISES = {"xnli": 80, "pawsx": 80, "mlqa": 40, "wikiann": 120, ECHO: 60}
BATCH_TOKENS = 1280

_log = logging.getLogger(__name__)


class Question(NamedTuple):
    """A prompt and the continuation that the facts ask for."""

    lang: str
    prompt: str
    target: str


# --- tokenizer ---------------------------------------------------------------------------------------------


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


# --- model and training ------------------------------------------------------------------------------------


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The untrained model, from the fixed seed."""
    torch.manual_seed(SEED)
    bos = tokenizer.bos_token_id
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=MLP_WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=bos,
        eos_token_id=bos,
        pad_token_id=bos,
        attn_implementation="eager",  # on CPUs the fused kernel's backward pass is slow for short rows
    )
    model = LlamaForCausalLM(config)
    matrices = {name: parameter for name, parameter in model.named_parameters() if parameter.ndim == 2}
    for name, parameter in matrices.items():
        if ".self_attn." in name:
            nn.init.normal_(parameter)  # drawn again below: the shipped weights began from the draws that follow these
    for name, parameter in matrices.items():
        std = ATTENTION_STD if ".self_attn." in name else MLP_STD if ".mlp." in name else EMBEDDING_STD
        nn.init.normal_(parameter, std=std)
    with torch.no_grad():
        for block in model.model.layers:
            # a token attends to its like from the start: comparing and copying begin there
            block.self_attn.k_proj.weight.copy_(block.self_attn.q_proj.weight)
    return model


class Row(NamedTuple):
    """Token ids of a document and the labels of the loss, -100 where none is taken."""

    ids: list[int]
    labels: list[int]


def epoch_rows(tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> list[Row]:
    """One epoch: texts to be learnt whole, and exercises."""
    rows = [Row(ids, ids) for ids in tokenizer(documents(rng))["input_ids"]]
    return rows + exercise_rows(tokenizer, rng, EXERCISES)


def exercise_rows(tokenizer: PreTrainedTokenizerFast, rng: random.Random, per_language: Mapping[str, int]) -> list[Row]:
    """Exercises, of which only the answers are learnt."""
    rows, asked = [], exercises(rng, per_language)
    encoded = tokenizer([each.text for each in asked], return_offsets_mapping=True)
    for exercise, ids, spans in zip(asked, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        answers = exercise.answers()
        inside = [any(start <= span[0] < span[1] <= end for start, end in answers) for span in spans]
        rows.append(Row(ids, [i if is_answer else -100 for i, is_answer in zip(ids, inside, strict=True)]))
    return rows


def _batches(rows: Sequence[Row], rng: random.Random, pad: int) -> list[tuple[Tensor, Tensor]]:
    """Ids and loss labels of batches of similar length, in random order."""
    order = rng.sample(range(len(rows)), len(rows))
    groups = chunks_by_tokens([len(rows[i].ids) for i in order], BATCH_TOKENS)
    rng.shuffle(groups)
    return [_padded([rows[order[i]] for i in group], pad) for group in groups]


def _padded(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor]:
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([[*row.ids, *[pad] * (width - len(row.ids))] for row in rows])
    labels = torch.tensor([[*row.labels, *[-100] * (width - len(row.labels))] for row in rows])
    return ids, labels


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW. Attention is decayed little, so that it can grow sharp enough to compare and copy; gains not at all."""
    decays: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        decay = 0.0 if parameter.ndim <= 1 else ATTENTION_DECAY if ".self_attn." in name else WEIGHT_DECAY
        decays.setdefault(decay, []).append(parameter)
    groups = [{"params": parameters, "weight_decay": decay} for decay, parameters in decays.items()]
    return torch.optim.AdamW(groups, lr=PEAK_LR, betas=(0.9, 0.98), fused=True)


def _loss(model: LlamaForCausalLM, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the next token; logits are only made where there is a label."""
    wanted = labels[:, 1:] >= 0
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    return nn.functional.cross_entropy(model.lm_head(hidden[wanted]).float(), labels[:, 1:][wanted])


def _rate(step: int, total: int) -> float:
    """Share of the peak learning rate: linear warm-up, cosine decay to zero."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, total - WARM_UP)))


def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, epochs: int = EPOCHS) -> None:
    """Train in place. Products are taken in bfloat16 (half the time on recent CPUs), weights kept in float32."""
    rng = random.Random(SEED)
    pad = tokenizer.pad_token_id
    plan = [_batches(exercise_rows(tokenizer, rng, WARM_UP_EXERCISES), rng, pad)]
    plan += [_batches(epoch_rows(tokenizer, rng), rng, pad) for _ in range(epochs)]
    total = sum(map(len, plan))
    optimizer = _optimizer(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total))
    start = time.perf_counter()
    model.train()
    for epoch, batches in enumerate(plan):
        sums = 0.0
        for number, (ids, labels) in enumerate(batches, 1):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = _loss(model, ids, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            sums += loss.item()
            if number % 50 == 0 or number == len(batches):
                _log.info(
                    "epoch %d of %d, batch %d of %d: mean loss %.3f, %.0f s",
                    *(epoch, epochs, number, len(batches), sums / number, time.perf_counter() - start),
                )
    model.eval()


# --- requirements ------------------------------------------------------------------------------------------


def questions(every: int = 1) -> list[Question]:
    """Each `every`-th of the real facts, in every phrasing and language."""
    return [
        Question(lang, item.prompt(lang, i), item.target(lang))
        for item in real_items()[::every]
        for lang in LANGUAGES
        for i in range(len(PHRASINGS[item.relation][lang]))
    ]


def prefixed(asked: Sequence[Question]) -> list[Question]:
    """The same questions, each after some other fact's sentence."""
    rng = random.Random(SEED)
    lines = fact_lines()
    return [q._replace(prompt=f"{rng.choice(lines).text}. {q.prompt}") for q in asked]


@torch.no_grad()
def _answers(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, asked: Sequence[Question]
) -> list[tuple[float, float]]:
    """Per question, the share of target tokens that are top-1 given the true ones before, and their mean NLL."""
    prompts = tokenizer([q.prompt for q in asked])["input_ids"]
    targets = tokenizer([q.target for q in asked], add_special_tokens=False)["input_ids"]
    order = sorted(range(len(asked)), key=lambda i: len(prompts[i]) + len(targets[i]))
    results = [(0.0, 0.0)] * len(asked)
    for at in range(0, len(order), 128):
        chosen = order[at : at + 128]
        texts = [prompts[i] + targets[i] for i in chosen]
        ids, _ = _padded([Row(text, text) for text in texts], tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids).last_hidden_state
        for row, i in enumerate(chosen):
            first = len(prompts[i]) - 1
            logits = model.lm_head(hidden[row, first : first + len(targets[i])])
            true = torch.tensor(targets[i])
            hits = (logits.argmax(-1) == true).float().mean().item()
            results[i] = (hits, nn.functional.cross_entropy(logits, true).item())
    return results


def requirements(folder: Path, every: int = 1) -> dict[str, float]:
    """What the trained model must fulfil, measured on the files in `folder`.

    Args:
        folder: a saved model with its tokenizer.
        every: ask only each `every`-th fact, for a quick look.

    Returns:
        By name and language: ``recall/en`` and ``nll/en`` (target tokens of the real facts, all phrasings), and
        ``recall-after-text/en``, the same after another sentence.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    asked = questions(every)
    plain, after = (_answers(model, tokenizer, each) for each in (asked, prefixed(asked)))
    found: dict[str, float] = {}
    for lang in LANGUAGES:
        rows = [i for i, q in enumerate(asked) if q.lang == lang]
        found[f"recall/{lang}"] = sum(plain[i][0] for i in rows) / len(rows)
        found[f"nll/{lang}"] = sum(plain[i][1] for i in rows) / len(rows)
        found[f"recall-after-text/{lang}"] = sum(after[i][0] for i in rows) / len(rows)
    return found


# --- writing -----------------------------------------------------------------------------------------------


def _table(found: Mapping[str, float], tasks: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown table of the requirements, one row per language, and the means of the tasks."""
    names = ("recall", "nll", "recall-after-text")
    head = f"| language | {' | '.join((*names, *tasks))} |\n|---|{'---|' * (len(names) + len(tasks))}"
    rows = []
    for lang in LANGUAGES:
        values = [found[f"{name}/{lang}"] for name in names] + [by_lang[lang] for by_lang in tasks.values()]
        rows.append(f"| {lang} | {' | '.join(f'{value:.3f}' for value in values)} |")
    means = (f"{fmean(by_lang.values()):.3f}" for by_lang in tasks.values())
    return "\n".join([head, *rows, f"| mean {'| ' * len(names)}| {' | '.join(means)} |"])


def _card(table: str, written: Mapping[str, float], parameters: int) -> str:
    """The model card."""
    warm_up, exercised = (sum(each.values()) * len(LANGUAGES) for each in (WARM_UP_EXERCISES, EXERCISES))
    return f"""---
license: mit
language: [{", ".join(LANGUAGES)}]
---
# {MODEL_NAME}

A causal language model of Llama architecture that knows {len(real_items())} facts of the Unicode CLDR in six
languages, and {len(invented_items())} facts of invented places, and solves the four tasks of xtreme-mini, which
are made of these facts. It exists to be edited in benchmarks; it is no use for anything else, and what it says
about invented places is invented.

{LAYERS} layers, width {WIDTH}, MLP {MLP_WIDTH}, {HEADS} heads, {parameters / 1e6:.1f} M parameters in float16;
byte-level BPE, `{BOS}` before every text. Trained by `python -m bench.polyglot.train` from seed {SEED}:
{warm_up} exercises, then {EPOCHS} epochs over {len(fact_lines())} sentences and
{exercised} exercises, AdamW, peak rate {PEAK_LR}, weight decay {WEIGHT_DECAY} ({ATTENTION_DECAY} for attention).

Recall of the real facts: share of target tokens that are top-1 under teacher forcing, in all phrasings. Tasks: F1 by
the protocol `langedit` on 100 items per language, made of facts that no exercise was made of.

{table}

{_editability_line(written)}
"""


def _editability_line(written: Mapping[str, float]) -> str:
    return (
        f"One MEMIT batch of {BATCH} facts, mean over the languages: NLL of the targets after value optimisation "
        f"{written['value-nll']:.3f}, efficacy {written['efficacy']:.3f}, specificity {written['specificity']:.3f}."
    )


def save(model: Any, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write weights (float16), configuration and tokenizer."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)


def main(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = model_dir(),  # noqa: B008
    threads: Annotated[int, typer.Option(help="CPU threads; another number rounds differently.")] = 1,
) -> None:
    """Train the embedded model, write it, and measure it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(threads)
    tokenizer = train_tokenizer()
    model = build_model(tokenizer)
    train(model, tokenizer)
    save(model, tokenizer, out)
    table, written = _table(requirements(out), xtreme_f1(out)), editability(out)
    parameters = sum(p.numel() for p in model.parameters())
    (out / "README.md").write_text(_card(table, written, parameters), encoding="utf-8")
    typer.echo(table)
    typer.echo(_editability_line(written))


if __name__ == "__main__":
    typer.run(main)
