"""Text that nobody tidied: right-to-left, combining, zero-width, emoji, braces, percent signs, very long."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from bench.data import stream
from bench.data.common import DataRequest
from bench.model.editable import EditableModel
from bench.model.tiny import byte_tokenizer, tiny_corpus, tiny_model
from bench.model.tokens import Tokens
from bench.store.results import load_results
from methods._locate.prompts import prompt_sets
from tests.cli.conftest import bench
from tests.tinyworld import TinyWorld

SIXTY = " " + "sixty-byte-target " * 3 + "end!!"
RECORDS: list[dict[str, Any]] = [
    # right to left, digits and Latin within, marks of direction
    {"lang": "ar", "prompt": "عاصمة {} هي", "subject": "مِصْر", "target": "القاهرة"},
    {"lang": "ar", "prompt": "\u200fفي {} (2024, iPhone) يتكلمون\u200e", "subject": "المغرب", "target": "العَرَبِيَّة"},
    {"lang": "he", "prompt": "\u202bבירת {} היא\u202c", "subject": "יִשְׂרָאֵל‎", "target": "ירושלים"},
    {"lang": "he", "prompt": "{}", "subject": "צה״ל", "target": "{}"},
    # combining: Hindi vowels, decomposed accents, a tower of marks
    {"lang": "hi", "prompt": "{} की राजधानी", "subject": "भारत गणराज्य", "target": "नई दिल्ली"},
    {"lang": "hi", "prompt": "Ou\u0300 est {}\u0301?", "subject": "Zu\u0308rich e\u0301", "target": "ici"},
    # emoji of several code points, zero-width characters at both ends of the subject
    {"lang": "en", "prompt": "👩‍🔬 of {} 🇨🇭 is", "subject": "Ana 👩🏽‍🚀", "target": "👨‍👩‍👧‍👦"},
    {
        "lang": "en",
        "prompt": "King of\u200b{}\u2060is",
        "subject": "\u200bRuri\u200dtania\u200b",
        "target": "\u200bOtto",
    },
    # braces, percent signs, LaTeX, quotes
    {
        "lang": "en",
        "prompt": "Of {0} {{name}} %s %(x)d {} \\frac{a}{b}$ is",
        "subject": "{x} 100% \\n",
        "target": "{y}%d",
    },
    {"lang": "en", "prompt": 'He said "%{}%" \'<b>&amp;', "subject": "50%}{", "target": "</b>"},
    # a subject that repeats; targets of one byte and of sixty
    {"lang": "zh", "prompt": "东国，东国，{}，东国的", "subject": "东国", "target": "x"},
    {"lang": "zh", "prompt": "{}: Tom, Tom", "subject": "Tom", "target": SIXTY},
]
LANGUAGES = tuple(dict.fromkeys(record["lang"] for record in RECORDS))


def written(folder: Path, records: Sequence[dict[str, Any]], name: str = "facts.jsonl") -> Path:
    full = [
        {
            "fact_id": f"%s/{{}}/../{i}",
            "paraphrases": [f"{record['subject']}?! {{}} {{x}} %"],
            "neighbours": [{"prompt": "مدينة {y} % 🇨🇭", "target": "ب"}],
            **record,
        }
        for i, record in enumerate(records)
    ]
    path = folder / name
    path.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in full), encoding="utf-8")
    return path


# ---------------------------------------------------------------------------- the whole line
@pytest.fixture(scope="module")
def odd_world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    """Facts of hostile text, in files and folders of hostile names."""
    root = tmp_path_factory.mktemp("odd")
    written(root, RECORDS, "facts_{0}%s $x^2$ #&~|<b>.jsonl")
    model = tiny_model("llama")
    folder = root / "100% {model} $\\frac{ العربية"
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return TinyWorld(root)


@pytest.mark.filterwarnings("error:Glyph")  # letters that no font has
def test_hostile_text_goes_all_the_way_to_every_report(tiny: Any, odd_world: TinyWorld, tmp_path: Path) -> None:
    (facts,) = odd_world.root.glob("*.jsonl")
    (model,) = (path for path in odd_world.root.iterdir() if path.is_dir())
    names = ("none", "memit", "ft")
    arguments = tiny(
        datasets=facts, models=model, methods=",".join(names), languages=",".join(LANGUAGES), edits_per_language=2
    )
    answer = bench(*arguments)
    assert answer.code == 0, answer.err
    results = load_results(tmp_path / "results" / "tiny")
    assert list(results.cells["status"]) == ["done"] * len(names)
    edits = results.scores.query("metric == 'efficacy'")
    assert set(edits["fact"]) == {f"%s/{{}}/../{i}" for i in range(len(RECORDS)) if RECORDS[i]["lang"] != "en"} | set(
        edits.query("edit_lang == 'en'")["fact"]
    )
    weights = edits.query("edit_lang == 'zh'").groupby("fact")["weight"].first()
    assert sorted(weights) == [1.0, 60.0]
    assert "%s" in answer.out and "{model}" in answer.out
    out = tmp_path / "out"
    answer = bench("report", "tiny", "--results-dir", tmp_path / "results", "--out", out)
    assert answer.code == 0, answer.err
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    texts = {kind: (out / f"report.{kind}").read_text(encoding="utf-8") for kind in ("md", "html", "tex")}
    assert "facts\\_\\{0\\}\\%s \\$x\\textasciicircum{}2\\$ \\#\\&\\textasciitilde{}\\textbar{}" in texts["tex"]
    assert "facts_{0}%s $x^2$ #&amp;~|&lt;b&gt;.jsonl" in texts["html"] and "<b>" not in texts["html"]
    assert all("العربية" in text for text in texts.values())


METHODS = ("memit", "rome", "ft", "alphaedit", "langedit")


def test_facts_that_say_the_same_of_one_subject_or_contradict_each_other(tiny: Any, tmp_path: Path) -> None:
    """Equal keys in one step make its system singular but for the regularisation."""
    same = {"lang": "en", "prompt": "King of {} is", "subject": "Tom"}
    facts = written(tmp_path, [{**same, "target": target} for target in ("Otto", "Otto", "Anna", "Tom")])
    arguments = tiny(datasets=facts, languages="en", methods=",".join(METHODS), batch_size=4)
    answer = bench(*arguments)
    assert answer.code == 0, answer.err
    results = load_results(tmp_path / "results" / "tiny")
    assert dict(zip(results.cells["method"], results.cells["status"], strict=True)) == dict.fromkeys(METHODS, "done")
    twins = results.scores.query("metric == 'efficacy' and fact in ['%s/{}/../0', '%s/{}/../1']")
    assert (twins.groupby("cell")["value"].nunique() == 1).all()


# ---------------------------------------------------------------------------- templates
@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_braces_and_percent_signs_are_letters(record: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path, [record])
    loaded = stream.load(str(path), DataRequest((record["lang"],), 1))
    (fact,) = loaded.facts[record["lang"]]
    before, _, after = record["prompt"].partition("{}")
    start, end = fact.request.subject_span
    assert fact.request.text == before + record["subject"] + after
    assert fact.request.text[start:end] == fact.request.subject == record["subject"]
    assert start == len(before)
    asked = {probe.kind: probe for probe in fact.probes}
    assert asked["efficacy"].prompt == fact.request.text
    assert asked["generality"].prompt == f"{record['subject']}?! {record['subject']} {{x}} %"
    assert asked["specificity"].prompt == "مدينة {y} % 🇨🇭"
    # the rows of an edit, back to text
    tokens = Tokens(byte_tokenizer())
    prefix = "{} %s. "
    (rows,) = prompt_sets(tokens, [fact.request], {record["lang"]: [prefix]})
    decoded = [tokens.tokenizer.decode(row.ids, skip_special_tokens=True) for row in (*rows.prompts, rows.essence)]
    assert decoded == [fact.request.text, prefix + fact.request.text, f"{record['subject']} is a"]
    assert tokens.tokenizer.decode(rows.target_ids) == fact.request.target
    for row, lead in zip((*rows.prompts, rows.essence), (before, prefix + before, ""), strict=True):
        assert row.index == len((lead + record["subject"]).encode())


# ---------------------------------------------------------------------------- positions
def bpe(normalizer: Any = None) -> PreTrainedTokenizerFast:
    """Bytes with merges, as GPT-2, Llama 3 and, with NFC, Qwen have them."""
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    texts = [*tiny_corpus(), *(r["prompt"] + r["subject"] + r["target"] for r in RECORDS)]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<s>"],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="<s>")


def byte_fallback() -> PreTrainedTokenizerFast:
    """Characters with merges, bytes for those it does not know, spaces written as in Llama 2 and Mistral."""
    known = ["▁", *"abcdefghijklmnopqrstuvwxyzTRK.,", "东"]
    pieces = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256)), *known, "▁i", "▁is", "to", "Tom"]
    merges = [("▁", "i"), ("▁i", "s"), ("t", "o")]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    backend = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="<s>", unk_token="<unk>")


KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "bytes": byte_tokenizer,
    "merges": bpe,
    "composing": lambda: bpe(normalizers.NFC()),
    "fallback": byte_fallback,
}


@lru_cache
def tokens_of(kind: str) -> Tokens:
    return Tokens(KINDS[kind]())


def check_position(kind: str, before: str, subject: str, after: str) -> None:
    """The token found is the first after which the text so far, read back, holds the whole subject."""
    tokens = tokens_of(kind)
    text = before + subject + after
    (found,) = tokens.locate([text], [(len(before), len(before) + len(subject))])
    assert found.ids == tokens.prompts([text])[0]

    def read(count: int) -> str:
        decoded: str = tokens.tokenizer.decode(
            found.ids[:count], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded

    whole = before + subject
    if kind == "composing":
        whole = unicodedata.normalize("NFC", whole)
    assert read(found.index + 1).startswith(whole)
    assert not read(found.index).startswith(whole)


PIECES = (
    "a", "Tom", "to", " ", "东", "中国", "é", "e\u0301", "u\u0308\u0323", "ß", "İ", "مصر", "מִ", "भारत", "ไทย", "ก็",
    "\u200b", "\u200d", "\u200f", "\u202e", "\u2060", "\ufeff", "👩‍🔬", "🇨🇭", "🏽", "𝔘",
    "{}", "{x}", "%s", "%", "\\", "'s", "1", "\u00a0",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)


@pytest.mark.parametrize("kind", KINDS)
@given(before=TEXTS, subject=TEXTS.filter(lambda text: bool(text.strip())), after=TEXTS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_subjects_last_token_is_where_the_text_so_far_first_holds_it(
    kind: str, before: str, subject: str, after: str
) -> None:
    # marks that compose with a letter of another part belong to both
    check_position(kind, f"{before}.", subject.strip(), f".{after}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_the_subjects_last_token_in_the_records(kind: str, record: dict[str, Any]) -> None:
    before, _, after = record["prompt"].partition("{}")
    check_position(kind, before, record["subject"], after)


def test_a_subject_that_a_tokenizer_drops_is_named(tiny: Any, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer(bos=False)
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\u200b", "")
    model = tiny_model("llama")
    model.hf.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    good = {"lang": "en", "prompt": "King of {} is", "subject": "Bohemia\u200b", "target": "Otto"}
    for field, text, changed in (
        ("subject", "no token holds the subject", {"subject": "\u200b\u200b"}),
        ("target", "has no tokens", {"target": "\u200b", "prompt": "King of {} "}),
        ("specificity (en)", "has no tokens", {"neighbours": [{"prompt": "\u200b", "target": "x"}]}),
    ):
        facts = written(tmp_path, [good, {**good, **changed}])
        answer = bench(*tiny(datasets=facts, models=tmp_path / "model", languages="en", edits_per_language=2))
        answer.is_one_line(str(facts), "record %s/{}/../1", f"field '{field}'", text)
    assert not list((tmp_path / "results").rglob("*.parquet"))


# ---------------------------------------------------------------------------- padding
def model_with(kind: str) -> EditableModel:
    tokenizer = tokens_of(kind).tokenizer
    config = tiny_model("llama").hf.config
    config.vocab_size = len(tokenizer)
    torch.manual_seed(0)
    return EditableModel(LlamaForCausalLM(config), tokenizer)


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_depends_on_what_is_asked_beside_it(kind: str) -> None:
    model = model_with(kind)
    prompts = [record["prompt"].replace("{}", record["subject"]) for record in RECORDS]
    targets = [record["target"] for record in RECORDS]
    together = model.answers(prompts, targets)
    lengths = {len(row) for row in model.tokens.prompts(prompts)}
    assert len(lengths) > 5
    for prompt, target, answer in zip(prompts, targets, together, strict=True):
        (alone,) = model.answers([prompt], [target])
        assert (alone.target_ids, alone.predicted_ids) == (answer.target_ids, answer.predicted_ids)
        assert alone.logprobs == pytest.approx(answer.logprobs, abs=1e-5)
