"""The generated pages: one per method with all that the code knows, an index of all, links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bench.config.registry import methods as registry
from bench.data.datasets import datasets
from bench.ground.errors import BenchError
from bench.model.archs import ARCHITECTURES
from handbook import build, data, hparams, index, markdown, methods

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("pages")  # they are written once

FILES = sorted((ROOT / "bench" / "hparams").glob("*.yaml"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pages")
    build.lay_out(target)
    return target


# ---------------------------------------------------------------------------- hyperparameters and their sources
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_values_are_those_that_yaml_reads(path: Path) -> None:
    read = hparams.read(path)
    plain = {name: value for name, value in yaml.safe_load(path.read_text()).items() if not name.startswith("_")}
    shown = {name: {row.option: yaml.safe_load(row.text) for row in values.rows} for name, values in read.items()}
    assert shown == plain


def test_comments_come_with_the_values() -> None:
    read = hparams.read(ROOT / "bench" / "hparams" / "llama3-8b.yaml")
    langedit = {row.option: row for row in read["langedit"].rows}
    assert langedit["l2"] == hparams.Value("l2", "1", "LangEdit paper, Eq. 10: identity")
    assert langedit["threshold"].source == "[nullspace_threshold]"
    assert "jianghoucheng/AlphaEdit hparams/AlphaEdit/Llama3-8B.json" in " ".join(read["langedit"].sources)
    assert "jianghoucheng/AlphaEdit hparams/MEMIT/Llama3-8B.json" in " ".join(read["langedit"].sources)
    assert read["langedit-released"].sources[-1] == "LangEdit repository, first commit"
    assert {row.option for row in read["ft"].rows} <= set(registry().options("ft"))
    assert hparams.heading(ROOT / "bench" / "hparams" / "polyglot-tiny.yaml").startswith("The embedded model.")


def test_a_block_that_takes_over_another_says_where_it_has_it_from(tmp_path: Path) -> None:
    theirs = "# paper A\n_a: &a\n  layers: [4, 5]  # theirs\n  lr: 0.1\n\n"
    ours = "# paper B\nb:\n  <<: *a\n  lr: 2  # ours\nc: *a  # as A\n"
    (tmp_path / "x.yaml").write_text(theirs + ours)
    read = hparams.read(tmp_path / "x.yaml")
    assert read["b"].rows == (hparams.Value("layers", "[4, 5]", "theirs"), hparams.Value("lr", "2", "ours"))
    assert read["b"].sources == ("paper A", "paper B")
    assert read["c"].sources == ("paper A", "as A")


# ---------------------------------------------------------------------------- methods
@pytest.mark.parametrize("name", index.names())
def test_a_method_has_a_page_with_all_that_the_code_knows(name: str, pages: Path) -> None:
    page = (pages / "docs" / "methods" / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n")
    for option, field in registry().options(name).items():
        assert f"| `{option}` |" in page
        assert markdown.cell(markdown.escaped(field.description or "")) in page
    for path in FILES:
        if name in hparams.read(path) and hparams.read(path)[name].rows:
            assert f"### {path.stem}\n" in page


def test_published_numbers_stand_beside_ours() -> None:
    page = methods.page("langedit-released")
    assert "82.54" in page
    assert "92.41 ± 1.00" in page
    assert "| llama3-8b | 100 facts | 1549 | 41.5 |" in page
    assert "| llama3-8b | 1 fact, extrapolated from three layers | 68.9 |" in methods.page("alphaedit")


def test_numbers_of_this_repository_are_found_by_the_title_in_its_reports() -> None:
    assert "| 44.28 ± 1.35 |" in methods.page("mend")
    assert methods.page("none").count("| 41.44 ± 1.93 |") == 1, "the same cells stand in several tables"
    seq = methods.page("memit-seq")
    assert "newer methods](../../results/reference/table1-modern/report.md) | 94.64 ± 0.30 |" in seq


# ---------------------------------------------------------------------------- the index
def test_every_method_is_listed_once_with_its_source() -> None:
    listing = index.methods()
    for name in index.names():
        assert listing.count(f"| [`{name}`](../methods/{name.replace('-', '_')}.py) |") == 1
    assert set(index.sources()) == set(index.names()), "handbook/sources.csv names methods, each once"
    assert "| searched, 22 trials | jianghoucheng/AlphaEdit hparams/MEMIT/Llama3-8B.json |" in listing
    assert "| practice facts | searched, 22 trials |" in listing
    assert "those of `alphaedit`" in listing
    assert "| only for `claims-bert-tiny`, `claims-bloom-tiny` |" in listing
    summaries = index.summaries()
    for name in index.names():
        assert summaries.count(f"| [`{name}`](") == 1


@pytest.mark.parametrize("name", index.names())
def test_years_of_methods_are_those_of_their_docstrings(name: str) -> None:
    summary = (registry().module(name).__doc__ or "").partition("\n")[0]
    if said := index.YEAR.findall(summary):
        assert index.sources()[name]["year"] in said


def test_every_architecture_has_its_family() -> None:
    classes = [each for row in index.known_families() for each in row["classes"].split()]
    assert sorted(classes) == sorted(ARCHITECTURES)
    for row in index.known_families():
        assert f"| {row['family']} | {row['source']} | {row['year']} |" in index.families()
        assert f"| model | {row['family']} | {row['source']} | {row['year']} |" in index.origins()


def test_years_of_data_sets_are_those_of_their_citations() -> None:
    listing = index.origins()
    assert (
        "| data | `mzsre` | Wang et al., Retrieval-augmented Multilingual Knowledge Editing, ACL 2024 | 2024 |"
        in listing
    )
    assert index.years(datasets()["clm-bench"]) == "2026"
    assert index.years(datasets()["zsre"]) == "2017, 2022"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_what_is_generated_on_a_page_is_what_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert build.refreshed(text) == text, "not up to date; `make docs` writes it anew"


def test_what_is_generated_takes_the_place_of_what_was() -> None:
    page = "before\n<!-- generated: families -->\nold\n<!-- end -->\nafter\n"
    fresh = build.refreshed(page)
    assert fresh == f"before\n<!-- generated: families -->\n\n{index.families()}\n<!-- end -->\nafter\n"
    assert build.refreshed(fresh) == fresh


def test_links_to_methods_lead_to_their_pages_on_the_site(pages: Path) -> None:
    text = (pages / "docs" / "methods.md").read_text(encoding="utf-8")
    assert "[`langedit-released`](methods/langedit-released.md)" in text
    assert "](../methods/" not in text


def test_marks_in_docstrings_stay_text() -> None:
    assert markdown.prose("dW = R *K* [a] W <- W, ``x_y``", {}) == "dW = R \\*K\\* \\[a\\] W &lt;- W, `x_y`"
    assert markdown.prose("    as *it* is") == "    as *it* is"
    assert markdown.prose("see `methods.memit`", {"methods.memit": "memit.md"}) == "see [`methods.memit`](memit.md)"
    assert markdown.table(("a",), [("x|y",)]).splitlines()[2] == "| x&#124;y |"


# ---------------------------------------------------------------------------- data
def test_every_data_set_tells_licence_and_languages() -> None:
    listing = data.listing()
    for name, each in datasets().items():
        section = listing.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert f"- Languages: {len(each.languages)}: " in section
        assert markdown.escaped(each.licence) in section
    table = data.languages()
    for lang in {lang for each in datasets().values() for lang in each.languages}:
        assert f"| `{lang}` |" in table


# ---------------------------------------------------------------------------- all pages
def test_links_lead_somewhere(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for address, _ in build.LINK.findall(build._without_code(text)):
            if "://" not in address:
                assert (page.parent / address).is_file(), (page, address)


def test_a_dead_link_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    for name in (build.HOME, *build.ALONE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# A page\n")
    (tmp_path / "docs" / "page.md").write_text("[there](nowhere.md)")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    with pytest.raises(BenchError, match=r"page\.md.*nowhere\.md"):
        build.lay_out(tmp_path / "out")


def test_every_page_is_in_the_navigation(pages: Path) -> None:
    text = (build.THEME / "zensical.toml").read_text(encoding="utf-8")
    named = set(re.findall(r'"([\w./-]+\.md)"', text))
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in named
    assert all((pages / name).is_file() for name in named)
