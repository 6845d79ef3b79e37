"""EntrySkipper: what leaves a read undecoded, and what never does."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from consuming import GROUP, STREAM
from streamroute.adapters.codecs.builtin import Codec, FieldsCodec, JsonCodec, TypedFieldsCodec
from streamroute.adapters.codecs.cloudevents import CloudEventsCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.adapters.entries.entry_skipper import EntrySkipper, PayloadRule
from streamroute.keys import GroupKeys
from streamroute.values import SkippedEntries

OTHER = [b"type", b"other", b"data", b"{}"]
BOOKED = [b"type", b"booked", b"data", b"{}"]


class RejectingRule:
    """Rejects payloads with a key ``no``."""

    def __init__(self) -> None:
        self.waits = False

    def rejects(self, payload: dict[str, Any]) -> bool:
        return "no" in payload


class Rules(dict[str, PayloadRule | None]):
    """No rule for other types."""

    def __missing__(self, message_type: str) -> None:
        return None


class ScriptedFilter:
    """Lists no route for ``other``; ``may_skip`` says whether anything may be skipped."""

    def __init__(self) -> None:
        self.unlisted = frozenset({"other"})
        self.rules: Mapping[str, PayloadRule | None] = Rules()
        self.may_skip = True
        self.counted: list[tuple[str, Mapping[str, int]]] = []

    def start(self) -> bool:
        return self.may_skip

    def count(self, stream: str, unlisted: Mapping[str, int]) -> None:
        self.counted.append((stream, unlisted))


class Skipped:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.is_open = True
        self.entries: list[SkippedEntries] = []

    def skip(self, entries: SkippedEntries) -> None:
        self.entries.append(entries)

    @property
    def ids(self) -> list[bytes]:
        return [entry_id for entries in self.entries for entry_id in entries.ids]


class Workers:
    """Other workers, and what they list."""

    def __init__(self, types: AbstractSet[str] | None = frozenset()) -> None:
        self.types = types

    def listed_types(self) -> AbstractSet[str] | None:
        return self.types


class Reading:
    """A reader with a scripted filter, and what it skips; ``take`` reads entries with the next ids."""

    def __init__(self, codec: Codec | None = None) -> None:
        self.filter, self.sink, self.workers = ScriptedFilter(), Skipped(), Workers()
        pipeline = CodecPipeline(codec or JsonCodec(), prefilter=self.filter)
        keys = GroupKeys.of(STREAM, GROUP)
        self.reader = EntryReader(
            pipeline.codec, keys, GROUP, self.workers, pipeline, EntrySkipper(STREAM, self.sink)
        )
        self.next = 1

    def take(self, *entries: list[bytes]) -> list[str]:
        """Return the ids of the messages."""
        rows: Any = [(f"{self.next + n}-0".encode(), parts) for n, parts in enumerate(entries)]
        self.next += len(entries)
        return [entry_id for entry_id, _ in self.reader.read_new(rows, read_at=7)]


def test_unlisted_entries_are_skipped_and_the_others_keep_their_order() -> None:
    reading = Reading()
    assert reading.take(BOOKED, OTHER, OTHER, BOOKED) == ["1-0", "4-0"]
    [skipped] = reading.sink.entries
    assert skipped == SkippedEntries([b"2-0", b"3-0"], 7, 4, sum(map(len, OTHER)) + 0.5)
    assert reading.filter.counted == [(STREAM, {"other": 2})]
    assert reading.take(BOOKED) == ["5-0"]
    assert reading.take() == []
    assert len(reading.sink.entries) == len(reading.filter.counted) == 1


@pytest.mark.parametrize(
    "parts",
    [
        [b"type", b"other", b"data", b"{"],
        [b"type", b"other", b"data", b"[]"],
        [b"type", b"other", b"data", b'{"a": "\\n"}'],
        [b"type", b"other"],
        [b"type", b"other", b"data", b"{}", b"traceparent", b"00-1"],
        [b"type", b"other", b"n", b"1"],
    ],
)
def test_an_unlisted_entry_is_skipped_whatever_else_it_has(parts: list[bytes]) -> None:
    reading = Reading()
    assert reading.take(parts) == []
    assert reading.sink.ids == [b"1-0"]


@pytest.mark.parametrize(
    "parts",
    [
        [b"data", b"{}", b"type", b"other"],
        [b"type", b"other", b"type", b"booked"],
        [b"type", b"other", b"data", b"{}", b"type", b"booked"],
        [b"type", b"other", b"data", b'{"_streamroute": {}}'],
        [b"type", b"other", b"data", b'{"\\u005fstreamroute": {}}'],
        [b"type", b"other", b"_streamroute", b"{}"],
        [b"type", b"other", b"data", b"{}", b"_streamroute", b"{}"],
        [b"type", b"", b"data", b"{}"],
        [b"type", b"\xff", b"data", b"{}"],
        [b"data", b'{"type": "other"}'],
    ],
)
def test_an_entry_that_may_have_another_type_or_be_a_retry_is_read(parts: list[bytes]) -> None:
    reading = Reading()
    assert reading.take(parts) == ["1-0"]
    assert not reading.sink.ids


def test_nothing_is_skipped_if_the_sink_the_filter_or_the_workers_say_no() -> None:
    reading = Reading()
    reading.sink.is_open = False
    assert reading.take(OTHER)
    reading.sink.is_open, reading.filter.may_skip = True, False
    assert reading.take(OTHER)
    reading.filter.may_skip, reading.workers.types = True, None
    assert reading.take(OTHER)
    reading.workers.types = {"other"}
    assert reading.take(OTHER)
    reading.workers.types = {"booked"}
    assert not reading.take(OTHER)
    reading.filter.unlisted = frozenset()
    assert reading.take(OTHER)


def test_an_entry_that_was_delivered_before_is_read() -> None:
    """The group was created again: it may be running here."""
    reading = Reading()
    assert reading.take(OTHER, OTHER) == []
    reading.next = 2
    assert reading.take(OTHER, OTHER) == ["2-0", "3-0"]
    assert reading.take(OTHER) == []
    reading.reader.read(STREAM, "9-0", {b"type": b"booked"}, read_at=0, deliveries=2)
    reading.next = 9
    assert reading.take(OTHER) == ["9-0"]
    assert reading.take(OTHER) == []
    retries = GroupKeys.of(STREAM, GROUP).retry
    reading.reader.read(retries, "99-0", {}, read_at=0, deliveries=1)
    assert reading.take(OTHER) == []


def test_entries_whose_payload_is_rejected_are_skipped() -> None:
    reading, rule = Reading(), RejectingRule()
    reading.filter.rules = Rules(booked=rule)
    no = [b"type", b"booked", b"data", b'{"no": 1}']
    assert reading.take(no, BOOKED, [b"type", b"booked", b"data", b"{"], no) == ["2-0", "3-0"]
    assert reading.sink.ids == [b"1-0", b"4-0"]
    assert reading.filter.counted == [(STREAM, {})]
    rule.waits = True
    assert reading.take(no) == ["5-0"]


class Shouting(JsonCodec):
    """A user's codec derived from a built-in one, which changes the type."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        payload = super().decode(fields)
        return payload | {"type": payload["type"].upper()}


class Quick(JsonCodec):
    """The same, for common entries."""

    def decode_fast(self, parts: list[bytes]) -> dict[str, Any] | None:
        payload = super().decode_fast(parts)
        return None if payload is None else {"kind": payload["type"]}


class Renamed(JsonCodec):
    """A user's codec that changes nothing."""


@pytest.mark.parametrize(
    ("codec", "skips"),
    [
        (FieldsCodec(), True),
        (TypedFieldsCodec(), True),
        (Renamed(), True),
        (CloudEventsCodec(), False),
        (Shouting(), False),
        (Quick(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_codec_tells_where_the_type_is(codec: Codec, skips: bool) -> None:
    reading = Reading(codec)
    reading.take([b"type", b"other", b"data", b"{}"])
    assert bool(reading.sink.ids) is skips


class OwnJson(JsonCodec):
    """A codec of a user, which says where the type is, and whose payloads have none."""

    type_field = b"type"

    def decode_fast(self, parts: list[bytes]) -> dict[str, Any] | None:
        return {"data": parts[3]}


def test_a_payload_without_a_type_is_handled() -> None:
    reading = Reading(OwnJson())
    assert reading.take(BOOKED, OTHER) == ["1-0"]
    assert reading.sink.ids == [b"2-0"]
