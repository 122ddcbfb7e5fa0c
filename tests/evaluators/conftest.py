"""Items of every task in the published layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators._xtreme.items import TASKS

COUNT = 16


def synthetic(task: str, i: int) -> dict[str, str]:
    if task == "xnli":
        return {"sentence1": f"P{i}", "sentence2": f"H{i}", "label": ("not_entailment", "entailment")[i % 2]}
    if task == "pawsx":
        return {"sentence1": f"S{i}", "sentence2": f"T{i}", "label": str(i % 2)}
    if task == "mlqa":
        return {"context": f"Ann has {i} cats.", "question": "How many?", "answer": f"{i} cats"}
    label = (f"PER: Ann{i}\n", "LOC: Rome\n", "ORG: UN\n", f"PER: Ann{i}\nLOC: Rome\n")[i % 4]
    return {"text": f"Ann{i} in Rome of UN", "label": label}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "xtreme_langedit").mkdir()
    for task in TASKS:
        for lang in ("en", "es"):
            lines = "\n".join(json.dumps(synthetic(task, i)) for i in range(COUNT))
            (root / "xtreme_langedit" / f"{task}_{lang}.jsonl").write_text(lines, encoding="utf-8")
    return root
