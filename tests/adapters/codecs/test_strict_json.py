"""Strict JSON: what is rejected and why, and that orjson changes only the speed."""

from __future__ import annotations

import json
import math
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamroute.adapters.codecs.strict_json import (
    MAX_NESTING,
    NestingError,
    NotJsonError,
    accelerated,
    read_json,
    read_standard,
    short_repr,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
JSON = st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=20)


def nested(levels: int) -> bytes:
    """Return nested lists."""
    return b"[" * levels + b"]" * levels


@pytest.fixture(params=["standard", "orjson"])
def read(request: pytest.FixtureRequest) -> Callable[[bytes], Any]:
    """Both parsers, which must agree in every test of this file."""
    if request.param == "standard":
        return read_standard
    if find_spec("orjson") is None:
        pytest.skip("orjson is not installed")
    return accelerated(import_module("orjson").loads)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty, not JSON"),
        (b" \n", "is empty, not JSON"),
        (b"{'a': 1}", "is not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"a": 1} trailing', "is not JSON: Extra data at character 10"),
        (b'{"a": NaN}', "holds NaN, which is not JSON"),
        (b'{"a": -Infinity}', "holds -Infinity, which is not JSON"),
        (b"[1e400]", "holds a number too large for a float: '1e400'"),
        (b"1" * 5000, "holds a number of "),
        (b'{"a": "\xff"}', "is not UTF-8 at byte 7"),
        (b'["\xed\xa0\x80"]', "is not UTF-8 at byte 2"),
        (b'{"a": "\\ud83d"}', r"holds half of a surrogate pair ('\ud83d')"),
        (b'{"\\uDC00": 1}', r"holds half of a surrogate pair ('\udc00')"),
        (b'\xef\xbb\xbf{"a": 1}', "starts with a byte order mark"),
        (b'"\x01"', "is not JSON: Invalid control character"),
    ],
)
def test_invalid_json_is_refused_with_a_reason(
    read: Callable[[bytes], Any], data: bytes, reason: str
) -> None:
    with pytest.raises(NotJsonError) as caught:
        read(data)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 900, 1100, 100_000])
def test_absurd_nesting_is_refused(read: Callable[[bytes], Any], levels: int) -> None:
    with pytest.raises(NestingError, match="nested deeper than 200 levels"):
        read(nested(levels))


def test_deep_nesting_below_the_limit_is_read(read: Callable[[bytes], Any]) -> None:
    assert json.dumps(read(nested(MAX_NESTING))) == nested(MAX_NESTING).decode()
    assert len(read(b"[" + b"{}," * 1000 + b"[]]")) == 1001


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[18446744073709551616]", [18446744073709551616]),
        (b"[-9223372036854775809]", [-9223372036854775809]),
        (b"[123456789012345678901234567890]", [123456789012345678901234567890]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"0.1234567890123456789012", 0.12345678901234568),
    ],
)
def test_unusual_json_is_read_exactly(read: Callable[[bytes], Any], data: bytes, value: Any) -> None:
    assert read(data) == value
    assert type(read(data)) is type(value)


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_no_integer_becomes_a_float(number: int) -> None:
    read = read_json(str(number).encode())
    assert read == number
    assert type(read) is int


def verdict(read: Callable[[bytes], Any], data: bytes) -> tuple[str, str]:
    """Return the value or the error, as text, since 1 == 1.0 == True and nan != nan."""
    try:
        return "value", repr(read(data))
    except (NotJsonError, NestingError) as error:
        return type(error).__name__, str(error)


_ALMOST_JSON = st.lists(
    st.sampled_from([*'{}[]:," \t\n\\eE+-.0123456789', "true", "null", '"a":', "\\ud83d", "\\u0061", "1e999"])
).map("".join)


@given(st.binary() | _ALMOST_JSON.map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[9223372036854775808]")
@example(b"-0")
@example(b"[1E400]")
def test_orjson_gives_the_verdicts_of_the_standard_library(data: bytes) -> None:
    if find_spec("orjson") is None:
        pytest.skip("orjson is not installed")
    assert verdict(accelerated(import_module("orjson").loads), data) == verdict(read_standard, data)


@given(JSON)
def test_written_values_are_read_back(value: Any) -> None:
    assert read_json(write_json(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"bytes", "\ud800", {"\ud800": 1}])
def test_values_that_json_cannot_express_are_not_written(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        write_json(value)


def test_a_value_that_contains_itself_or_is_too_deep_is_not_written() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(MAX_NESTING):
        deep = [deep]
    deeper: list[Any] = []
    for _ in range(50_000):
        deeper = [deeper]
    with pytest.raises(ValueError, match="contains itself"):
        write_json(loop)
    for value in (deep, deeper):
        with pytest.raises(NestingError, match="nested"):
            write_json(value)


@given(st.text(st.characters()) | st.binary())
def test_shown_text_is_short_and_printable(text: str | bytes) -> None:
    assert len(short_repr(text)) <= 80
    assert short_repr(text).isprintable()


def python_error(text: str) -> json.JSONDecodeError:
    """Return the error of the standard library, whose words and position depend on the version."""
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    return caught.value


def test_a_json_error_shows_the_text_around_it(read: Callable[[bytes], Any]) -> None:
    """20 bytes before the error and 20 from there are shown; or 20 characters before and 40 from there."""
    digits = "".join(chr(ord("a") + n % 26) for n in range(100))
    for data in (b'{"a": "\xff"}', b'"' + digits.encode()[:49] + b"\xff" + digits.encode()):
        with pytest.raises(NotJsonError) as caught:
            read(data)
        start = data.index(b"\xff")
        around = short_repr(data[max(start - 20, 0) : start + 20])
        assert str(caught.value) == f"is not UTF-8 at byte {start}: {around}"
    for text in ("[1,]", f'["{digits}", nothing, "{digits}"]'):
        with pytest.raises(NotJsonError) as caught:
            read(text.encode())
        error = python_error(text)
        around = short_repr(text[max(error.pos - 20, 0) : error.pos + 40])
        assert str(caught.value) == f"is not JSON: {error.msg} at character {error.pos + 1}, in {around}"


@pytest.mark.parametrize(
    ("length", "whole"),
    [(0, True), (1, True), (78, True), (79, False), (80, False), (81, False), (500, False)],
)
def test_eighty_characters_are_shown_whole_and_of_more_the_first(length: int, whole: bool) -> None:
    text = "".join(chr(ord("a") + n % 26) for n in range(length))
    assert short_repr(text) == (repr(text) if whole else repr(text)[:77] + "...")
    assert short_repr(text.encode()) == (
        repr(text.encode()) if length < 78 else repr(text.encode())[:77] + "..."
    )
