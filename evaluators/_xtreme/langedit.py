"""The published protocol of LangEdit, reproduced with its oddities, so that numbers compare to the paper's.

The answer is what follows the last occurrence of the answer cue in prompt and continuation, stripped. XNLI and
PAWS-X: weighted F1; MLQA: mean token F1; WikiANN: macro F1 over the tags of all tokens, O among them.

Where it is odd:

- Label words are found as substrings of the lower-cased answer, the positive one first: "不是" (is not) holds "是"
  and counts as yes, "Si" for "Sí" is no answer, "no" is found inside "know".
- MLQA deletes every character but a-z, 0-9 and blanks, accented letters among them ("Köln" becomes "kln"), and
  English articles in all languages; Chinese is cut by jieba and not normalised at all. Two answers without
  any such character share nothing and score 0.
- MLQA asks for two examples and its selector returns one.
- WikiANN takes the first "TYPE:" anywhere in the answer, and places an entity at its first occurrence only, over
  whatever was tagged before; the class O makes up a good part of the macro F1, so that silence scores. Classes
  that neither gold nor answers hold are left out of the mean, not counted as 0.
- XNLI's queries, not its examples, have a stray quotation mark; WikiANN's examples, not its queries, a backslash in
  place of a line break, but in English; MLQA's English example writes "Context :", its query "Context:".
- A model that answers nothing scores 4.48 on the average, all of it from WikiANN's O.

One corner differs: generation of MLQA ends with the first line that is not blank. The published one reads on to 20
tokens, and if those repeat the cue, takes the answer after that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluators._xtreme.protocol import (
    PAIR_TASKS,
    Average,
    Counts,
    Form,
    Item,
    Response,
    Segmenter,
    Verdict,
    f1_of_tags,
    find,
    mean_value,
    overlap_f1,
    pair_verdict,
    tag_counts,
    value_counts,
)

NAME = "langedit"
OUTSIDE = "O"


def judge(form: Form, item: Item, response: Response, segment: Segmenter) -> Verdict:
    """Judge one response; `segment` cuts Chinese text into words."""
    answer = after_cue(form.cue, response.text)
    if form.task in PAIR_TASKS:
        return pair_verdict(form, item, read_word(form, answer))
    if form.task == "mlqa":
        return _question(form, item, answer, segment)
    gold, said = (tags(item["text"], label, form.types) for label in (item["label"], answer))
    right = sum(a == b for a, b in zip(gold, said, strict=True))
    return Verdict(right / len(gold), any(entities(answer, kind) for kind in form.types), gold, said)


def f1(task: str, verdicts: Sequence[Verdict]) -> float:
    """F1 of a task in a language, in [0, 1]."""
    if task == "mlqa":
        return mean_value(verdicts)
    return f1_of_tags(verdicts, "weighted" if task in PAIR_TASKS else "macro")


def average(task: str) -> Average:
    """How the F1 of classes becomes that of a task."""
    return "micro" if task == "mlqa" else "weighted" if task in PAIR_TASKS else "macro"


def counts(task: str, verdict: Verdict) -> Counts:
    """What of an item goes into the F1 of its task."""
    return value_counts(verdict) if task == "mlqa" else tag_counts(verdict)


def after_cue(cue: str, text: str) -> str:
    """The answer in a continuation of a prompt that ends with the cue."""
    return (cue + text).rpartition(cue)[2].strip()


def read_word(form: Form, answer: str) -> int:
    """Class of the label word in an answer: 1, else 0, else -1."""
    negative, positive = (word.lower() for word in form.words)
    said = answer.lower()
    return 1 if positive in said else 0 if negative in said else -1


def _question(form: Form, item: Item, answer: str, segment: Segmenter) -> Verdict:
    said = answer.partition("\n")[0].lower()
    gold = item["answer"].lower()
    words = segment if form.lang == "zh" else plain_words
    return Verdict(overlap_f1(words(gold), words(said)), bool(said))


def plain_words(text: str) -> list[str]:
    """Words of a text without English articles and without all that is not a-z, 0-9 or a blank."""
    text = re.sub(r"\b(a|an|the)\b", " ", text.lower())
    return re.sub(r"[^a-z0-9\s]", "", text).split()


def entities(label: str, kind: str) -> list[str]:
    """Entities after the first "TYPE: " of a label or answer."""
    line = re.search(rf"{kind}: (.*)", label)
    return [entity for part in line[1].split("@") if (entity := part.strip())] if line else []


def tags(text: str, label: str, types: Sequence[str]) -> tuple[str, ...]:
    """A type or O for each token of a text, from a label or an answer."""
    tokens = text.split()
    found = [OUTSIDE] * len(tokens)
    for kind in types:
        for words in map(str.split, entities(label, kind)):
            start = find(tokens, words)
            if start is not None:
                found[start : start + len(words)] = [kind] * len(words)
    return tuple(found)
