"""How many examples hypothesis tries: few by default, many with ``--hypothesis-profile deep``."""

from __future__ import annotations

from hypothesis import settings


def examples(factor: float) -> int:
    """That many times the number of examples of the profile."""
    profile = settings.default
    assert profile is not None
    return max(1, round(factor * profile.max_examples))
