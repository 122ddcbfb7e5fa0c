from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.cli import display
from bench.cli.display import NoDisplay, PlainDisplay, RichDisplay, fitted, make_display
from bench.cli.echo import complain, duration, echo_table
from bench.ground import progress
from bench.ground.progress import Left


def show(shown: progress.Display) -> None:
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
    assert "one: done" in text and "two: failed" in text and "1 done, 1 failed" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_rich_lines_never_wrap_and_keep_the_seed(width):
    file = io.StringIO()
    names = ("alphaedit · polyglot-tiny · cldr", "memit · ~/models/a-long/path · 大模型 · mzsre · shuffled · en+de")
    labels = [f"{name} · seed {seed}" for name in names for seed in range(2)]
    with RichDisplay(Console(file=file, width=width)).board(144) as board:
        cells = [board.cell(label) for label in labels]
        for step in range(3):
            for cell in cells:
                cell.step(step, 24, "scoring on a-host-with-a-long-name.example")
        board.finished(labels[0], "failed", "")
    # what is no terminal gets the last picture alone
    lines = file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    whole, *each = lines[-4:]
    assert whole.startswith("3 running, 1 failed, 140 left")
    for label, line in zip(labels[1:], each, strict=True):
        assert line.startswith(label[:8]) and label[-6:] in line and " 8% " in line and "2/24" in line


def test_a_cell_that_begins_again_has_one_line():
    file = io.StringIO()
    with RichDisplay(Console(file=file, width=80)).board(2) as board:
        first, second = board.cell("one"), board.cell("one")
        second.step(1, 2, "editing")
        first.step(2, 2, "scoring")
    lines = file.getvalue().splitlines()
    assert lines[-2].startswith("1 running, 1 left") and lines[-1].startswith("one") and "2/2 scoring" in lines[-1]


@pytest.mark.parametrize("label", ["method · model · seed 12", "方法 · 很长的模型名字 · seed 1", "x"])
def test_labels_are_cut_in_their_middle(label):
    for width in range(2, 30):
        short = fitted(label, width)
        assert cell_len(short) <= width
        assert short == label or ("…" in short and label.endswith(short[-1]))


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


class Seconds:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(display.time, "monotonic", lambda: self.now)


def test_a_long_scoring_has_few_lines_and_its_time_left_falls(capsys, monkeypatch):
    """Pools and clusters show how far a cell is many times a second."""
    clock, scoring = Seconds(monkeypatch), 300.0
    left = lambda: {"one": Left(max(0.0, 40.0 + scoring - clock.now))}  # noqa: E731
    with PlainDisplay().board(1, left) as board:
        cell = board.cell("one")
        for tick in range(10 * 400):
            clock.now = tick / 10
            done = int(min(clock.now, 40.0) // 10)
            cell.step(min(done, 3), 4, "editing" if clock.now < 40 else "scoring")
        board.finished("one", "done", "")
    lines = [line for line in capsys.readouterr().out.splitlines() if "     step " in line]
    editing, scored = ([line for line in lines if word in line] for word in ("editing", "scoring"))
    assert len(editing) == 3
    assert 4 <= len(scored) <= 7
    times = [line.partition(", about ")[2].removesuffix(" left") for line in lines]
    assert times == ["6 min", "5 min", "5 min", "5 min", "4 min", "3 min", "2 min", "60.0 s", ""]


def test_lines_of_one_cell_are_ten_seconds_apart(capsys, monkeypatch):
    clock = Seconds(monkeypatch)
    with PlainDisplay().board(1) as board:
        cell = board.cell("one")
        for tick in range(600):
            clock.now = tick / 10
            cell.step(tick, 1000, "editing")
    assert capsys.readouterr().out.count("     step ") == 5


def test_time_left_that_is_not_all_says_so(capsys, monkeypatch):
    clock = Seconds(monkeypatch)
    with PlainDisplay().board(1, lambda: {"one": Left(50.0, is_all=False)}) as board:
        cell = board.cell("one")
        clock.now = 20.0
        cell.step(1, 3, "editing")
    assert "step 1/3 editing, more than 50.0 s left" in capsys.readouterr().out


def test_rich_counts_down_what_the_run_tells(monkeypatch):
    clock, file = Seconds(monkeypatch), io.StringIO()
    shown = RichDisplay(Console(file=file, width=120))
    clock.now = 1000.0
    with shown.board(2, lambda: {"one": Left(90.0), "two": Left(3700.0, is_all=False)}) as board:
        board.cell("one").step(1, 2, "scoring")
        clock.now += 30.0
    whole, one = file.getvalue().splitlines()[-2:]
    assert "0:01:00" in one and ">1:02:40" in whole
