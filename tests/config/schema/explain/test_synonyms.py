"""A key is found under the names that other tools use for it."""

from __future__ import annotations

import pytest

from streamroute.config.schema.explain.synonyms import synonym_of


@pytest.mark.parametrize(
    ("word", "candidates", "meant"),
    [
        ("when", ["filter", "handler"], "filter"),
        ("Event-Type", ["handler", "type"], "type"),
        ("when", ["handler"], None),
        ("hen", ["filter"], None),
        ("filter", ["filter"], None),
    ],
)
def test_keys_are_found_by_their_names_in_other_tools(
    word: str, candidates: list[str], meant: str | None
) -> None:
    assert synonym_of(word, candidates) == meant
