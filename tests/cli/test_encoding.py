"""Output that cannot hold every character: those are replaced, nothing fails."""

from __future__ import annotations

import io
import sys

import pytest

from bench.cli import display, main
from bench.cli.echo import complain, echo, tolerate

LABEL = "memit · 大模型 · naïve · seed 0"

ENCODINGS = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)


def put(monkeypatch: pytest.MonkeyPatch, encoding: str) -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    out, err = stream(encoding), stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


def written(out: io.TextIOWrapper) -> str:
    assert isinstance(out.buffer, io.BytesIO)
    return out.buffer.getvalue().decode(out.encoding)


@ENCODINGS
@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_a_display_replaces(monkeypatch, encoding, kind):
    streams = put(monkeypatch, encoding)
    shown = display.make_display(kind)
    shown.note("a note · 注")
    with shown.board(1) as board:
        cell = board.cell(LABEL)
        cell.stage("loading …")
        cell.step(1, 2, "scoring ·")
        board.finished(LABEL, "failed", "ValueError: 很")
    assert "seed 0" in written(streams[0]) and "?" in written(streams[0])


@ENCODINGS
def test_answers_and_errors_replace(monkeypatch, encoding):
    streams = put(monkeypatch, encoding)
    tolerate(*streams)
    echo(LABEL)
    complain(LABEL)
    assert all("memit" in written(each) and "???" in written(each) for each in streams)


@ENCODINGS
def test_the_command_replaces(monkeypatch, encoding):
    streams = put(monkeypatch, encoding)
    monkeypatch.setattr(sys, "argv", ["bench", "report", "没有"])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == 2
    assert written(streams[1]).startswith("bench: no run '??'")


def test_half_a_surrogate_pair_is_replaced_too(monkeypatch):
    out = stream("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    tolerate(out)
    echo("name \udcff")
    assert written(out) == "name ?\n"
