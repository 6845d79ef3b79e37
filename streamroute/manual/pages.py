"""The pages of the documentation: each has a topic, which is its path, a title and a summary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from streamroute.manual.blocks import without_comments

FOLDER: Final = Path(__file__).parents[1] / "docs"
"""Where the pages are, in a checkout and in an installation."""

ROOMS: Final = ("start", "guide", "concepts", "reference", "migrate", "about")
"""The parts of the documentation, in reading order: folders of pages."""

_TITLE: Final = re.compile(r"^# (.+)$", re.MULTILINE)
_INDEX_LINK: Final = re.compile(r"\]\(([\w/-]+)\.md\)")
_LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()]*\)")


@dataclass(frozen=True, slots=True)
class ManualPage:
    """One page: its topic (``guide/publish``), title, first paragraph, and file."""

    topic: str
    title: str
    summary: str
    path: Path

    def read(self) -> str:
        """Return the page's Markdown."""
        return self.path.read_text(encoding="utf-8")


@cache
def all_pages() -> tuple[ManualPage, ...]:
    """Return all pages: the index, then the rooms in order, with their pages in the order of the index."""
    found = {page.topic: page for page in map(_read_page, FOLDER.rglob("*.md"))}
    linked = _INDEX_LINK.findall(found["index"].read())
    places = {topic: place for place, topic in enumerate(linked)}

    def order(page: ManualPage) -> tuple[int, int, str]:
        room = page.topic.partition("/")[0]
        place = places.get(page.topic, len(places))
        return (ROOMS.index(room) + 1 if room in ROOMS else 0, place, page.topic)

    return tuple(sorted(found.values(), key=order))


def _read_page(path: Path) -> ManualPage:
    topic = path.relative_to(FOLDER).with_suffix("").as_posix()
    title, summary = title_and_summary(path.read_text(encoding="utf-8"))
    return ManualPage(topic, title or topic, summary, path)


def title_and_summary(markdown: str) -> tuple[str, str]:
    """Return the title and the first paragraph of a page, as plain text; empty if it has none."""
    text = without_comments(markdown)
    title = _TITLE.search(text)
    if title is None:
        return "", ""
    paragraph = text[title.end() :].strip().partition("\n\n")[0]
    summary = "" if paragraph.startswith(("#", "|", "```", "- ")) else plain_text(paragraph)
    return plain_text(title[1]), summary


def plain_text(markdown: str) -> str:
    """Return a paragraph on one line, without the marks of links, code and emphasis."""
    text = _LINK.sub(r"\1", markdown)
    return " ".join(re.sub(r"\*\*|`", "", text).split())
