"""Stand-ins for data sets that are not at hand, made up in their exact layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CITIES = {"en": ("Avila", "Bremen", "Cadiz", "Delft"), "zh": ("阿维拉", "不来梅", "加的斯", "代尔夫特")}
QUESTIONS = {
    "en": "Where is {}?",
    "de": "Wo liegt {}?",
    "zh": "{}在哪里？",
    "hi": "{} कहाँ है?",
    "ja": "{}はどこですか？",
}
CASES = (4482, 34, 7, 4510)
"""Of BMIKE-53 and Multi-CounterFact; their files are not in the order of these."""


def city(lang: str, place: int) -> str:
    return CITIES.get(lang, CITIES["en"])[place]


# ---------------------------------------------------------------------------- EasyEdit
def easyedit(place: int = 0, **changed: Any) -> dict[str, Any]:
    """A record as EasyEdit's functions take it."""
    name = city("en", place)
    record = {
        "prompt": f"The mayor of {name} is",
        "target_new": "Otto",
        "subject": name,
        "ground_truth": "Anna",
        "rephrase_prompt": f"{name} is governed by",
        "locality": {
            "neighborhood": {"prompt": ["The mayor of Rome is", "Rome lies in"], "ground_truth": ["Ida", "Italy"]}
        },
        "portability": {"one_hop": {"prompt": "The mayor's wife is", "ground_truth": "Eva"}},
    }
    return {**record, **changed}


EASYEDIT = [easyedit(place) for place in range(len(CASES))]


# ---------------------------------------------------------------------------- BMIKE-53
def bmike_half(lang: str, place: int) -> dict[str, Any]:
    name = city(lang, place)
    return {
        "case_id": CASES[place],
        "subject": name,
        "src": QUESTIONS[lang].format(name),
        "rephrase": f"{QUESTIONS[lang].format(name)} !",
        "old": "Spain",
        "alt": "Peru",
        "loc": QUESTIONS[lang].format("Rome"),
        "loc_ans": "Italy",
        "port": "And near it?",
        "port_ans": "Nothing",
    }


def bmike(lang: str) -> list[dict[str, Any]]:
    return [{"en": bmike_half("en", place), lang: bmike_half(lang, place)} for place in range(len(CASES))]


# ---------------------------------------------------------------------------- CLM-Bench
def clm(lang: str, place: int, begins: str = "") -> dict[str, Any]:
    name, told = city(lang, place), {"en": "The city of {} lies in", "zh": "{}位于"}[lang]
    objects = {"en": ("Peru", "Spain"), "zh": ("秘鲁", "西班牙")}[lang]
    question = {"en": "nq question: who sings dancing queen", "zh": "谁唱《舞后》？"}[lang]
    return {
        "case_id": place + 1,
        f"{begins}prompt": told.format(name),
        f"{begins}target_new": objects[0],
        f"{begins}subject": name,
        f"{begins}ground_truth": objects[1],
        f"{begins}rephrase_prompt": f"{told.format(name)}{' the country' if lang == 'en' else '国家'}",
        "loc": question,
        "loc_ans": "ABBA",
    }


CLM = {
    "chinese_fields_with_loc.json": [clm("zh", place) for place in range(4)],
    "english_fields_with_loc.json": [clm("en", place, "english_") for place in range(4)],
}
CLM_MERGED = [clm(lang, place) for place in range(4) for lang in ("zh", "en")]


# ---------------------------------------------------------------------------- Multi-CounterFact
def multi_counterfact(lang: str) -> list[dict[str, Any]]:
    return [
        {
            "case_id": case,
            "pararel_idx": place,
            "requested_rewrite": {
                "prompt": QUESTIONS[lang].format(city(lang, place)),
                "relation_id": "P17",
                "target_new": {"str": "Peru", "id": "Q419"},
                "target_true": {"str": "Spain", "id": "Q29"},
                "subject": city(lang, place),
            },
            "paraphrase_prompts": [f"{QUESTIONS[lang].format(city(lang, place))} {i}" for i in range(2)],
            "neighborhood_prompts": [QUESTIONS[lang].format(f"Rome {i}") for i in range(10)],
        }
        for place, case in enumerate(CASES)
    ]


# ---------------------------------------------------------------------------- BabelEdits
def babeledits(langs: tuple[str, ...] = ("en", "de", "zh")) -> dict[str, Any]:
    def by_lang(name: str, text: str) -> dict[str, dict[str, str]]:
        """A text as the owners' tables have it: of the translator, with markers, with a glossary."""
        each = dict.fromkeys(langs, text)
        return {f"{name}_mt": each, f"{name}_mt_marked": each, f"{name}_gloss": each}

    def synset(place: int) -> dict[str, Any]:
        names = {lang: city(lang, place) for lang in langs}
        asked = {lang: QUESTIONS[lang].format(names[lang]) for lang in langs}
        edit = {
            "target_id": "bn:00061694n",
            "targets": dict.fromkeys(langs, "Peru"),
            "targets_mt": dict.fromkeys(langs, "Peru"),
            "targets_mt_marked": dict.fromkeys(langs, "Peru"),
            "targets_aliases": {"en": ["Republic of Peru"]},
            "prompts_mt": asked,
            "prompts_mt_marked": asked,
            "prompts_gloss": asked,
            "generality": by_lang("prompts_gen", "In which country?"),
            "locality": {
                "capital": {
                    "ground_truths_loc": dict.fromkeys(langs, "Madrid"),
                    "ground_truths_loc_mt_marked": dict.fromkeys(langs, "Madrid"),
                    **by_lang("prompts_loc", "The capital of Spain?"),
                }
            },
            "portability": {
                "multi_hop": {
                    "language": {
                        "ground_truths_port": dict.fromkeys(langs, "Quechua"),
                        "ground_truths_port_mt_marked": dict.fromkeys(langs, "Quechua"),
                        **by_lang("prompts_port", "What do they speak there?"),
                    }
                },
                "subject_aliasing": {"prompts_subj_alias": {"en": [f"Where is old {names['en']}?"]}},
            },
        }
        return {
            "subjects": names,
            "subjects_mt": names,
            "subjects_mt_marked": names,
            "subjects_aliases": {"en": [f"old {names['en']}"]},
            "relations": {
                "country": {"target_id": "bn:1", "ground_truths": dict.fromkeys(langs, "Spain"), "edit": edit}
            },
        }

    return {f"bn:0000000{place}n": synset(place) for place in range(4)}


def write(path: Path, doc: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(doc, ensure_ascii=False), encoding="utf-8")
    return path
