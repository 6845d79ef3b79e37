"""The number of hypothesis examples: few by default, many with ``--hypothesis-profile deep``."""

from __future__ import annotations

from hypothesis import settings


def examples(factor: float) -> int:
    """Return the profile's number of examples times ``factor``."""
    profile = settings.default
    assert profile is not None
    return max(1, round(factor * profile.max_examples))
