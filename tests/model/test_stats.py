"""Second moments: right, cached by content, one pass, corpora by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.data.corpora import corpus
from bench.ground import sealed
from bench.ground.errors import BenchError
from bench.model.hooks import tapped
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model

Harm = Callable[[Path], None]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    return path


def test_moments_equal_the_plain_mean_over_tokens(text: Path, tmp_path: Path) -> None:
    model = tiny_model("gptj")
    moments = Stats(tmp_path, corpus(str(text))).moments(model, [1, 2])
    for layer in (1, 2):
        rows = []
        for line in tiny_corpus():
            with tapped({layer: model.projection(layer)}) as seen:
                run = model.begin(model.tokens.prompts([line]))
                run.run(run.embedded, 0, layer + 1)
            rows.append(seen[layer].inputs[0].detach())
        keys = torch.cat(rows).double()
        assert moments[layer].count == len(keys)
        plain = keys.T @ keys / len(keys)
        torch.testing.assert_close(moments[layer].matrix.double(), plain, rtol=1e-4, atol=1e-5)


def test_a_budget_of_tokens_is_kept(text: Path, tmp_path: Path) -> None:
    assert Stats(tmp_path, corpus(str(text)), 500).moments(tiny_model("llama"), [0])[0].count == 500


def test_files_are_named_by_content(text: Path, tmp_path: Path) -> None:
    def files() -> set[str]:
        return {path.name for path in tmp_path.rglob("*.moment.safetensors")}

    stats = Stats(tmp_path, corpus(str(text)), 500)
    stats.moments(tiny_model("llama"), [1])
    first = files()
    stats.moments(tiny_model("llama"), [1])
    assert files() == first
    stats.moments(tiny_model("llama", seed=1), [1])
    stats.moments(tiny_model("llama"), [2])
    Stats(tmp_path, corpus(str(text)), 600).moments(tiny_model("llama"), [1])
    text.write_text("something else entirely, and more of it", encoding="utf-8")
    Stats(tmp_path, corpus(str(text)), 500).moments(tiny_model("llama"), [1])
    assert len(files()) == 5


def test_statistics_of_an_edited_model_are_refused(text: Path, tmp_path: Path) -> None:
    model = tiny_model("llama")
    model.add(1, torch.ones_like(model.weight(1)))
    with pytest.raises(BenchError, match="unedited"):
        Stats(tmp_path, corpus(str(text))).moments(model, [1])


def test_spectra_give_back_the_moment(text: Path, tmp_path: Path) -> None:
    stats, model = Stats(tmp_path, corpus(str(text))), tiny_model("qwen2")
    values, vectors = stats.spectra(model, [1])[1]
    assert torch.all(values[1:] >= values[:-1])
    matrix = stats.moments(model, [1])[1].matrix
    torch.testing.assert_close(vectors @ torch.diag(values) @ vectors.T, matrix, rtol=1e-3, atol=1e-5)


def test_files_below_the_data_folder_are_taken_in_turn(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a1\tx\na2\tx\n", encoding="utf-8")
    (tmp_path / "b.tsv").write_text("b1\ty\n\n", encoding="utf-8")
    assert list(corpus("data:*.tsv", tmp_path).documents()) == ["a1", "b1", "a2"]
    with pytest.raises(BenchError, match="no file matches"):
        corpus("data:*.csv", tmp_path)
    with pytest.raises(BenchError, match="data folder"):
        corpus("data:*.tsv")


def test_an_unknown_corpus_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such corpus"):
        corpus(str(tmp_path / "nothing.txt"))


# ---------------------------------------------------------------------------- files that are not what they seem
def files(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.rglob(f"*.{kind}.safetensors"))


@pytest.mark.parametrize("kind", ["moment", "spectrum"])
def test_a_file_of_another_model_is_refused(text: Path, tmp_path: Path, kind: str) -> None:
    mine, theirs = tiny_model("llama"), tiny_model("llama", seed=1)
    for name, model in (("mine", mine), ("theirs", theirs)):
        Stats(tmp_path / name, corpus(str(text))).spectra(model, [1])
    (path,), (foreign,) = files(tmp_path / "mine", kind), files(tmp_path / "theirs", kind)
    shutil.copy(foreign, path)
    with pytest.raises(BenchError) as caught:
        Stats(tmp_path / "mine", corpus(str(text))).spectra(mine, [1])
    message = str(caught.value)
    assert all(part in message for part in (str(path), "'model'", mine.fingerprint, theirs.fingerprint))
    assert "\n" not in message


@pytest.mark.parametrize("field", ["layer", "token_budget", "corpus", "kind"])
def test_a_file_of_something_else_is_refused(text: Path, tmp_path: Path, field: str) -> None:
    model, other = tiny_model("llama"), tmp_path / "other.txt"
    other.write_text("Another text, of a few words.", encoding="utf-8")
    stats = Stats(tmp_path, corpus(str(text)), 500)
    stats.spectra(model, [1])
    (path,) = files(tmp_path, "moment")
    kept = path.read_bytes()
    path.unlink()
    {
        "layer": lambda: stats.moments(model, [2]),
        "token_budget": lambda: Stats(tmp_path, corpus(str(text)), 400).moments(model, [1]),
        "corpus": lambda: Stats(tmp_path, corpus(str(other)), 500).moments(model, [1]),
        "kind": lambda: shutil.copy(files(tmp_path, "spectrum")[0], path.with_suffix(".moment.safetensors")),
    }[field]()
    (foreign,) = files(tmp_path, "moment")
    foreign.rename(path)
    with pytest.raises(BenchError, match=f"'{field}'"):
        stats.moments(model, [1])
    path.write_bytes(kept)
    stats.moments(model, [1])


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def stripped(path: Path) -> None:
    save_file(load_file(path), path)


@pytest.mark.parametrize("kind", ["moment", "spectrum"])
@pytest.mark.parametrize("harm", [torn, altered, emptied, stripped])
def test_a_torn_or_altered_file_is_made_again(text: Path, tmp_path: Path, kind: str, harm: Harm) -> None:
    model, stats = tiny_model("llama"), Stats(tmp_path, corpus(str(text)))
    moment, spectrum = stats.moments(model, [1])[1].matrix, stats.spectra(model, [1])[1]
    (path,) = files(tmp_path, kind)
    sound = sealed.written_digest(path)
    harm(path)
    assert sealed.read(path) is None
    assert torch.equal(stats.moments(model, [1])[1].matrix, moment)
    assert all(map(torch.equal, stats.spectra(model, [1])[1], spectrum))
    assert sealed.read(path)
    assert sealed.written_digest(path) == sound


def test_a_spectrum_belongs_to_its_moment(text: Path, tmp_path: Path) -> None:
    model, stats = tiny_model("llama"), Stats(tmp_path, corpus(str(text)))
    stats.spectra(model, [1])
    (path,) = files(tmp_path, "moment")
    tensors, metadata = sealed.read(path) or ({}, {})
    sealed.save(path, {"matrix": tensors["matrix"] * 2}, metadata)
    values, _ = stats.spectra(model, [1])[1]
    torch.testing.assert_close(values.sum(), tensors["matrix"].trace() * 2)


def test_what_a_killed_process_left_is_removed(text: Path, tmp_path: Path) -> None:
    model, stats = tiny_model("llama"), Stats(tmp_path, corpus(str(text)))
    stats.moments(model, [1])
    (path,) = files(tmp_path, "moment")
    left = path.with_name(f".{path.name}.0123abcd.tmp")
    left.write_bytes(b"half a file")
    stats.moments(model, [1])
    assert not left.exists()


def test_statistics_are_shared_by_name_of_content_only(text: Path, tmp_path: Path) -> None:
    copy = tmp_path / "moved" / "text"
    copy.parent.mkdir()
    shutil.copy(text, copy)
    model = tiny_model("llama")
    first = Stats(tmp_path, corpus(str(text))).moments(model, [1])[1].matrix
    before = files(tmp_path, "moment")
    assert torch.equal(Stats(tmp_path, corpus(str(copy))).moments(model, [1])[1].matrix, first)
    assert files(tmp_path, "moment") == before


def test_a_cache_that_cannot_be_written_is_one_line(text: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BenchError, match="cannot write"):
        Stats(tmp_path / "file", corpus(str(text))).moments(tiny_model("llama"), [1])
