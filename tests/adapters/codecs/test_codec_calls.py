"""A user's codec may raise anything: its callers get an error with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from misbehaving import ALL, BIG, Make, Unspeakable
from streamroute.adapters.codecs.codec_calls import decoded, encoded
from streamroute.errors import DecodeError, EncodeError
from streamroute.text.limits import REASON


class Raising:
    """A codec that raises the given exception."""

    def __init__(self, make: Make) -> None:
        self._make = make

    def decode(self, fields: Any) -> Any:
        raise self._make()

    encode = decode


CASES = {
    **{kind: make for kind, make in ALL.items() if kind != "KeyboardInterrupt"},
    "a reason of 10 MB": lambda: DecodeError(BIG),
    "another reason of 10 MB": lambda: EncodeError(BIG),
}


@pytest.mark.parametrize("kind", CASES)
def test_any_exception_of_a_codec_gives_a_reason(kind: str) -> None:
    codec = Raising(CASES[kind])
    with pytest.raises(DecodeError) as refused:
        decoded(codec, {})
    assert 0 < len(str(refused.value)) <= REASON
    with pytest.raises(EncodeError) as unwritten:
        encoded(codec, {})
    assert 0 < len(str(unwritten.value)) <= REASON


def test_a_decode_errors_reason_is_kept_and_others_name_the_codec() -> None:
    for error, reason in (
        (DecodeError("no version"), "no version"),
        (ValueError("no version"), "the codec failed: ValueError: no version"),
        (DecodeError("asked redis://u:hunter2@h"), "asked redis://u:***@h"),
        (ValueError("redis://u:hunter2@h"), "the codec failed: ValueError: redis://u:***@h"),
    ):
        with pytest.raises(DecodeError) as refused:
            decoded(Raising(lambda error=error: error), {})  # type: ignore[misc]  # of the loop's own
        assert str(refused.value) == reason


def test_exceptions_that_end_the_process_pass_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        decoded(Raising(KeyboardInterrupt), {})


class Odd:
    """A codec whose output cannot be written."""

    def decode(self, fields: Any) -> Any:
        """Never called."""
        raise NotImplementedError

    def encode(self, payload: Any) -> Any:
        """Return no fields at all."""
        return Unspeakable()


def test_a_codec_result_that_is_not_an_entry_is_refused() -> None:
    with pytest.raises(EncodeError, match="the codec failed"):
        encoded(Odd(), {})


class Hostile(dict[str, Any]):
    """A payload whose methods raise."""

    def get(self, key: Any, default: Any = None) -> Any:
        raise ValueError("hostile")


class Iterating(Hostile):
    """A payload that cannot be copied."""

    def __iter__(self) -> Any:
        raise ValueError("hostile")

    keys = __iter__


class Text(str):
    """A type of a user's class."""

    __slots__ = ()


class Returning:
    """A codec that returns the given payload."""

    def __init__(self, payload: Any) -> None:
        self._payload = payload

    def decode(self, fields: Any) -> Any:
        return self._payload

    encode = decode


def test_a_payload_of_a_users_class_is_decoded_as_a_plain_dict() -> None:
    payload = decoded(Returning(Hostile(type=Text("t"), n=1)), {})
    assert (type(payload), payload, type(payload["type"])) == (dict, {"type": "t", "n": 1}, str)


def test_a_payload_that_cannot_be_copied_is_not_decoded() -> None:
    with pytest.raises(DecodeError, match="the codec failed: ValueError: hostile"):
        decoded(Returning(Iterating(type="t")), {})


def test_a_payload_is_a_dict() -> None:
    with pytest.raises(DecodeError, match="the codec returned list, and a payload is a dict"):
        decoded(Returning([1]), {})
