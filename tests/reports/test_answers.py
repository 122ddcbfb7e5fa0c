"""The page of answers: nothing from outside, nothing that becomes markup, bounded; and what its script chooses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.compute.recording import answer_rows
from bench.ground.rows import Reply
from bench.store.looking import placed_answers
from bench.store.results import load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from reports.documents.answers import FONT_BYTES, answers_page, to_answers_html, write_answers
from reports.render import build_report
from tests.reports.test_html import EVIL, Page, in_browser
from tests.reports.world import World

RIGHT_TO_LEFT, CHINESE = "عاصمة فرنسا هي", "法国的首都是"
PROMPTS = {"en": EVIL, "ar": RIGHT_TO_LEFT, "zh": CHINESE}
METHODS = ("memit", "rome")


def replies(method: str) -> list[Reply]:
    """MEMIT is right where the question is English or Arabic, ROME nowhere."""
    return [
        Reply(f"capital/{lang}", "efficacy", "teacher_forced", lang, lang, prompt, " Paris", (), " Rom</script>",
              "Paris" if value == 1 else "", 2, "target", value)
        for lang, prompt in PROMPTS.items()
        for value in [1.0 if method == "memit" and lang != "zh" else 0.995]
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(methods=METHODS, seeds=(0,), languages=("en", "zh"), facts=2)
    root = world.write(tmp_path_factory.mktemp("runs") / "told")
    store = ResultStore(root)
    for method in METHODS:
        cell = world.cell(method, 0, "polyglot-tiny")
        store.record(cell.id(), 1, ANSWER_TABLE, answer_rows(replies(method)[:1]), part="edits")  # an earlier step
        store.record(cell.id(), 3, ANSWER_TABLE, answer_rows(replies(method)), part="edits")
    return root


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    found = answers_page([run])
    assert found
    return found


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def test_it_needs_nothing_from_outside_and_nothing_becomes_markup(page: str) -> None:
    parsed = Page(page)
    assert not parsed.all("link", "iframe", "object", "embed", "img")
    assert [script.get("type") for script in parsed.all("script")] == ["application/json", None, None]
    assert all("src" not in script for script in parsed.all("script"))
    assert not re.search(r"url\((?!data:)|@import|https?://|innerHTML|document\.write", page)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in parsed.all("meta"))
    assert EVIL in data_of(page)["texts"]
    assert "data:font/otf;base64," in page


def test_methods_stand_side_by_side(page: str) -> None:
    data = data_of(page)
    texts = data["texts"]
    told = {texts[each[2]]: each for each in data["questions"]}
    assert list(told) == ["capital/ar", "capital/en", "capital/zh"]
    arabic = told["capital/ar"]
    assert [texts[i] for i in arabic[3:10]] == [
        "capital", "ar", "ar", "efficacy", "teacher_forced", RIGHT_TO_LEFT, "Paris"
    ]  # fmt: skip
    assert [[*(texts[i] for i in answer[:3]), answer[3]] for answer in arabic[10]] == [
        ["MEMIT", "Rom</script>", "Paris", 100], ["ROME", "Rom</script>", "", 99]
    ]  # fmt: skip


def test_it_is_no_larger_than_it_may_be(run: Path) -> None:
    rows = placed_answers(run, load_results(run)).assign(run="told")
    many = pd.concat([rows.assign(seed=seed, prompt=rows["prompt"] + str(seed)) for seed in range(200)])
    most = FONT_BYTES + 50_000
    page = to_answers_html(many, most)
    assert len(page.encode()) <= most
    data = data_of(page)
    assert 0 < len(data["questions"]) < 600
    assert f"{600 - len(data['questions'])} more questions" in data["what"]


def test_the_report_leads_there_if_there_are_answers(run: Path, tmp_path: Path) -> None:
    out = build_report(run, tmp_path, ("html",))
    assert 'href="answers.html"' in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "answers.html").is_file()
    silent = World(methods=METHODS[:1], seeds=(0,), languages=("en",), facts=1).write(tmp_path / "silent")
    assert write_answers([silent], out) is None
    assert not (out / "answers.html").exists()


CHOICES = """
const shown = (wanted) => data.questions.filter((each) => isShown(each, wanted, data.texts))
  .map((each) => data.texts[each[2]]);
const at = (text) => data.texts.indexOf(text);
console.log(JSON.stringify([shown({}), shown({language: at("zh")}), shown({outcome: "right"}),
  shown({outcome: "right", method: at("ROME")}), shown({outcome: "wrong", method: at("MEMIT")}),
  shown({outcome: "differ"}), shown({text: "SCRIPT"}), shown({relation: at("ar")}), shown({text: "capital/ar"}),
  shown(addressed("fact=capital%2Fzh&kind=efficacy&asked=teacher_forced", data.texts)),
  shown(addressed("language=ar&seed=0&method=ROME", data.texts)),
  Object.keys(addressed("kind=none&x=ar", data.texts))]));
"""


def test_what_the_script_chooses(page: str) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    script = re.search(r'<script id="choosing">(.*?)</script>', page, re.DOTALL)
    assert script
    code = f"{script[1]}\nconst data = {json.dumps(data_of(page))};{CHOICES}"
    done = subprocess.run([node, "-e", code], check=True, capture_output=True, timeout=60)
    every = ["capital/ar", "capital/en", "capital/zh"]
    assert json.loads(done.stdout) == [
        every, ["capital/zh"], every[:2], [], ["capital/zh"], every[:2], ["capital/en"], [], ["capital/ar"],
        ["capital/zh"], ["capital/ar"], [],
    ]  # fmt: skip


PRESSES = """
<script>
const shownNow = () => [...document.querySelectorAll("article h2")].map((each) => each.textContent);
const seen = [shownNow()];
const outcome = document.getElementById("outcome");
outcome.focus();
outcome.value = "differ";
outcome.dispatchEvent(new Event("change"));
seen.push(shownNow(), document.activeElement === outcome, document.getElementById("count").textContent,
  [...document.querySelectorAll("article h2")].map((each) => getComputedStyle(each).direction));
const cells = [...document.querySelectorAll("article")[0].querySelectorAll("strong, thead th, tbody tr > *")];
document.body.dataset.seen = JSON.stringify(
  {seen, title: document.title, cells: cells.map((each) => each.textContent)});
</script>
"""


def test_a_real_browser_opens_what_is_addressed(page: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", f"{PRESSES}</body>"), encoding="utf-8")
    told = in_browser(path, "#fact=capital%2Fzh&language=zh")
    assert told["seen"][0] == [CHINESE]  # type: ignore[index]


def test_a_real_browser_filters(page: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", f"{PRESSES}</body>"), encoding="utf-8")
    told = in_browser(path)
    assert told["title"] == "Answers"
    assert told["seen"] == [
        [RIGHT_TO_LEFT, EVIL, CHINESE], [RIGHT_TO_LEFT, EVIL], True, "1 to 2 of 2 questions", ["rtl", "ltr"]
    ]  # fmt: skip
    assert told["cells"] == [
        "Paris", "Method", "Before any edit", "Now", "Score",
        "MEMIT", "Rom</script>", "Paris", "✓ right", "ROME", "Rom</script>", "(nothing)", "✗ 99 %",
    ]  # fmt: skip
