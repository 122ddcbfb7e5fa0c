"""Lay the pages out as they lie in the repository, add the generated ones, and let zensical build the site.

Links between pages are those of the repository, so that they work in both places; what a page links to comes with it.
Nothing on the site is fetched from a network: fonts are the system's, and the one script that the generator would take
from one is ours.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.echo import echo
from bench.ground.atomic import write_text
from bench.ground.errors import BenchError
from handbook import data, index, methods
from handbook.index import names

ROOT = Path(__file__).parents[1]
THEME = Path(__file__).parent / "theme"
METHOD = re.compile(r"\]\(\.\./methods/(\w+)\.py\)")
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
REMOTE = re.compile(r"<script src=\"https://[^\"]*iframe-worker[^\"]*\"")
HOME = "README.md"
ALONE = ("CONTRIBUTING.md", "CHANGELOG.md", "AGENTS.md", "results/README.md", "results/reference/README.md")
"""Pages that belong to the site whether a page links to them or not; so do those of ``docs/``."""

GENERATED: Mapping[str, Callable[[], str]] = {
    "methods": index.methods,
    "summaries": index.summaries,
    "families": index.families,
    "origins": index.origins,
    "datasets": data.listing,
    "languages": data.languages,
}
"""What stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` on a page."""
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def refreshed(text: str) -> str:
    """A page with what is generated as the code has it now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{GENERATED[found[2]]()}\n", text)


def refresh() -> None:
    """Bring what is generated on the pages of ``docs/`` up to date, so that they read as well where they lie."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if refreshed(text) != text:
            write_text(page, refreshed(text))


def lay_out(target: Path) -> None:
    """Write all pages, and what they link to, below `target`.

    Raises:
        BenchError: a page links to what is not there.
    """
    shutil.rmtree(target, ignore_errors=True)
    waiting = [ROOT / HOME, *(ROOT / name for name in ALONE), *sorted((ROOT / "docs").rglob("*.md"))]
    done = set(waiting)
    while waiting:
        page = waiting.pop()
        text = page.read_text(encoding="utf-8")
        for linked in set(_linked(page, text)) - done:
            done.add(linked)
            if linked.suffix == ".md":
                waiting.append(linked)
            else:
                _copy(linked, target)
        _write(target / _place(page), _of_the_site(page, text))
    _lay_out_methods(target)
    shutil.copy(THEME / "site.css", target)


def _lay_out_methods(target: Path) -> None:
    """Write the pages of methods, which lead only to pages that are there and to files."""
    for name in names():
        page, text = ROOT / "docs" / methods.FOLDER / f"{name}.md", methods.page(name)
        for linked in _linked(page, text):
            _copy(linked, target)
        _write(target / _place(page), text)


def _linked(page: Path, text: str) -> list[Path]:
    """Files of the repository that a page links to; pages of methods, which link to each other, are not among them."""
    found = []
    for address, _ in LINK.findall(_without_code(text)):
        if "://" in address or address.startswith("mailto:"):
            continue
        path = Path(os.path.normpath(page.parent / address))
        if path.parent == ROOT / "docs" / methods.FOLDER:
            continue
        if not path.is_file():
            raise BenchError(f"links to {address}, which is not there", file=page)
        found.append(path)
    return found


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _of_the_site(page: Path, text: str) -> str:
    """A page whose links lead to the home page of the site, and to the pages of methods instead of their code."""
    home = os.path.relpath(ROOT / HOME, page.parent)
    text = re.sub(rf"\]\({re.escape(home)}([#)])", rf"]({home.removesuffix(HOME)}index.md\1", text)
    return METHOD.sub(_page_of, text) if page.parent == ROOT / "docs" else text


def _page_of(link: re.Match[str]) -> str:
    name = link[1].replace("_", "-")
    return f"]({methods.FOLDER}/{name}.md)" if name in names() else link[0]


def _place(page: Path) -> Path:
    inside = page.relative_to(ROOT)
    return Path("index.md") if inside == Path(HOME) else inside


def _copy(path: Path, target: Path) -> None:
    place = target / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place)


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def settings() -> str:
    """The generator's settings, with a page for every method."""
    pages = [f"docs/{methods.FOLDER}/{name}.md" for name in names()]
    text = (THEME / "zensical.toml").read_text(encoding="utf-8")
    return text.replace("METHODS", ", ".join(map(json.dumps, pages))).replace("ROOT", json.dumps(str(ROOT)))


def keep_offline(site: Path) -> None:
    """Put our script in the place of the one that the generator takes from a network."""
    place = Path("assets") / "javascripts" / "worker.js"
    shutil.copy(THEME / "worker.js", site / place)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        page.write_text(REMOTE.sub(f'<script src="{up or "./"}{place.as_posix()}"', text), encoding="utf-8")


def build(out: Path) -> Path:
    """Build the site; where it is.

    Raises:
        BenchError: the generator is not installed, or does not like a page.
    """
    if importlib.util.find_spec("zensical") is None:
        raise BenchError("the site is built by zensical: pip install -c constraints.txt -e '.[docs]'")
    out.mkdir(parents=True, exist_ok=True)
    lay_out(out / "pages")
    (out / "zensical.toml").write_text(settings(), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", "zensical.toml"]
    done = subprocess.run(command, cwd=out, check=False)  # noqa: S603 - the command is ours
    if done.returncode:
        raise BenchError("zensical does not like the pages, see above", file=out)
    keep_offline(out / "site")
    return out / "site"


def main() -> None:
    """Build the site and say where it is."""
    typer.run(_main)


def _main(out: Annotated[Path, typer.Option(help="Folder of pages and site.")] = ROOT / "build" / "handbook") -> None:
    """Build the documentation site from docs/ and from the code."""
    try:
        refresh()
        site = build(out)
    except BenchError as error:
        echo(f"handbook: {error}")
        raise typer.Exit(2) from None
    echo(f"open {site / 'index.html'}")
