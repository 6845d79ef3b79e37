"""Entries become messages: whatever a user's codec does, the entry is kept and the reader goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from consuming import GROUP, STREAM
from streamroute.adapters.codecs import Codec, JsonCodec
from streamroute.adapters.entries import EntryReader
from streamroute.keys import GroupKeys
from streamroute.message import Message


class Raising:
    """A codec that raises what it is given."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Raise it."""
        raise self._error

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Never called."""
        raise NotImplementedError


class Shouting(JsonCodec):
    """A codec made of a built-in one, as users do."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """The type in capitals."""
        payload = super().decode(fields)
        return payload | {"type": payload["type"].upper()}


def read(codec: Codec, *entries: list[bytes]) -> list[Message]:
    """The messages of these entries."""
    reader = EntryReader(codec, GroupKeys.of(STREAM, GROUP), GROUP)
    rows: Any = [(f"{n}-0".encode(), parts) for n, parts in enumerate(entries, 1)]
    messages = [message for _, message in reader.read_new(rows, fresh=0)]
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
def test_whatever_a_codec_raises_is_the_fault_of_its_entry(error: BaseException) -> None:
    """It ends neither the reader nor the process, and the next entry is read."""
    messages = read(Raising(error), [b"type", b"a"], [b"type", b"b"])
    assert [message.fields for message in messages] == [{b"type": b"a"}, {b"type": b"b"}]
    assert all(
        str(message.fault).startswith(f"the codec failed: {type(error).__name__}") for message in messages
    )


def test_a_codec_made_of_a_built_in_one_is_asked_for_every_entry() -> None:
    """The built-in one's short way for usual entries is not its own."""
    [message] = read(Shouting(), [b"type", b"booked", b"data", b"{}"])
    assert message == {"type": "BOOKED"}


def test_a_built_in_codec_reads_usual_entries_and_others() -> None:
    """The short way and the long way give the same."""
    usual, other = read(
        JsonCodec(),
        [b"type", b"booked", b"data", b'{"n": 1}'],
        [b"data", b'{"n": 1}', b"type", b"booked"],
    )
    assert usual == other == {"type": "booked", "n": 1}
