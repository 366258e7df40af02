"""The built site as its pages' tags: pictures, links, anchors, and what a page loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Page:
    path: Path
    pictures: list[dict[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, page: Page):
        super().__init__()
        self.page = page

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        self.page.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "img":
            self.page.pictures.append(values)
        if tag == "a" and "href" in values:
            self.page.links.append(values["href"])
        if "src" in values:
            self.page.loads.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.page.loads.append(values["href"])

    def handle_data(self, text):
        self.page.words.append(text)


def read_page(path: Path) -> Page:
    page = Page(path)
    _Reader(page).feed(path.read_text(encoding="utf-8"))
    return page


def is_elsewhere(address: str) -> bool:
    """Whether an address leaves the site."""
    return bool(urlsplit(address).netloc)


def broken_links(pages: dict[Path, Page]) -> list[str]:
    """Links and loaded files within the site that lead nowhere, each with its page."""
    broken = []
    for page in pages.values():
        for address in [*page.links, *page.loads]:
            parts = urlsplit(address)
            if parts.netloc or parts.scheme:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            known = pages.get(target)
            lost = parts.fragment and known and unquote(parts.fragment) not in known.anchors
            if not target.is_file() or lost:
                broken.append(f"{page.path.name}: {address}")
    return broken
