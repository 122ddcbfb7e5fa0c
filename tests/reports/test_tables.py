"""Writers: what each format shows, what it escapes, who is marked."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import get_args

import pandas as pd
import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from bench.api import ProbeKind
from bench.config.registry import methods
from reports.documents.tables import to_csv, to_markdown, to_tex, to_text, to_typst
from reports.numbers.aggregate import Panel
from reports.numbers.measures import EFFICACY, FURTHER, MAIN
from reports.numbers.significance import compare
from reports.numbers.upper import UPPER
from reports.parts import overview
from reports.parts.contents import by_language, display_name, language_name, table1
from reports.parts.tables import Cell, Column, Table, number, p_text, ranks
from reports.parts.tested import significance, significance_long

SMALL = Table(
    "small",
    (Column("method", "Method", "text"), Column("score", "Score"), Column("中", "中文", "number", 1)),
    (
        (Cell("Unedited"), Cell(mean=10.0, std=0.5), Cell(mean=1.0)),
        (Cell("A_b & c|d"), Cell(mean=71.234, std=1.005, rank="best", marks="*†"), Cell(mean=-0.04)),
        (Cell("E"), Cell("– (2/3)"), Cell("–")),
        (Cell("F"), Cell(mean=70.0, rank="second"), Cell(mean=2.0)),
    ),
    "100 % of x_1.",
    ("* means p < 0.05.",),
    "Table 9",
)


def test_markdown_snapshot() -> None:
    assert to_markdown(SMALL) == (
        "Table 9. 100 % of x\\_1.\n"
        "\n"
        "| Method      |               Score | 中文 |\n"
        "| :---------- | ------------------: | ---: |\n"
        "| Unedited    |        10.00 ± 0.50 |  1.0 |\n"
        "| A\\_b & c\\|d | **71.23** ± 1.00\\*† |  0.0 |\n"
        "| E           |             – (2/3) |    – |\n"
        "| F           |    <ins>70.00</ins> |  2.0 |\n"
        "\n"
        "\\* means p \\< 0.05.\n"
    )


def test_terminal_text_needs_no_html() -> None:
    text = to_text(SMALL)
    assert "_70.00_" in text
    assert "<ins>" not in text
    assert "\\" not in text


def test_csv_holds_numbers_apart_from_their_marks() -> None:
    rows = list(csv.reader(io.StringIO(to_csv(SMALL))))
    assert rows[0] == ["method", "score", "score_std", "score_mark", "中"]
    assert rows[2] == ["A_b & c|d", "71.234000", "1.005000", "best *†", "-0.04000"]
    assert rows[3] == ["E", "– (2/3)", "", "", "–"]
    assert rows[4][3] == "second"


def test_latex_is_escaped() -> None:
    tex = to_tex(SMALL)
    assert r"A\_b \& c\textbar{}d & \textbf{71.23} $\pm$ 1.00\textsuperscript{*$\dagger$}" in tex
    assert r"\underline{70.00}" in tex
    assert r"100 \% of x\_1." in tex
    assert "Table 9" not in tex  # LaTeX numbers it


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@given(texts, texts, texts)
def test_latex_is_balanced_whatever_the_text(method: str, caption: str, note: str) -> None:
    columns = (Column("method", method, "text"), Column("v", "V"))
    tex = to_tex(Table("t", columns, ((Cell(method), Cell(mean=1.0, std=2.0, rank="best")),), caption, (note,)))
    plain = re.sub(r"\\[\\{}%&$#_]", "", tex)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    for name in ("table", "tabular"):
        assert tex.count(rf"\begin{{{name}}}") == tex.count(rf"\end{{{name}}}") == 1
    body = tex.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert len(re.findall(r"(?<!\\)&", body)) == 1


@pytest.mark.parametrize("text", ['a "quoted" \\ text', "#let x = 1", "*_`$@<>[]", "line\nbreak", "中文"])
def test_typst_takes_texts_as_they_are(text: str) -> None:
    table = Table("t", (Column("a", text, "text"),), ((Cell(text),),), text, (text,))
    stub = "#let data-table(caption: none, notes: (), align: (), header: (), ..cells) = [#cells.pos().at(0)]\n"
    source = stub + to_typst(table)
    pdf, _ = typst.Compiler(source.encode()).compile_with_warnings(format="pdf")
    assert pdf


def test_a_row_that_begins_like_an_argument_is_none() -> None:
    columns = (Column("a", "A", "text"), Column("b", "B", "text"))
    tex = to_tex(Table("t", columns, ((Cell("[1]"), Cell("x")), (Cell("*"), Cell("y")))))
    assert "{}[1] & x" in tex
    assert "{}* & y" in tex


def test_many_rows_run_over_pages_in_latex() -> None:
    columns = (Column("a", "A", "text"), Column("b", "B", "number"))
    rows = tuple((Cell(f"row {i}"), Cell(mean=float(i))) for i in range(60))
    tex = to_tex(Table("t", columns, rows, "Long."))
    assert tex.count(r"\begin{longtable}") == tex.count(r"\end{longtable}") == 1
    assert tex.index(r"\caption{Long.}") < tex.index(r"\endhead") < tex.index("row 0")
    assert r"\begin{table}" not in tex


def test_texts_are_wrapped_and_numbers_are_not() -> None:
    columns = (Column("a", "A", "text"), Column("b", "B", "text"), Column("c", "C"))
    table = Table("t", columns, ((Cell("short"), Cell("long " * 20), Cell(mean=1.0, std=0.5)),))
    assert [table.wraps(i) for i in range(3)] == [False, True, False]
    assert "widths: (auto, 1fr, auto,)" in to_typst(table)
    assert "1.00" in to_typst(table)
    assert "\u00a0±\u00a00.50" in to_typst(table)
    assert r"{lp{0.5\linewidth}r}" in to_tex(table)


def test_what_is_too_wide_is_smaller_then_sideways() -> None:
    def source(n: int) -> str:
        columns = tuple(Column(f"c{i}", f"C{i}") for i in range(n))
        return to_typst(Table("t", columns, (tuple(Cell(mean=99.99, std=9.99) for _ in columns),)))

    assert "size: 8.5pt" in source(6)
    assert "size: 8.5pt" not in source(9)
    assert source(9).startswith("#data-table")
    assert source(16).startswith("#sideways({ data-table")


def test_line_breaks_do_not_break_tables() -> None:
    table = Table("t", (Column("a", "A", "text"),), ((Cell("one\n\ntwo\tthree"),),), "c\n\nd")
    assert "| one two three |" in to_markdown(table)
    assert "one two three" in to_tex(table)
    assert r"\caption{c d}" in to_tex(table)


@pytest.mark.parametrize(
    ("p", "shown"), [(None, "–"), (0.0, "< 0.001"), (0.00099, "< 0.001"), (0.0312, "0.031"), (1, "1.000")]
)
def test_p_values(p: float | None, shown: str) -> None:
    assert p_text(p) == shown


def test_ranks_follow_what_is_shown() -> None:
    assert ranks([1.001, 1.004, 0.5, None, 0.1]) == ["best", "best", "second", None, None]
    assert ranks([1.0, None]) == [None, None]
    assert ranks([1.0, 1.0]) == ["best", "best"]


@given(st.lists(st.none() | st.floats(0, 100), max_size=8))
def test_best_is_the_largest(values: list[float | None]) -> None:
    found = ranks(values)
    best = [v for v, r in zip(values, found, strict=True) if r == "best" and v is not None]
    others = [v for v, r in zip(values, found, strict=True) if r != "best" and v is not None]
    assert not best or all(round(v, 2) < round(min(best), 2) for v in others)


def test_no_minus_zero() -> None:
    assert number(-0.001, 2) == "0.00"


def test_names() -> None:
    assert [display_name(m) for m in ("none", "ft", "langedit-released", "my-method")] == [
        "Unedited", "FT", "LangEdit (released code)", "my-method",
    ]  # fmt: skip
    assert [display_name(m) for m in ("langedit", "langedit-other", "alphaedit-multilingual")] == [
        "LangEdit (paper, Eq. 10)", "LangEdit (other)", "AlphaEdit (multilingual)",
    ]  # fmt: skip
    assert [language_name(c) for c in ("en", "zh", "fr", "xx", "not a code")] == [
        "English", "中文", "Français", "xx", "not a code",
    ]  # fmt: skip


def test_table1_of_a_complete_run(complete_panel: Panel) -> None:
    table = table1(complete_panel, compare(complete_panel, MAIN))
    assert [c.title for c in table.columns] == ["Method", "Efficacy", "Generality", "Specificity", "Score"]
    assert not any("XTREME" in note for note in table.notes)
    assert [row[0].text for row in table.rows] == [
        "Unedited", "FT", "ROME", "MEMIT", "PRUNE", "RECT", "AlphaEdit", "LangEdit (paper, Eq. 10)",
    ]  # fmt: skip
    assert all(row[i].std is not None for row in table.rows for i in range(1, 5))
    last = table.rows[-1]
    assert [cell.rank for cell in last[1:5]] == ["best"] * 4
    assert all("*" in cell.marks for cell in last[1:5])


def test_xtreme_f1_is_a_column_where_it_was_measured(complete_panel: Panel) -> None:
    records = complete_panel.records
    measured = records[records["metric"] == "efficacy"].assign(metric="xtreme_f1", protocol="langedit")
    panel = replace(complete_panel, records=pd.concat([records, measured], ignore_index=True))
    table = table1(panel, ())
    assert table.columns[-1].title == "XTREME F1"
    assert all(row[5].mean is not None for row in table.rows)
    assert any("XTREME F1: mean over tasks" in note for note in table.notes)


def test_the_unedited_model_is_never_marked(complete_panel: Panel) -> None:
    row = table1(complete_panel, compare(complete_panel, MAIN)).rows[0]
    assert (row[3].mean or 0) > 80  # its specificity is the highest of all
    assert all((cell.rank, cell.marks) == (None, "") for cell in row)


def test_what_is_trained_on_all_facts_at_once_is_an_upper_line(complete_panel: Panel) -> None:
    def with_name(of: str, name: str) -> Panel:
        standings = tuple(
            replace(each, method=name) if each.method == of else each for each in complete_panel.standings
        )
        return Panel(complete_panel.setting, standings, complete_panel.records.replace({"method": {of: name}}))

    best = {comparison.best for comparison in compare(complete_panel, MAIN)}
    assert best == {"langedit"}
    for name in ("locft-bf-joint", "locft-bf-joint[lr=0.1]"):
        panel = with_name("langedit", name)
        found = compare(panel, MAIN)
        assert found and not any(name in (each.best, each.other) for each in found)
        table = table1(panel, found)
        (row,) = (row for row in table.rows if row[0].text.startswith("LocFT-BF on all facts at once (upper line)"))
        assert all((cell.rank, cell.marks) == (None, "") for cell in row)
        assert any("does not compete" in note and "upper line" in note for note in table.notes)
    assert not any("upper line" in note for note in table1(complete_panel, ()).notes)


def test_gaps_and_divergence_are_shown(gappy_panel: Panel) -> None:
    text = to_text(table1(gappy_panel, compare(gappy_panel, MAIN)))
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert lines["FT"].count("– (2/3)") == 4
    assert "missing 1/3" in lines["FT"]
    assert "diverged 1/3" in lines["ROME"]
    assert "±" in lines["ROME"]
    assert "nan" not in text.lower()


def test_significance_tables(complete_panel: Panel) -> None:
    found = compare(complete_panel, MAIN)
    rows = list(csv.DictReader(io.StringIO(to_csv(significance_long(found)))))
    assert len(rows) == len(found)
    assert {row["unit"] for row in rows} == {"facts", "seeds"}
    assert {row["df"] for row in rows if row["unit"] == "seeds"} == {"2"}
    shown = significance(found)
    assert len(shown.rows) == len(found) // 2
    assert "nan" not in (to_csv(significance_long(found)) + to_text(shown)).lower()


def test_languages_in_their_own_script(complete_panel: Panel) -> None:
    header = [column.title for column in by_language(complete_panel, EFFICACY).columns]
    assert header == ["Method", "English", "Deutsch", "Nederlands", "Español", "Français", "中文"]


def test_many_methods_in_few_settings_stand_below_each_other(
    complete_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(complete_panel, setting=complete_panel.setting._replace(model="other"))
    beside = overview.settings([complete_panel, other])
    monkeypatch.setattr(overview, "WIDE", len(beside.columns) - 2)
    below = overview.settings([complete_panel, other])
    assert [column.title for column in beside.columns[1:]] == [row[0].text for row in below.rows]
    assert [column.key for column in below.columns] == ["method", complete_panel.setting.model, "other"]
    turned = list(zip(*(row[1:] for row in beside.rows), strict=True))
    assert turned == [row[1:] for row in below.rows]


def test_every_kind_of_question_has_a_column() -> None:
    assert set(get_args(ProbeKind)) <= {measure.metric for measure in (*MAIN, *FURTHER)}


def test_what_has_seen_more_than_the_edits_says_so_by_its_name() -> None:
    registry = methods()
    own = [name for name in registry.names() if not registry.describe(name).origin and name != UPPER]
    saw = {name: getattr(registry.module(name), "SAW", "") for name in own}
    assert saw["alphaedit-nas"] == saw["memit-seq-nas"] == "practice facts"
    for name, what in saw.items():
        assert (f"(saw {what})" in display_name(name)) == bool(what)
    assert registry.module(UPPER).SAW in display_name(UPPER)
