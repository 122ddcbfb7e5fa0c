"""A whole world on disk for driver and command tests: a tiny model folder, a facts file, a corpus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bench.api import EditRequest
from bench.compute.world import World
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.model.catalog import fingerprint
from bench.model.tiny import tiny_corpus, tiny_model

LANGUAGES = ("en", "de")
PER_LANGUAGE = 4


@dataclass(frozen=True)
class TinyWorld:
    root: Path

    @classmethod
    def make(cls, root: Path) -> TinyWorld:
        model = tiny_model("llama")
        model.hf.save_pretrained(root / "model")
        model.tokens.tokenizer.save_pretrained(root / "model")
        (root / "corpus.txt").write_text("\n".join(tiny_corpus()), encoding="utf-8")
        rows = [
            {
                "fact_id": f"f{i}",
                "lang": lang,
                "prompt": {"en": "The king of {} is", "de": "König von {} ist"}[lang],
                "subject": f"Land{i}",
                "target": f" K{i}",
                "paraphrases": [f"Who rules Land{i}? It is"],
                "neighbours": [{"prompt": f"The river of See{i} is", "target": f"R{i}"}],
            }
            for lang in LANGUAGES
            for i in range(PER_LANGUAGE)
        ]
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (root / "facts.jsonl").write_text(lines, encoding="utf-8")
        return cls(root)

    def cell(self, method: str = "memit", seed: int = 0, eval_every: int = 0, **options: object) -> Cell:
        from bench.compute.conformance import OPTIONS

        registry = methods()
        fields = registry.options(method)
        chosen = {**{k: v for k, v in OPTIONS.items() if k in fields}, **options}
        config = registry.config(method, chosen)
        name = str(self.root / "model")
        return Cell(
            method=MethodSpec(name=method, options=config.model_dump(mode="json")),
            model=ModelRef(name=name, fingerprint=fingerprint(name, self.root)),
            data=DataRef(name=str(self.root / "facts.jsonl")),
            schedule=Schedule(
                languages=LANGUAGES, batch_size=2, edits_per_language=PER_LANGUAGE, eval_every=eval_every
            ),
            corpus=str(self.root / "corpus.txt"),
            seed=seed,
        )

    def world(self) -> World:
        return World(methods(), (("edits", {}),), None, self.root / "cache", "cpu")


class Silent:
    """Progress that says nothing, or stops the cell at a chosen step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at

    def stage(self, text: str) -> None:
        pass

    def step(self, done: int, total: int, note: str) -> None:
        if done == self.stop_at:
            raise KeyboardInterrupt


def tiny_requests() -> list[EditRequest]:
    """Six edits in three languages, Chinese among them, each with a translation into the next of these languages."""
    facts = [
        (
            ("en", "The capital of {} is", "Ruritania", " Streslau"),
            ("de", "{} wird regiert aus", "Ruritanien", " Strelsau"),
        ),
        (("de", "Die Hauptstadt von {} ist", "Östland", " Küste"), ("zh", "位于{}的首都", "东方", "海岸")),
        (("zh", "{}的首都是", "东国", "海城"), ("en", "The seat of {} is", "Eastland", " Seaton")),
        (("en", "{}'s currency: the", "Grand Fenwick", " pound"), ("de", "Geld in {}: das", "Fenwick", " Pfund")),
        (("de", "Man spricht in {} meist", "Süßland", " Ruhr"), ("zh", "{}说的语言是", "甜国", "鲁尔语")),
        (("zh", "位于{}的城市", "西国", "山城"), ("en", "A town in {} is", "Westland", " Hilton")),
    ]
    return [
        EditRequest(f"tiny/{i}", *fact, translations=(EditRequest(f"tiny/{i}", *other),))
        for i, (fact, other) in enumerate(facts)
    ]
