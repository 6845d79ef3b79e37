"""The folder that several paths share."""

from __future__ import annotations

from collections.abc import Sequence


def common_folder(paths: Sequence[str]) -> str:
    """Return the longest beginning of all paths that ends with a slash; empty if they share none."""
    if not paths:
        return ""
    first, last = min(paths), max(paths)
    shared = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind("/", 0, shared) + 1]
