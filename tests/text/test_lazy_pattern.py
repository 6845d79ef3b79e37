"""A lazy pattern works like a compiled one, and compiles at its first use."""

from __future__ import annotations

import re

import pytest

from streamroute.text.lazy_pattern import lazy_pattern


def test_it_has_the_methods_of_a_pattern() -> None:
    pattern, compiled = lazy_pattern("(a)b", re.IGNORECASE), re.compile("(a)b", re.IGNORECASE)
    for text in ("xAby ab", "ab", ""):
        assert pattern.findall(text) == compiled.findall(text)
        assert pattern.sub("-", text) == compiled.sub("-", text)
        assert pattern.subn("-", text) == compiled.subn("-", text)
        assert pattern.split(text) == compiled.split(text)
        assert [match.span() for match in pattern.finditer(text)] == [
            match.span() for match in compiled.finditer(text)
        ]
        for name in ("match", "fullmatch", "search"):
            lazy, usual = getattr(pattern, name)(text), getattr(compiled, name)(text)
            assert (lazy and lazy.groups()) == (usual and usual.groups())


def test_it_is_compiled_at_its_first_use() -> None:
    pattern = lazy_pattern("(")
    with pytest.raises(re.error):
        pattern.search("a")


def test_it_has_nothing_else() -> None:
    with pytest.raises(AttributeError):
        lazy_pattern("a").__wrapped__  # type: ignore[attr-defined]  # noqa: B018 - reading it raises
