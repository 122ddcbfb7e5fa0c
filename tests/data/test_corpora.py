"""Texts are known by what they hold; none is read before it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.data import datasets
from bench.data.cldr import text as embedded
from bench.data.corpora import corpus, fingerprint
from bench.ground.errors import BenchError

WIKI = "hf:some-org/texts:2023.en"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A hub with one data set; what it was asked for is kept."""
    here: dict[str, Any] = {"sha": "0123abc", "asked": []}

    def info(_: Any, repository: str, **__: Any) -> Any:
        if not here["sha"]:
            raise ConnectionError
        assert repository == "some-org/texts"
        return SimpleNamespace(sha=here["sha"])

    def load(path: str, config: str | None, **options: Any) -> Any:
        if not here["sha"]:
            raise ConnectionError("no network\nat all")
        here["asked"].append((path, config, options["revision"]))
        return [{"text": "one"}, {"text": "two"}]

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", info)
    monkeypatch.setattr("datasets.load_dataset", load)
    return here


def test_the_embedded_text_is_known_without_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    known_by = corpus("cldr").digest
    monkeypatch.setattr(embedded, "statistics_text", lambda: pytest.fail("it was made"))
    assert corpus("cldr").digest == known_by == fingerprint("cldr")
    # the same modules make the embedded facts, which are not the text
    assert known_by != datasets.fingerprint("cldr")


def test_a_text_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two"
    one.write_text("A text.\n\nIn two lines.\n", encoding="utf-8")
    shutil.copy(one, two)
    assert fingerprint(str(one)) == fingerprint(str(two))
    assert list(corpus(str(one)).documents()) == ["A text.", "In two lines."]
    two.write_text("A text.\n\nIn two line.\n", encoding="utf-8")
    assert fingerprint(str(one)) != fingerprint(str(two))


def test_files_of_a_folder_are_known_by_content_and_order(tmp_path: Path) -> None:
    def known_by(**texts: str) -> str:
        folder = tmp_path / "-".join(f"{name}={text}" for name, text in texts.items())
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.tsv").write_text(text, encoding="utf-8")
        return fingerprint("data:*.tsv", folder)

    first = known_by(a="xy", b="z")
    assert known_by(c="xy", d="z") == first
    others = [known_by(a="z", b="xy"), known_by(a="x", b="yz"), known_by(a="xyz"), known_by(a="xy")]
    assert len({first, *others}) == 5


def test_a_text_of_the_hub_is_known_by_its_commit(hub: dict[str, Any]) -> None:
    first = fingerprint(WIKI)
    assert list(corpus(WIKI).documents()) == ["one", "two"]
    assert hub["asked"] == [("some-org/texts", "2023.en", "0123abc")]
    assert fingerprint("hf:some-org/texts:2024.en") != first
    hub["sha"] = "456def"
    assert fingerprint(WIKI) != first


def test_a_hub_out_of_reach_leaves_the_name(hub: dict[str, Any]) -> None:
    hub["sha"] = ""
    assert fingerprint(WIKI) == ""
    found = corpus(WIKI)
    assert found.digest == WIKI
    with pytest.raises(BenchError, match="cannot be loaded: no network"):
        found.documents()


def test_what_is_no_text_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: dict[str, Any]) -> None:
    (tmp_path / "latin.txt").write_bytes("Zürich".encode("latin-1"))
    for name in (str(tmp_path / "latin.txt"), "data:*.txt"):
        with pytest.raises(BenchError, match=r"latin\.txt.*UTF-8"):
            list(corpus(name, tmp_path).documents())
    (tmp_path / "folder.tsv").mkdir()
    for pattern, message in (("", "no pattern"), ("/etc/*", "no pattern"), ("*.tsv", "no file matches")):
        with pytest.raises(BenchError, match=message):
            corpus(f"data:{pattern}", tmp_path)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: [{"title": "one"}])
    with pytest.raises(BenchError, match="no column of text named 'text'; it has: title"):
        list(corpus(WIKI).documents())
