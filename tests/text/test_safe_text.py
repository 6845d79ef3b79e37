"""Text of any object: plain, bounded, and without an exception."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misbehaving import ALL, BIG, Text, Unspeakable
from streamroute.message import Message
from streamroute.text.safe_text import one_line, safe_repr, safe_str, type_name

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner) | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


class OfNothing:
    """An object whose text is of another kind, or is not to be had."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()  # type: ignore[no-any-return]  # that it is anything is the point

    __repr__ = __str__


ODD: dict[str, Any] = {
    "an object that raises": Unspeakable(),
    "objects that raise, in a list": [Unspeakable(), {"a": Unspeakable()}, (Unspeakable(),)],
    "a string that raises": Text("no luck"),
    "strings that raise, in a dict": {Text("a"): Text("b")},
    "a text of 10 MB": BIG,
    "bytes of 10 MB": BIG.encode(),
    "a list of a million": list(range(1_000_000)),
    "a payload of 10 MB": Message({"rooms": [{"name": "a" * 100}] * 100_000}),
    "an object with a text of 10 MB": OfNothing(lambda: BIG),
    "an object with a number for a text": OfNothing(lambda: 7),
    "an object with bytes for a text": OfNothing(lambda: b"x"),
    "an object with a bad string for a text": OfNothing(lambda: Text("no luck")),
    "a number that is too long to be written": 10**100_000,
    "what is deep": __import__("functools").reduce(lambda inner, _: [inner], range(100_000), []),
}


@pytest.mark.parametrize("read", [safe_str, safe_repr], ids=["str", "repr"])
@pytest.mark.parametrize("limit", [20, 4_000])
@pytest.mark.parametrize("name", [*ODD, *ALL])
def test_the_text_of_any_object_is_plain_and_short(
    name: str, limit: int, read: Callable[[object, int], str]
) -> None:
    text = read(ODD[name] if name in ODD else ALL[name](), limit)
    assert type(text) is str
    assert len(text) <= limit
    text.encode()


@pytest.mark.parametrize("name", [*ODD, *ALL])
def test_the_name_of_its_type_is_plain_and_short(name: str) -> None:
    text = type_name(ODD[name] if name in ODD else ALL[name]())
    assert type(text) is str
    assert 0 < len(text) <= 200
    assert text.isprintable()


@given(values)
def test_plain_data_is_shown_as_by_python(value: Any) -> None:
    assert safe_repr(value, 100_000) == repr(value)
    assert safe_str(value, 100_000) == str(value)


@given(st.lists(values, max_size=3))
def test_a_plain_exception_is_shown_as_by_python(arguments: list[Any]) -> None:
    for kind in (ValueError, KeyError, OSError):
        error = kind(*arguments)
        assert safe_str(error, 100_000) == str(error)
        assert safe_repr([error], 100_000) == repr([error])


def test_a_large_payload_is_not_written_out_for_its_first_characters() -> None:
    payload = {"rooms": [{"name": "a" * 100, "beds": [1, 2, 3]}] * 200_000}
    tracemalloc.start()
    try:
        texts = [safe_str(ValueError(payload), 4_000), safe_str(KeyError(payload), 4_000)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [text[:10] for text in texts] == ["{'rooms': "] * 2
    assert peak < 1_000_000


@given(st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs", "L"])))
def test_text_is_reduced_to_one_line(text: str) -> None:
    found = one_line(text)
    assert found.splitlines() in ([], [found])
    assert "\x1b" not in found
    assert one_line(found) == found


def test_controls_are_written_as_escapes_and_tabs_are_kept() -> None:
    assert one_line("a\r\nb\x1b[2Jc\td\x85\u2028\u202e") == r"a\r\nb\x1b[2Jc" + "\td" + r"\x85\u2028\u202e"
