"""A place in a stream is an id, a time in UTC, or an age."""

from __future__ import annotations

import click
import pytest

from streamroute.cli.arguments.stream_time import StreamTimeParam

NOW = 10_000_000


@pytest.mark.parametrize(
    ("text", "entry_id"),
    [
        ("1718000000000-3", "1718000000000-3"),
        ("1970-01-01T00:00:05", "5000-0"),
        ("1970-01-01T01:00:05+01:00", "5000-0"),
        ("1970-01-01T00:00:05Z", "5000-0"),
        ("1970-01-02", "86400000-0"),
        ("-1h", "6400000-0"),
        ("1h", "6400000-0"),
        ("30d", "0-0"),
    ],
)
def test_places(text: str, entry_id: str) -> None:
    assert StreamTimeParam().convert(text, None, None).entry_id(NOW) == entry_id


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-", "1969-12-31", "99999999999999999999-0", "1-", "\x1b[2J", "9" * 400 + "d"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a place in a stream"):
        StreamTimeParam().convert(text, None, None)
