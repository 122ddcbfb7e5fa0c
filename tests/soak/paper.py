"""The whole paper on a random model of four layers, its counts cut down: a world, and the preset laid over it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.config.run import PAPER_METHODS
from bench.config.settings import preset_mapping
from bench.model.tiny import tiny_corpus, tiny_model

PRESET = "paper-llama3-8b"
DATA = {"mzsre": ("en", "de", "nl", "es", "fr", "zh"), "bzsre": ("en", "zh"), "mlake": ("en", "de", "fr")}
PROMPTS = {
    "en": "The king of {} is",
    "de": "König von {} ist",
    "nl": "De koning van {} is",
    "es": "El rey de {} es",
    "fr": "Le roi de {} est",
    "zh": "{}的国王是",
}
FEW = {"value_steps": 2, "steps": 2, "prefix_lengths": [[4, 1]]}
"""Options cut down besides: what a fact costs changes nothing about the course of a grid."""


@dataclass(frozen=True)
class PaperWorld:
    """A random model, facts of the three data sets, a corpus, hyperparameters; all made up.

    Attributes:
        root: their folder.
        cut: what the paper's counts of facts and of a step are divided by.
        seeds: in place of the paper's three.
        only: languages, in place of the paper's six.
        methods: those that are left in every grid; () all.
    """

    root: Path
    cut: int
    seeds: int = 1
    only: tuple[str, ...] = tuple(PROMPTS)
    methods: tuple[str, ...] = ()

    @classmethod
    def make(cls, root: Path, cut: int, **more: Any) -> PaperWorld:
        """Write it."""
        world = cls(root, cut, **more)
        model = tiny_model("llama")
        model.hf.save_pretrained(root / "model")
        model.tokens.tokenizer.save_pretrained(root / "model")
        (root / "corpus.txt").write_text("\n".join(tiny_corpus()), encoding="utf-8")
        for name in DATA:
            lines = [json.dumps(row, ensure_ascii=False) for row in world._facts(name)]
            (root / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (root / "hparams.yaml").write_text(yaml.safe_dump(_hparams()), encoding="utf-8")
        (root / "paper.yaml").write_text(yaml.safe_dump(world._config()), encoding="utf-8")
        return world

    def arguments(self, results: Path, *more: object) -> list[str]:
        """Of the command that runs it."""
        flags = {
            "--preset": PRESET,
            "--config": self.root / "paper.yaml",
            "--results-dir": results,
            "--cache-dir": self.root / "cache",
            "--device": "cpu",
            "--workers": 1,
            "--display": "plain",
        }
        return ["run", *(str(part) for pair in flags.items() for part in pair), *map(str, more)]

    def _config(self) -> dict[str, Any]:
        """The preset with every count cut; a step never holds less than one fact."""
        preset = preset_mapping(PRESET)
        grids = {name: self._grid({**preset, **grid}) for name, grid in preset["grids"].items()}
        return {
            "name": "paper",
            "models": [str(self.root / "model")],
            "hparams": str(self.root / "hparams.yaml"),
            "corpus": str(self.root / "corpus.txt"),
            "token_budget": 2000,
            "seeds": self.seeds,
            "batch_size": self._less(preset["batch_size"]),
            "grids": grids,
        }

    def _grid(self, whole: dict[str, Any]) -> dict[str, Any]:
        (data,) = whole["datasets"]
        edited = [self._group(group) for group in whole.get("edited", [])]
        return {
            "datasets": [str(self.root / f"{data}.jsonl")],
            "languages": [lang for lang in whole["languages"] if lang in self.only],
            "edits_per_language": self._less(whole["edits_per_language"]),
            "evaluators": ["edits"],
            **({"edited": edited} if edited else {}),
            **(self._fewer(whole) if self.methods else {}),
        }

    def _fewer(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        """Methods of a grid, and of what it has besides."""
        also = [{**part, **self._fewer({"methods": part["methods"]})} for part in whole.get("also", [])]
        wanted = PAPER_METHODS if whole["methods"] == "all" else whole["methods"]
        found: dict[str, Any] = {"methods": [name for name in wanted if name in self.methods]}
        return {**found, "also": also} if also else found

    def _group(self, group: str) -> str:
        return group if group in ("all", "each") else "+".join(lang for lang in group.split("+") if lang in self.only)

    def _less(self, count: int) -> int:
        return max(1, count // self.cut)

    def _facts(self, name: str) -> list[dict[str, Any]]:
        """Facts that every language of a data set has, so that they may be parallel."""
        count = max(1, 800 // self.cut) if name == "bzsre" else max(1, 400 // self.cut)
        languages = [lang for lang in DATA[name] if lang in self.only]
        # disjoint facts: as many for each language
        return [_fact(name, number, lang) for number in range(count * len(languages)) for lang in languages]


def _fact(name: str, number: int, lang: str) -> dict[str, Any]:
    subject = f"{name.title()}{number}"
    return {
        "fact_id": f"{name}-{number}",
        "lang": lang,
        "prompt": PROMPTS[lang],
        "subject": subject,
        "target": f"K{number}" if lang == "zh" else f" K{number}",
        "paraphrases": [f"{subject}: "],
        "neighbours": [{"prompt": f"The river of {subject} is", "target": f"R{number}"}],
    }


def _hparams() -> dict[str, Any]:
    """What suits a random model, with `FEW`, for the methods of the preset."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in OPTIONS.items()} | FEW
    registry = methods()
    names = [name for name in registry.names() if not registry.describe(name).origin]
    return {name: {key: plain[key] for key in registry.options(name) if key in plain} for name in names}
