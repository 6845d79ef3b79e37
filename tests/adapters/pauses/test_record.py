"""Pauses as they are stored: what is foreign or damaged pauses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.pauses.record import Pause, parse_pause, pause_text

GOOD = {"kind": "manual", "reason": "the bank is down", "who": "ann", "since": 1_700_000_000_000}


def test_a_pause_is_read() -> None:
    assert parse_pause(json.dumps(GOOD | {"until": 1_700_000_060_000})) == Pause(
        reason="the bank is down", who="ann", since=1_700_000_000_000, until=1_700_000_060_000
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "else"},
        {"kind": None},
        {"since": "1"},
        {"since": True},
        {"since": -1},
        {"since": 1e300},
        {"until": "soon"},
        {"until": [1]},
    ],
)
def test_a_damaged_pause_is_none(damage: dict[str, Any]) -> None:
    assert parse_pause(json.dumps(GOOD | damage)) is None


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "9" * 300, "9" * 4000])
def test_a_time_that_no_calendar_has_is_a_damage(name: str, number: str) -> None:
    assert parse_pause(json.dumps(GOOD | {name: "?"}).replace('"?"', number)) is None


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"null", b"1", b"[" * 4000, b"{}", b" " * 5000])
def test_another_value_is_none(text: bytes) -> None:
    assert parse_pause(text) is None


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_value_is_read_or_refused(value: bytes | str) -> None:
    pause = parse_pause(value)
    assert pause is None or isinstance(pause, Pause)


def test_texts_are_on_one_line_and_without_passwords() -> None:
    packed = json.loads(pause_text("see\nredis://u:secret@host/ " + "x" * 9000, "ann\x1b[31m"))
    assert "secret" not in packed["reason"]
    assert "\n" not in packed["reason"]
    assert "\x1b" not in packed["who"]
    assert len(json.dumps(packed)) < 4096


def test_a_circuit_is_over_only_when_a_message_succeeded() -> None:
    manual = Pause(reason="", who="", since=1, until=2)
    assert manual.is_over(2)
    assert not replace(manual, kind="circuit").is_over(3)
