"""A value that is nearly of the form that is wanted is brought into it, and never into another value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.config.schema.explain.normalized_guess import normalized_guess
from streamroute.durations import parse_duration

DURATION = "^[0-9]{1,9}(\\.[0-9]{1,6})?(ms|s|m|h|d)$"
PATH = "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*[.:][A-Za-z_][A-Za-z0-9_]*$"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1 minute", "1m"),
        ("30sec", "30s"),
        ("1m30s", "90s"),
        ("1.5 hours", "90m"),
        ("PT1M30S", "90s"),
        ("P1DT2H", "26h"),
        ("2 weeks", None),
        ("500us", None),
        ("-5s", None),
        ("P", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_duration_in_other_words_is_the_same_time(written: str, meant: str | None) -> None:
    assert normalized_guess(written, DURATION) == meant


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from(["", " "]))
def test_the_parts_of_a_duration_are_added(minutes: int, seconds: int, space: str) -> None:
    meant = normalized_guess(f"{minutes}{space}min{space}{seconds}{space}sec", DURATION)
    assert meant is not None
    assert parse_duration(meant) == minutes * 60 + seconds


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("shop/handlers.py:welcome", "shop.handlers:welcome"),
        ("./shop/handlers.py:welcome", "shop.handlers:welcome"),
        ("tests/test_shop.py::welcome", "tests.test_shop:welcome"),
        ("shop.handlers.welcome()", "shop.handlers.welcome"),
        ("shop.handlers.welcome(payload)", "shop.handlers.welcome"),
        ("shop/handlers.py", None),
        ("welcome", None),
        ("shop.handlers:Guests.welcome", None),
    ],
)
def test_a_path_of_files_is_one_of_modules(written: str, meant: str | None) -> None:
    assert normalized_guess(written, PATH) == meant


@given(st.text(), st.sampled_from([DURATION, PATH]))
def test_a_guess_has_the_required_form(written: str, pattern: str) -> None:
    meant = normalized_guess(written, pattern)
    assert meant is None or normalized_guess(meant, pattern) is None
