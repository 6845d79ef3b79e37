"""Plain scalars are YAML 1.2's, not 1.1's."""

from __future__ import annotations

import math
from typing import Any

import pytest

from streamroute.config.yaml.scalars import CORE, read_plain, read_tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("0755", 755),
        ("0o17", 15),
        ("0x1F", 31),
        ("-12", -12),
        ("+12", 12),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("-", "-"),
        (".", "."),
        ("٣", "٣"),
        ("1٣", "1٣"),
    ],
)
def test_core_schema(text: str, value: Any) -> None:
    read = read_plain(text)
    assert (type(read), read) == (type(value), value)


def test_nan_is_a_float() -> None:
    value = read_plain(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_number_longer_than_python_reads_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        read_plain("9" * 5000)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "12", "12"),
        ("int", "12", 12),
        ("float", "12", 12.0),
        ("bool", "true", True),
        ("null", "~", None),
    ],
)
def test_core_tags(tag: str, text: str, value: Any) -> None:
    read = read_tagged(CORE + tag, text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("tag", "text"), [("int", "true"), ("int", "1.5"), ("bool", "1"), ("null", "x"), ("float", "x")]
)
def test_a_tag_that_does_not_fit_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_tagged(CORE + tag, text)


@pytest.mark.parametrize("tag", [f"{CORE}binary", f"{CORE}python/name:os.system", "!vip"])
def test_other_tags_are_unknown(tag: str) -> None:
    with pytest.raises(KeyError):
        read_tagged(tag, "x")
