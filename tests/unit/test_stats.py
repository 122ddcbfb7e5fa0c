"""Second moments: right, cached by content, one pass, corpora by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.corpora import corpus
from bench.errors import BenchError
from bench.passes import tapped
from bench.stats import Stats
from bench.tiny import tiny_corpus, tiny_model


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    return path


def test_moments_equal_the_plain_mean_over_tokens(text: Path, tmp_path: Path) -> None:
    model = tiny_model("gptj")
    moments = Stats(tmp_path, str(text)).moments(model, [1, 2])
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
    assert Stats(tmp_path, str(text), 500).moments(tiny_model("llama"), [0])[0].count == 500


def test_files_are_named_by_content(text: Path, tmp_path: Path) -> None:
    def files() -> set[str]:
        return {path.name for path in (tmp_path / "statistics").glob("*.moment.safetensors")}

    stats = Stats(tmp_path, str(text), 500)
    stats.moments(tiny_model("llama"), [1])
    first = files()
    stats.moments(tiny_model("llama"), [1])
    assert files() == first
    stats.moments(tiny_model("llama", seed=1), [1])
    stats.moments(tiny_model("llama"), [2])
    Stats(tmp_path, str(text), 600).moments(tiny_model("llama"), [1])
    text.write_text("something else entirely, and more of it", encoding="utf-8")
    stats.moments(tiny_model("llama"), [1])
    assert len(files()) == 5


def test_statistics_of_an_edited_model_are_refused(text: Path, tmp_path: Path) -> None:
    model = tiny_model("llama")
    model.add(1, torch.ones_like(model.weight(1)))
    with pytest.raises(BenchError, match="unedited"):
        Stats(tmp_path, str(text)).moments(model, [1])


def test_spectra_give_back_the_moment(text: Path, tmp_path: Path) -> None:
    stats, model = Stats(tmp_path, str(text)), tiny_model("qwen2")
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
