"""The documentation is a site: it builds without a warning, every link resolves, none leads out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CONFIG = ROOT / "zensical.toml"


@dataclass
class Page(HTMLParser):
    """What a page links to, what can be linked to in it, and what a browser loads with it."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value for name, value in attrs if value is not None}
        if "id" in known:
            self.anchors.add(known["id"])
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag == "link" and known.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loaded.append(known["href"])
        if tag in {"script", "img", "source", "iframe", "object"} and "src" in known:
            self.loaded.append(known["src"])


def parsed(page: Path) -> Page:
    """A page of the site."""
    told = Page()
    told.feed(page.read_text(encoding="utf-8"))
    return told


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder with the config and the documents, strictly."""
    argv = [sys.executable, "-m", "zensical", "build", "--strict", "-f", CONFIG.name]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300)


def copied(folder: Path) -> Path:
    """The sources of the site, in a folder of their own."""
    shutil.copy(CONFIG, folder)
    shutil.copytree(DOCS, folder / "docs")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = copied(tmp_path_factory.mktemp("site"))
    ended = build(folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "build" / "site"


def unresolved(site: Path) -> Iterator[str]:
    """Every link of the site that leads nowhere, as `page: link`."""
    pages = {path: parsed(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue  # the page for what is missing is served from any address
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            wanted = unquote(parts.fragment)
            if not target.is_file() or (
                wanted and target in pages and wanted not in pages[target].anchors
            ):
                yield f"{path.relative_to(site)}: {link}"


def test_every_link_of_the_site_resolves(site: Path) -> None:
    """To a file of the site, and to an anchor of it where the link names one."""
    assert list(unresolved(site)) == []


@pytest.mark.parametrize(
    "planted", ["[x](nothing.md)", "[x](controls.md#nothing)", "![x](nothing.svg)"]
)
def test_a_link_that_leads_nowhere_is_found(planted: str, tmp_path: Path) -> None:
    """A page, an anchor or a picture that isn't there fails the build or the check after it."""
    folder = copied(tmp_path)
    with (folder / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n\n{planted}\n")
    ended = build(folder)
    assert ended.returncode != 0 or list(unresolved(folder / "build" / "site"))


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """Pages open offline, and tell no third party who reads them."""
    found = {
        (path.name, source)
        for path in site.rglob("*.html")
        for source in parsed(path).loaded
        if urlsplit(source).netloc
    }
    assert found == set()
    assert [
        path.name for path in site.rglob("*.html") if 'class="mermaid"' in path.read_text()
    ] == []


def test_every_page_is_in_the_navigation() -> None:
    """A page that nothing lists is a page that nobody finds."""
    text = CONFIG.read_text(encoding="utf-8")
    nav = str(tomllib.loads(text)["project"]["nav"])
    listed = re.findall(r"'([\w/-]+\.md)'", nav)
    there = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(there)
