"""Phrases that make text hard to read do not come back: in docstrings, comments, messages, help and pages."""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest

from repository import README, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHRASES: Final = (
    "a port alone is",
    "again and again",
    "befalls",
    "comes along",
    "does not tell this user",
    "ended by itself",
    "entries of theirs",
    "everything up to now",
    "for what it is given",
    "from where up",
    "is let go whatever",
    "is no list",
    "is no string",
    "is there already",
    "let those go on",
    "nobody can say",
    "not of your files",
    "nothing is known of",
    "of ours",
    "stands here",
    "take their payload for",
    "takes its payload for",
    "what is left stays",
    "what is told",
    "what it is looked for in",
    "what still runs",
    "what those do",
    "whatever those do",
    "which is none",
    "whoever",
)
SOURCES: Final = sorted(path for path in (ROOT / "streamroute").rglob("*") if path.suffix in {".py", ".lua"})
TEXTS: Final = [README, *sorted((ROOT / "streamroute").rglob("*.md"))]


@pytest.mark.parametrize("phrase", PHRASES)
def test_removed_phrases_do_not_come_back(phrase: str) -> None:
    pattern = re.compile(r"\b" + phrase.replace(" ", r"[\s#]+") + r"\b", re.IGNORECASE)
    assert [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path, text in _texts().items()
        for found in pattern.finditer(text)
    ] == []


def _text_of(path: Path) -> str:
    """The strings and comments of a module, or the whole Lua script."""
    if path.suffix == ".lua":
        return path.read_text(encoding="utf-8")
    return "\n".join(_strings(path.read_text(encoding="utf-8")))


def _strings(source: str) -> Iterator[str]:
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds:
            yield token.string


@cache
def _texts() -> dict[Path, str]:
    return {
        **{path: _text_of(path) for path in SOURCES},
        **{path: path.read_text(encoding="utf-8") for path in TEXTS},
    }
