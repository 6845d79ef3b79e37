"""Truncate text: at its end or in its middle, with or without a note of what was left out."""

from __future__ import annotations

from typing import Final

MORE: Final = "..."
"""The mark of a cut."""


def ellipsize(text: str, limit: int, mark: str = MORE) -> str:
    """Return a text of at most ``limit`` characters; a longer one ends with ``mark``."""
    return text if len(text) <= limit else text[: max(0, limit - len(mark))] + mark


def ellipsize_middle(text: str, limit: int, head: int, tail: int, mark: str = MORE) -> str:
    """Return a text of at most ``limit`` characters; of a longer one, its first and last ones."""
    return text if len(text) <= limit else f"{text[:head]}{mark}{text[-tail:]}"


def clip(text: str, limit: int) -> str:
    """Return an encodable text of at most ``limit`` characters; a text that is cut ends with its length."""
    # Call the methods of `str`: `text` may be of a subclass that overrides them.
    length = str.__len__(text)
    if length <= limit:
        return encodable(str.__str__(text), limit)
    tail = f"{MORE} ({length:,} characters)"
    kept = max(0, limit - len(tail))
    return f"{encodable(str.__getitem__(text, slice(kept)), kept)}{tail}"[:limit]


def clip_middle(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters; keeps both ends of a longer one, with a note between."""
    if len(text) <= limit:
        return clip(text, limit)
    half = max(0, limit - 60) // 2
    left_out = f"\n... {len(text) - 2 * half:,} characters left out ...\n"
    return f"{clip(text[:half], half)}{left_out}{clip(text[len(text) - half :], half)}"


def encodable(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, with unpaired surrogates escaped: they cannot be encoded."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()[:limit]
