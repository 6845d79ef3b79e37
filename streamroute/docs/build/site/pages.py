"""The pages of the site: those of the source tree, and one for each rule; links between them are relative."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from streamroute.docs.build.rules import rule_pages
from streamroute.manual.addresses import SITE
from streamroute.manual.blocks import without_comments
from streamroute.manual.pages import ROOMS, all_pages

_LINK_TO_SITE: Final = re.compile(rf"\]\({re.escape(SITE)}([\w/.-]+)\.html(#[\w-]+)?\)")

TITLES: Final = {
    "start": "Start",
    "guide": "Guides",
    "concepts": "Concepts",
    "reference": "Reference",
    "migrate": "Migrate",
    "about": "About",
}
"""The titles of the rooms, in the navigation."""


def site_pages() -> dict[str, str]:
    """Return topic -> Markdown of every page, in reading order, without comments."""
    pages = {page.topic: page.read() for page in all_pages()} | rule_pages()
    return {topic: _relative_links(without_comments(text), topic) for topic, text in pages.items()}


def _relative_links(markdown: str, topic: str) -> str:
    """Replace the public addresses of pages, so that they are checked, and work without network."""
    folder = posixpath.dirname(topic)

    def replace(link: re.Match[str]) -> str:
        return f"]({posixpath.relpath(f'{link[1]}.md', folder or '.')}{link[2] or ''})"

    return _LINK_TO_SITE.sub(replace, markdown)


def children_of(topic: str, topics: Mapping[str, object]) -> list[str]:
    """Return the pages below a page in the navigation: ``reference/rules`` has those of its folder."""
    return [each for each in topics if posixpath.dirname(each) == topic]


def rooms_of(topics: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the pages of each room that has pages."""
    for room in ROOMS:
        found = children_of(room, topics)
        if found:
            yield TITLES[room], found
