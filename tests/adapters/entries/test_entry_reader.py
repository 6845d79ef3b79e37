"""Entries become messages: whatever a user's codec raises, the entry is kept and the reader continues."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

import pytest

from consuming import GROUP, STREAM
from misbehaving import ALL, Text, Unspeakable
from streamroute.adapters.codecs.builtin import Codec, JsonCodec
from streamroute.adapters.entries.entry_reader import EntryReader, entry_name, is_retry, server_id
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.errors import DecodeError
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.text.limits import REASON


class Raising:
    """A codec that raises the given exception."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        raise self._error

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Never called."""
        raise NotImplementedError


class Shouting(JsonCodec):
    """A user's codec derived from a built-in one."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Return the type in capitals."""
        payload = super().decode(fields)
        return payload | {"type": payload["type"].upper()}


def read(codec: Codec, *entries: list[bytes]) -> list[Message]:
    """Return the messages of these entries."""
    reader = EntryReader(codec, GroupKeys.of(STREAM, GROUP), GROUP)
    rows: Any = [(f"{n}-0".encode(), parts) for n, parts in enumerate(entries, 1)]
    messages = [message for _, message in reader.read_new(rows, read_at=0)]
    assert all(isinstance(message, Message) for message in messages)
    return [message for message in messages if isinstance(message, Message)]


@pytest.mark.parametrize(
    "error",
    [
        KeyError("n"),
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        GeneratorExit(),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_exception_of_a_codec_is_the_entrys_decode_error(error: BaseException) -> None:
    """It ends neither the reader nor the process, and the next entry is read."""
    messages = read(Raising(error), [b"type", b"a"], [b"type", b"b"])
    assert [message.fields for message in messages] == [{b"type": b"a"}, {b"type": b"b"}]
    assert all(
        str(message.decode_error).startswith(f"the codec failed: {type(error).__name__}")
        for message in messages
    )


@pytest.mark.parametrize("kind", ALL)
def test_the_reason_of_any_exception_is_bounded(kind: str) -> None:
    [message] = read(Raising(ALL[kind]()), [b"type", b"a"])
    assert 0 < len(message.decode_error or "") <= REASON


def test_a_retry_is_read_with_what_it_remembers_and_with_all_that_the_producer_wrote() -> None:
    keys = GroupKeys.of(STREAM, GROUP)
    reader = EntryReader(JsonCodec(), keys, GROUP, "the coordinator")
    fields = {b"type": b"booked", b"data": b'{"_streamroute": {"id": "9-9"}, "n": 1}'}
    for routes, accepted, counts in (
        (frozenset({"thank"}), True, True),
        (frozenset({"thank"}), False, False),
        (frozenset[str](), True, False),
    ):
        record = RetryRecord("1-0", routes, 3, fields, accepted=accepted, unknown_since=77)
        name, message = reader.read(keys.retry, "7-7", {b"entry": record.pack()}, read_at=5, deliveries=2)
        assert (name, message) == ("7-7@retry", {"type": "booked", "n": 1, "_streamroute": {"id": "9-9"}})
        delivery = message.delivery
        assert (message.id, delivery.entry_id, delivery.pending_key) == ("1-0", "7-7", keys.retry)
        assert (message.attempt, message.deliveries, delivery.lease_confirmed_at) == (3, 2, 5)
        assert (message.routes, message.accepted) == (routes or None, counts)
        assert (message.delivery.unknown_since, message.delivery.coordinator) == (77, "the coordinator")
    name, message = reader.read(STREAM, "1-0", fields, read_at=5, deliveries=2)
    assert (name, message["_streamroute"]) == ("1-0", {"id": "9-9"})
    assert not message.accepted


@pytest.mark.parametrize("key", [STREAM, f"{{{STREAM}}}:{GROUP}:retry"])
def test_an_entry_is_named_by_stream_and_id(key: str) -> None:
    name = entry_name(GroupKeys.of(STREAM, GROUP), key, "1-0")
    assert (is_retry(name), server_id(name)) == (key != STREAM, "1-0")


class Making:
    """A codec that calls the given function, on the fast path and on the normal one."""

    def __init__(self, payload: Any) -> None:
        self._payload = payload

    def decode_fast(self, parts: list[bytes]) -> Any:
        return self._payload()

    def decode(self, fields: dict[bytes, bytes]) -> Any:
        return self._payload()

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Never called."""
        raise NotImplementedError


class Decoding(Making):
    """The same without a fast path."""

    decode_fast = None  # type: ignore[assignment]  # it has none


class Kind(StrEnum):
    """Types as a StrEnum."""

    BOOKED = "booked"


class HardToRead(dict[str, Any]):
    """A dict whose methods raise."""

    def keys(self) -> Any:
        raise KeyboardInterrupt

    __iter__ = items = get = pop = update = keys  # type: ignore[assignment]  # as above


class NoDict:
    """An object that claims to be a dict."""

    @property
    def __class__(self) -> Any:
        return dict

    @__class__.setter
    def __class__(self, _value: Any) -> None: ...


@pytest.mark.parametrize(
    "make", [lambda: 7, Unspeakable, NoDict, lambda: Text("x"), lambda: None, lambda: 1 / 0]
)
def test_a_decoded_value_that_is_not_a_payload_is_a_decode_error(make: Any) -> None:
    [message] = read(Making(make), [b"type", b"a", b"data", b"{}"])
    assert message == {}
    assert str(message.decode_error).startswith("the codec ")


@pytest.mark.parametrize("make", [dict, HardToRead, lambda: Message({}), lambda: HardToRead(type="x")])
def test_a_payload_is_a_dict_of_python_s_own(make: Any) -> None:
    [message] = read(Making(make), [b"type", b"a", b"data", b"{}"])
    assert isinstance(message, Message)
    assert list(message.items()) == list(dict.items(make())) or str(message.decode_error).startswith(
        "the codec "
    )


def test_a_type_is_a_string_of_python_s_own() -> None:
    """An enum member is a string, and so is a subclass that raises."""
    for kind in (Text("booked"), Kind.BOOKED, "booked"):
        [message] = read(Decoding(partial(dict, type=kind)), [b"type", b"a", b"data", b"{}"])
        assert (type(message["type"]), message["type"]) == (str, "booked")


def test_a_codec_derived_from_a_built_in_one_decodes_every_entry() -> None:
    """The built-in codec's fast path is not used for the derived one."""
    [message] = read(Shouting(), [b"type", b"booked", b"data", b"{}"])
    assert message == {"type": "BOOKED"}


def test_a_built_in_codec_reads_usual_entries_and_others() -> None:
    """The fast path and the normal one give the same result."""
    usual, other = read(
        JsonCodec(),
        [b"type", b"booked", b"data", b'{"n": 1}'],
        [b"data", b'{"n": 1}', b"type", b"booked"],
    )
    assert usual == other == {"type": "booked", "n": 1}


@pytest.mark.parametrize(
    "error", [DecodeError("asked redis://u:hunter2@h"), ValueError("redis://u:hunter2@h")]
)
def test_no_password_of_an_address_is_in_the_reason(error: Exception) -> None:
    """The reason is stored with the dead letter."""
    [message] = read(Raising(error), [b"type", b"a"])
    assert str(message.decode_error).endswith("redis://u:***@h")


def test_an_entry_of_a_replay_is_read_with_its_id() -> None:
    keys = GroupKeys.of(STREAM, GROUP)
    reader = EntryReader(JsonCodec(), keys, GROUP)
    record = RetryRecord("7-0", frozenset({"a"}), 1, {b"type": b"t"}, replay="r-1")
    _, message = reader.read(keys.retry, "1-0", {b"entry": record.pack()}, read_at=0, deliveries=1)
    assert (message.replay, message.id, message.routes) == ("r-1", "7-0", frozenset("a"))
    _, message = reader.read(keys.stream, "1-0", {b"type": b"t"}, read_at=0, deliveries=1)
    assert message.replay is None
