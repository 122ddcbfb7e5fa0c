"""Claims of made-up places, written as files in both layouts that hold claims."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CITIES = ("Avila", "Bremen", "Cadiz", "Delft", "Essen", "Faro", "Gent", "Hull")
TRAINED = ("Lugo", "Metz", "Narva", "Oslo", "Porto", "Reims")
TEXTS = {
    "en": ("{} has walls.", ("There are walls in {}.", "{} is walled.")),
    "fr": ("{} a des murs.", ("Il y a des murs dans {}.",)),
    "hi": ("{} में दीवारें हैं।", ("दीवारें {} में हैं।", "{} दीवारों वाला है।")),
}
NAMES = {"en": "english", "fr": "french", "hi": "hindi"}


def write(path: Path, records: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in records), encoding="utf-8")
    return path


# ---------------------------------------------------------------------------- own claims
def own(city: str, **changed: Any) -> dict[str, Any]:
    return {
        "id": city,
        "label": str(len(city) % 2 == 0).lower(),
        "claim": {lang: text.format(city) for lang, (text, _) in TEXTS.items()},
        "subject": dict.fromkeys(TEXTS, city),
        "rephrases": {lang: [each.format(city) for each in more] for lang, (_, more) in TEXTS.items()},
        **changed,
    }


def without(record: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in fields}


OWN = [*map(own, CITIES), *(own(city, split="practice") for city in TRAINED)]


# ---------------------------------------------------------------------------- XFEVER
def released(city: str, number: int, lang: str, others: Iterable[str] = (), **changed: Any) -> dict[str, Any]:
    said = "SUPPORTS" if number % 2 else "REFUTES"
    asked = {
        field: value
        for each, start in ((lang, ""), *((other, f"{other}_") for other in others if other != lang))
        for field, value in (
            (f"{start}input", TEXTS[each][0].format(city)),
            (f"{start}filtered_rephrases", [text.format(city) for text in TEXTS[each][1]]),
        )
    }
    return {
        "id": number, "logit": 0.5, "prediction": said, "alternatives": ["REFUTES" if number % 2 else "SUPPORTS"],
        "output": [{"answer": "SUPPORTS" if number % 3 else "REFUTES"}], **asked, **changed,
    }  # fmt: skip


def edits_of(lang: str) -> list[dict[str, Any]]:
    return [released(city, number, lang, TEXTS) for number, city in enumerate(CITIES)]


def training_of(lang: str) -> list[dict[str, Any]]:
    return [released(city, 100 + number, lang) for number, city in enumerate(TRAINED)]


def write_xfever(root: Path, trained: bool = True) -> Path:
    """All files of three languages, below a data folder."""
    for lang, name in NAMES.items():
        write(root / "xfever" / f"fever_dev_1200 - {name}.jsonl", edits_of(lang))
        if trained:
            training = "fever-train-kilt.jsonl" if lang == "en" else f"fever_train - {name}-1L.jsonl"
            write(root / "xfever" / training, training_of(lang))
    return root
