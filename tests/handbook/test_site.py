"""The site as it is built: it needs no network, and its search finds things in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from handbook import build

pytest.importorskip("zensical", reason="the site is built with the extra docs")

pytestmark = pytest.mark.xdist_group("site")  # it is built once

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

ASK = """
<script>
const later = (what) => new Promise((done) => setTimeout(() => done(what()), 1500));
const inside = () => [...document.querySelectorAll("*")].map((each) => each.shadowRoot).find(Boolean);
addEventListener("load", async () => {
  await later(() => document.querySelector(".md-search__button").click());
  await later(() => {
    const box = inside().querySelector("input");
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, "rephrase_acc");
    box.dispatchEvent(new Event("input", {bubbles: true}));
  });
  const found = await later(() => [...inside().querySelectorAll("a")].map((each) => each.getAttribute("href")));
  document.body.dataset.seen = JSON.stringify(found);
});
</script>
"""


class Fetching(HTMLParser):
    """Addresses that a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("stylesheet", "icon", "preload", "modulepreload"):
            return
        if address := given.get(FETCHED.get(tag, "")):
            self.addresses.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``make docs``."""
    return build.build(tmp_path_factory.mktemp("handbook"))


def test_nothing_is_fetched_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        parser = Fetching()
        parser.feed(page.read_text(encoding="utf-8"))
        for address in parser.addresses:
            assert "://" not in address
            assert not address.startswith("//")
            assert page.name == "404.html" or (page.parent / address.partition("?")[0]).is_file(), (page, address)
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import\s*)[\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))


def test_pages_are_where_their_sources_are(site: Path) -> None:
    for name in ("index", "docs/start", "docs/methods/alphaedit", "docs/performance", "docs/api", "CONTRIBUTING"):
        assert (site / f"{name}.html").is_file(), name
    assert "(lambda C + K K^T)^-1" in (site / "docs" / "methods" / "memit.html").read_text(encoding="utf-8")
    assert "EditReport" in (site / "docs" / "api.html").read_text(encoding="utf-8")


def test_the_search_knows_the_pages(site: Path) -> None:
    text = (site / "search.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    found = {item["location"].partition("#")[0] for item in index["items"] if "rephrase_acc" in item["text"]}
    assert "docs/measured.html" in found


def test_a_real_browser_searches_from_a_file(site: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip(f"no browser is installed; looked for {', '.join(BROWSERS)}")
    page = site / "docs" / "asked.html"
    text = (site / "docs" / "start.html").read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", f"{ASK}</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [browser, *options, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    seen = re.search(r'data-seen="([^"]*)"', done.stdout.decode())
    if not seen:
        pytest.skip(f"{browser} does not start here: {done.stderr.decode()[-300:]}")
    assert any("measured.html" in address for address in json.loads(unescape(seen[1])))
