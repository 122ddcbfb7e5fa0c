from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench import display
from bench.display import NoDisplay, PlainDisplay, RichDisplay, complain, duration, echo_table, make_display


def show(shown: display.Display) -> None:
    shown.note("hello")
    with shown.board(2) as board:
        for label, status, reason in (("one", "done", ""), ("two", "failed", "Traceback\n ...\nValueError: no")):
            progress = board.cell(label)
            progress.stage("loading")
            for step in range(4):
                progress.step(step, 3, "editing")
            board.finished(label, status, reason)


def test_plain_lines(capsys, monkeypatch):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(display.time, "monotonic", lambda: float(next(clock)))
    show(PlainDisplay())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "hello"
    assert lines[1] == "[1/2] one"
    steps = [line for line in lines if "     step " in line]
    assert steps[0].startswith("[1/2]     step 1/3 editing, about ") and steps[0].endswith(" s left")
    assert steps[1] == "[1/2]     step 3/3 editing"
    assert any(line.startswith("[1/2] one: done (") for line in lines)
    assert lines[-1].startswith("[2/2] two: failed (") and lines[-1].endswith(" - ValueError: no")


@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_cells_may_overlap(kind, capsys):
    file = io.StringIO()
    shown = PlainDisplay() if kind == "plain" else RichDisplay(Console(file=file, force_terminal=True, width=120))
    with shown.board(2) as board:
        one, two = board.cell("one"), board.cell("two")
        two.step(1, 2, "editing")
        board.finished("two", "done", "")
        one.step(1, 2, "editing")
        board.finished("one", "diverged", "weights are not finite")
    text = capsys.readouterr().out + file.getvalue()
    assert "two: done" in text and "one: diverged" in text


def test_plain_lines_are_rare(capsys):
    show(PlainDisplay())
    assert "step" not in capsys.readouterr().out


def test_rich_leaves_a_line_per_cell():
    file = io.StringIO()
    show(RichDisplay(Console(file=file, force_terminal=True, width=120)))
    text = file.getvalue()
    assert "one: done" in text and "two: failed" in text and "all cells" in text


def test_none_is_silent(capsys):
    show(NoDisplay())
    assert capsys.readouterr() == ("", "")


def test_the_default_depends_on_the_terminal(monkeypatch):
    assert isinstance(make_display(), PlainDisplay)
    monkeypatch.setattr(display.sys.stdout, "isatty", lambda: True, raising=False)
    assert isinstance(make_display(), RichDisplay)
    assert isinstance(make_display("none"), NoDisplay)


def test_errors_are_one_line(capsys):
    complain("two\n  lines")
    assert capsys.readouterr().err == "bench: two lines\n"


def test_tables_line_up_with_wide_characters(capsys):
    echo_table(("name", "x"), [("伟大", 1), ("a", 22)])
    assert capsys.readouterr().out == "name  x\n伟大  1\na     22\n"


@pytest.mark.parametrize(("seconds", "text"), [(8.12, "8.1 s"), (89, "89.0 s"), (720, "12 min"), (12600, "3.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text
