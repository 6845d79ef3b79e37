"""What is wrong with JSON is said with its place, and in no words of Python's."""

from __future__ import annotations

import json

import pytest

from streamroute.text.bounded_json import loads_bounded
from streamroute.text.json_problems import describe_json_error, long_number, nesting_offset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"a": ' + "9" * 5000 + "}",
            "holds a number of 5,000 digits, and at most 4,300 are read, at character 7",
        ),
        ('{\n "a": -' + "9" * 5000 + "\n}", "and at most 4,300 are read, at line 2, column 8"),
        ('["' + "9" * 5000 + '", 1' + "0" * 4300 + "]", "holds a number of 4,301 digits"),
        ("[" * 100_000, "is nested deeper than 200 levels, at character 201"),
        ('{"a":\n' * 100_000, "is nested deeper than 200 levels, at line 201, column 1"),
        ("{", "is not JSON: Expecting property name enclosed in double quotes at character 2"),
        ('{"a":\n  }', "is not JSON: Expecting value at line 2, column 3"),
        ("", "is not JSON: Expecting value at character 1"),
    ],
)
def test_a_place_and_a_reason(text: str, message: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as raised:
        loads_bounded(text)
    assert isinstance(raised.value, ValueError | RecursionError)
    words = describe_json_error(text, raised.value)
    assert message in words
    assert not any(word in words for word in ("recursion", "int", "sys.", "char ", "Exceeds"))


def test_a_number_that_is_read_is_not_too_long() -> None:
    for text in (
        "9" * 4300,
        "9" * 5000 + ".5",
        "9" * 5000 + "e3",
        f'"{"9" * 5000}"',
        f'{{"{"9" * 5000}": 1}}',
    ):
        json.loads(text)
        assert long_number(text) is None


def test_brackets_in_texts_nest_nothing() -> None:
    assert nesting_offset('["[[[", "\\"[[["]', 1) is None
    assert nesting_offset("[[], []]", 2) is None
    assert nesting_offset("[[], []]", 1) == 1
