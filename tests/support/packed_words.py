"""The words of a packed command, as a server reads them."""

from __future__ import annotations

from typing import Any

import hiredis


def words_of(command: Any) -> list[str]:
    """Return the command and its arguments."""
    reader = hiredis.Reader(encoding="utf-8")
    reader.feed(command)
    words = reader.gets()
    assert isinstance(words, list)
    return words
