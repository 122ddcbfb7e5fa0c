"""Texts are known by what they hold; none is read before it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.data import corpora, datasets
from bench.data.cldr import text as embedded
from bench.data.corpora import corpus, fingerprint
from bench.ground.errors import BenchError

WIKI = "hf:some-org/texts:2023.en"


def streamed(rows: list[dict[str, str]], shards: int) -> Any:
    """Rows as the hub's library streams them."""
    import datasets

    return datasets.Dataset.from_list(rows).to_iterable_dataset(num_shards=shards)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A hub with one data set; what it was asked for is kept."""
    here: dict[str, Any] = {"sha": "0123abc", "asked": [], "rows": [{"text": "one"}, {"text": "two"}]}

    def info(_: Any, repository: str, **__: Any) -> Any:
        if not here["sha"]:
            raise ConnectionError
        assert repository == "some-org/texts"
        return SimpleNamespace(sha=here["sha"])

    def load(path: str, config: str | None, **options: Any) -> Any:
        if not here["sha"]:
            raise ConnectionError("no network\nat all")
        here["asked"].append((path, config, options["revision"]))
        return streamed(here["rows"], shards=2)

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
    assert sorted(corpus(WIKI).documents()) == ["one", "two"]
    assert hub["asked"] == [("some-org/texts", "2023.en", "0123abc")]
    assert fingerprint("hf:some-org/texts:2024.en") != first
    hub["sha"] = "456def"
    assert fingerprint(WIKI) != first


def test_a_hub_out_of_reach_leaves_the_name(hub: dict[str, Any]) -> None:
    there = fingerprint(WIKI)
    hub["sha"] = ""
    found = corpus(WIKI)
    assert found.digest == fingerprint(WIKI) != there
    assert fingerprint("hf:some-org/texts:2024.en") != found.digest
    with pytest.raises(BenchError, match="cannot be loaded: no network; give a text that lies here: --corpus FILE"):
        found.documents()


def test_the_published_text_is_known_without_the_hub(hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    known_by = fingerprint(corpora.WIKIPEDIA)
    hub["sha"] = ""
    assert fingerprint(corpora.WIKIPEDIA) == known_by
    monkeypatch.setattr(corpora, "SAMPLE", f"{corpora.SAMPLE} otherwise")
    assert fingerprint(corpora.WIKIPEDIA) != known_by


def test_a_stream_that_breaks_off_is_one_line(hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(_: Any) -> Iterator[dict[str, str]]:
        yield {"text": "one"}
        raise ConnectionError("timed out")

    monkeypatch.setattr(corpora, "_sample", rows)
    documents = iter(corpus(WIKI).documents())
    assert next(documents) == "one"
    with pytest.raises(BenchError, match="cannot be loaded: timed out; give a text"):
        next(documents)


def test_documents_of_the_hub_are_a_seeded_sample_of_all_files(
    hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub["rows"] = [{"text": str(number)} for number in range(40)]
    monkeypatch.setattr(corpora, "BUFFERED", 4)
    first, again = ([*corpus(WIKI).documents()] for _ in range(2))
    assert first == again
    assert sorted(first, key=int) == [row["text"] for row in hub["rows"]]
    assert first != sorted(first, key=int)
    # two files of twenty documents, in turn, four documents held
    assert {int(text) // 20 for text in first[:10]} == {0, 1}
    assert all(int(text) % 20 < 7 for text in first[:10])


def test_no_more_documents_and_files_are_read_than_published(
    hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub["rows"] = [{"text": str(number)} for number in range(40)]
    monkeypatch.setattr(corpora, "DOCUMENTS", 7)
    monkeypatch.setattr(corpora, "SHARDS", 1)
    found = list(map(int, corpus(WIKI).documents()))
    assert len(found) == 7
    assert len({number // 20 for number in found}) == 1


def test_a_folder_in_the_hubs_own_format_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)  # else the hub is waited for
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(corpora, "BUFFERED", 3)
    place = tmp_path / "2023.en"
    place.mkdir()
    for file in range(3):
        texts = [f"{file}/{number}" for number in range(8)]
        pq.write_table(pa.table({"id": texts, "text": texts}), place / f"train-{file:05d}-of-00003.parquet")
    about = "---\nconfigs:\n- config_name: 2023.en\n  data_files:\n  - split: train\n    path: 2023.en/train-*\n---\n"
    (tmp_path / "README.md").write_text(about, encoding="utf-8")
    found = list(corpus(f"hf:{tmp_path}:2023.en").documents())
    assert len(set(found)) == len(found) == 24
    assert {text[0] for text in found[:12]} == {"0", "1", "2"}
    assert found != sorted(found)


def test_what_is_no_text_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: dict[str, Any]) -> None:
    (tmp_path / "latin.txt").write_bytes("Zürich".encode("latin-1"))
    for name in (str(tmp_path / "latin.txt"), "data:*.txt"):
        with pytest.raises(BenchError, match=r"latin\.txt.*UTF-8"):
            list(corpus(name, tmp_path).documents())
    (tmp_path / "folder.tsv").mkdir()
    for pattern, message in (("", "no pattern"), ("/etc/*", "no pattern"), ("*.tsv", "no file matches")):
        with pytest.raises(BenchError, match=message):
            corpus(f"data:{pattern}", tmp_path)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: streamed([{"title": "one"}], 1))
    with pytest.raises(BenchError, match="no column of text named 'text'; it has: title"):
        list(corpus(WIKI).documents())
