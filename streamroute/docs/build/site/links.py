"""Checks the built site: each link leads to a file and an anchor, and nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_LOADED: Final = {"img": "src", "script": "src", "source": "src", "iframe": "src"}
"""Elements that load what they name, and the attribute that names it; so does a link that is no address."""
_ADDRESSES: Final = frozenset({"canonical", "next", "prev", "index", "search", "author"})


@dataclass(slots=True)
class SitePage:
    """What a page refers to: links, files that it loads; and the anchors that it has."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


def broken_links(site: Path) -> list[str]:
    """Return one line for each link that leads nowhere, and for each file that is loaded from elsewhere."""
    return sorted(line for page in site.rglob("*.html") for line in _broken_in(site, page))


def _broken_in(site: Path, page: Path) -> Iterator[str]:
    found = read_page(page)
    name = page.relative_to(site)
    for link in (*found.links, *found.loaded):
        target = urlsplit(link)
        if target.scheme or target.netloc:
            if link in found.loaded:
                yield f"{name}: loads {link}"
        elif not _exists(site, page, target.path, target.fragment):
            yield f"{name}: there is no {link}"


def _exists(site: Path, page: Path, path: str, anchor: str) -> bool:
    target = (page.parent / unquote(path)).resolve() if path else page
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file() or not target.is_relative_to(site.resolve()):
        return False
    return not anchor or target.suffix != ".html" or unquote(anchor) in read_page(target).anchors


@cache
def read_page(page: Path) -> SitePage:
    """Return the links and anchors of a page of HTML."""
    parser = _LinkParser()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.page


class _LinkParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = SitePage()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.page.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.page.links.append(values["href"])
        elif tag == "link" and "href" in values and values.get("rel") not in _ADDRESSES:
            self.page.loaded.append(values["href"])
        elif _LOADED.get(tag) in values:
            self.page.loaded.append(values[_LOADED[tag]])
