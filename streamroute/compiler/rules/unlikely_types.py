"""Types that no producer writes: a list in one string, or a type in quotes of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding

_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_UNSEEN: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_ODD: Final = re.compile(rf"[,;|{_QUOTES}{_UNSEEN}]|^\s|\s$")
_LIST: Final = re.compile(r"[\w.*?-]+(?:\s*[,;|]\s*[\w.*?-]+)+")


def check_unlikely_types(route: RouteConfig, document: Document) -> Iterator[Finding]:
    """A warning for each type that is almost surely not one; one that the catalogue declares is."""
    for index, name in enumerate(route.types):
        if _ODD.search(name) and name not in document.messages:
            yield from _check(route, index, name)


def _check(route: RouteConfig, index: int, name: str) -> Iterator[Finding]:
    bare = name.strip(f"{_QUOTES}{_UNSEEN},; \t\n")
    if _LIST.fullmatch(bare):
        words = ", ".join(part.strip() for part in re.split("[,;|]", bare))
        message = "this is one type, and not a list of several"
        yield route.location.finding("SR221", message, at=("type", index), help=f"write [{words}]")
    elif bare and bare != name:
        message = "this type begins or ends with what is hardly a part of it"
        yield route.location.finding("SR221", message, at=("type", index), suggestion=bare)
