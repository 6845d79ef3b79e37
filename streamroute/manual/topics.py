"""Finds what a topic is about: a page by its path or name, or sections by their headings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamroute.manual.pages import ManualPage, all_pages
from streamroute.manual.sections import ManualSection, sections_of
from streamroute.text.suggestions import did_you_mean

_MOST_SECTIONS: Final = 4
_MOST_MENTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """What a topic is about: a page or a section of it, as Markdown, and further topics to read."""

    page: ManualPage
    markdown: str
    others: tuple[str, ...] = ()


def find_topic(asked: str) -> FoundTopic | None:
    """Return the page with this path or name, or else the sections with this heading."""
    topic = asked.strip().strip("/").removesuffix(".md").lower()
    # "dead retry" is the heading of a section; "dead letters" is the page "dead-letters".
    return _find_page(topic) or _find_sections(topic) or _find_page(topic.replace(" ", "-"))


def _find_page(topic: str) -> FoundTopic | None:
    pages = [page for page in all_pages() if topic in _names(page)]
    pages.sort(key=lambda page: page.topic.lower() != topic)  # a path before a name
    if not pages:
        return None
    return FoundTopic(pages[0], pages[0].read(), tuple(page.topic for page in pages[1:]))


def _names(page: ManualPage) -> set[str]:
    return {page.topic.lower(), page.topic.rpartition("/")[2].lower()}


def _find_sections(topic: str) -> FoundTopic | None:
    found = [(page, section) for page, section in _all_sections() if topic in section.names]
    if not found:
        return None
    page = found[0][0]
    here = [section.markdown for where, section in found if where == page]
    others = dict.fromkeys(where.topic for where, _ in found if where != page)
    return FoundTopic(page, "\n".join(here[:_MOST_SECTIONS]), tuple(others))


def _all_sections() -> Iterator[tuple[ManualPage, ManualSection]]:
    """Yield the sections of all pages: those of the reference first, which has one for each name."""
    for page in sorted(all_pages(), key=lambda page: not page.topic.startswith("reference/")):
        for section in sections_of(page.read()):
            yield page, section


def suggest_topic(asked: str) -> str | None:
    """Return the topic that is spelled most like this one."""
    names = {name for page in all_pages() for name in _names(page)}
    return did_you_mean(asked.lower(), names) or did_you_mean(
        asked.lower(), {name for _, section in _all_sections() for name in section.names}
    )


def pages_that_mention(word: str) -> list[str]:
    """Return the topics of the first few pages that contain a text, those outside of the reference first."""
    pages = sorted(all_pages(), key=lambda page: page.topic.startswith("reference/"))
    found = (page.topic for page in pages if word.lower() in page.read().lower())
    return [topic for topic, _ in zip(found, range(_MOST_MENTIONS), strict=False)]
