"""The sections of a page: what stands below a heading, up to the next heading of its level."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamroute.manual.blocks import fenced, without_comments
from streamroute.manual.pages import plain_text

_HEADING: Final = re.compile(r"(#{2,6}) +(\S.*)")
_PREFIX: Final = re.compile(r"^(?:streamroute[ .]|[a-z]+: )")


@dataclass(frozen=True, slots=True)
class ManualSection:
    """A section: its heading, and its Markdown with the heading."""

    heading: str
    markdown: str

    @property
    def names(self) -> frozenset[str]:
        """What it is found by: ``route: retry.delay``, ``route.retry.delay``, ``retry.delay``, ``delay``."""
        name = self.heading.lower()
        bare = _PREFIX.sub("", name)
        return frozenset({name, name.replace(": ", "."), bare, bare.rpartition(".")[2].strip()})


def sections_of(markdown: str) -> Iterator[ManualSection]:
    """Yield the sections of a page, those of each level."""
    lines = without_comments(markdown).split("\n")
    headings = list(_headings(lines))
    for number, (at, level, heading) in enumerate(headings):
        end = next((below for below, other, _ in headings[number + 1 :] if other <= level), len(lines))
        yield ManualSection(heading, "\n".join(lines[at:end]).rstrip() + "\n")


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the line, the level and the text of each heading outside of fenced blocks."""
    for at, (line, is_code) in enumerate(zip(lines, fenced(lines), strict=True)):
        heading = None if is_code else _HEADING.fullmatch(line)
        if heading:
            yield at, len(heading[1]), plain_text(heading[2])
