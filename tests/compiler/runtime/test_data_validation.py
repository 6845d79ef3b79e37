"""A message is validated by the check of its type, on its data without the envelope."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.compiler.runtime.data_validation import DataValidator
from streamroute.errors import CostlyDataError
from streamroute.message import Message
from streamroute.text.limits import REASON

Check = Callable[[Any], str | None]


def raising(error: BaseException) -> Check:
    def check(_data: Any) -> str | None:
        raise error

    return check


def test_the_check_of_the_type_receives_the_data() -> None:
    seen: list[Any] = []
    validator = DataValidator({"t": seen.append}, "json")
    fields = {b"type": b"t", b"data": b'{"x": 1, "type": "own"}'}
    assert validator.reason({"type": "t", "x": 1}) is None
    assert validator.reason({"type": "t", "x": 1}, fields) is None
    assert validator.reason(Message({"type": "t", "x": 1}, fields=fields)) is None
    assert seen == [{"x": 1}, {"x": 1, "type": "own"}, {"x": 1, "type": "own"}]


@pytest.mark.parametrize("payload", [{"type": "u"}, {}, {"type": None}, {"type": ["t"]}, {"type": {}}])
def test_a_type_without_a_check_passes(payload: dict[str, Any]) -> None:
    assert DataValidator({"t": lambda _data: "no"}, "json").reason(payload) is None


def test_the_type_may_be_a_string_of_a_subclass() -> None:
    class Kind(str):
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]  # as a user's codec may have it

    assert DataValidator({"t": lambda _data: "no"}, "json").reason({"type": Kind("t")}) is not None


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (lambda _data: "nights must be 1", "the data is invalid: nights must be 1"),
        (lambda _data: "see redis://u:secret@h", "the data is invalid: see redis://u:***@h"),
        (
            raising(CostlyDataError()),
            "the data is too costly to validate: it was stopped after too many steps",
        ),
        (raising(ZeroDivisionError("odd")), "the data could not be validated: ZeroDivisionError: odd"),
        (raising(SystemExit("odd")), "the data could not be validated: SystemExit: odd"),
        (raising(asyncio.CancelledError("odd")), "the data could not be validated: CancelledError: odd"),
    ],
)
def test_the_reason_is_that_of_the_check(check: Check, reason: str) -> None:
    assert DataValidator({"t": check}, "json").reason({"type": "t"}) == reason


def test_a_reason_is_of_limited_length() -> None:
    reason = DataValidator({"t": lambda _data: "x" * 10 * REASON}, "json").reason({"type": "t"})
    assert reason is not None
    assert len(reason) <= REASON


def test_an_interrupt_of_the_user_is_no_reason() -> None:
    validator = DataValidator({"t": raising(KeyboardInterrupt())}, "json")
    with pytest.raises(KeyboardInterrupt):
        validator.reason({"type": "t"})


@pytest.mark.parametrize("data", [7, None, "a _streamroute", ["_streamroute"]])
def test_the_data_of_a_codec_may_be_any_value(data: Any) -> None:
    class Codec(JsonCodec):
        def data_of(self, _payload: Mapping[str, Any], _fields: Mapping[bytes, bytes]) -> Any:
            return data

    seen: list[Any] = []
    validator = DataValidator({"t": seen.append}, Codec())
    assert validator.reason({"type": "t"}, {b"type": b"t"}) is None
    assert seen == [data]
