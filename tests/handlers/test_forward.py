"""forward: a message into another stream, byte for byte, and acknowledged only after that."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from streamroute import BotRedisDispatcher, compile_routes
from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.errors import EncodeError, Reject
from streamroute.handlers.forward import Publishers, forward
from streamroute.message import Message


class Written:
    """A publisher that remembers what was written to it."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.entries: list[list[bytes]] = []
        self.fails = fails

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        return flatten_fields(codec_named("json").encode(payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        if self.fails is not None:
            raise self.fails
        self.entries += entries
        return ["1-0"] * len(entries)


def only(name: str, publisher: Written) -> Publishers:
    return {name: publisher}.__getitem__


async def test_the_raw_fields_are_kept_byte_for_byte() -> None:
    publisher = Written()
    fields = {b"type": b"t", b"data": b' {"n": 1.0}', b"odd": b"\xff"}
    await forward(Message({"type": "t", "n": 1.0}, fields=fields), only("other", publisher), stream="other")
    assert publisher.entries == [[b"type", b"t", b"data", b' {"n": 1.0}', b"odd", b"\xff"]]


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"type": "t", "n": 1}, id="a-plain-dict"),
        pytest.param(Message({"type": "t", "n": 1}), id="made-by-a-transform"),
        pytest.param(
            Message({"type": "t", "n": 1}, fields={b"data": b'{"n": 1, "_streamroute": {"v": 1}}'}),
            id="came-back-through-a-scheduler",
        ),
        pytest.param(
            Message({"type": "t", "n": 1}, fields={b"type": b"t", b"_streamroute": b"{}"}),
            id="marked-as-a-retry",
        ),
    ],
)
async def test_changed_payloads_are_encoded_again(payload: dict[str, Any]) -> None:
    publisher = Written()
    await forward(payload, only("other", publisher), stream="other")
    assert publisher.entries == [[b"type", b"t", b"data", b'{"n":1}']]


MARK = {"v": 2, "id": "1-0", "group": "g", "routes": ["r"], "attempt": 1, "proof": "x"}
SPELLINGS = [
    "_streamroute",
    r"\u005fstreamroute",
    r"_\u0073treamroute",
    r"_streamrout\u0065",
    r"\u005Fstreamroute",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("field", [b"data", b"cloudevent", b"payload"])
async def test_a_field_that_resembles_a_retry_marker_is_not_forwarded(spelling: str, field: bytes) -> None:
    """The dispatcher leaves a key that proves nothing in the payload, and so it is in both."""
    publisher, mark = Written(), json.dumps(MARK)
    fields = {b"type": b"t", field: f'{{"n": 1, "{spelling}": {mark}}}'.encode()}
    payload = Message({"type": "t", "n": 1, "_streamroute": MARK}, fields=fields)
    await forward(payload, only("other", publisher), stream="other")
    assert publisher.entries == [[b"type", b"t", b"data", b'{"n":1}']]


async def test_an_encoded_retry_marker_is_not_forwarded() -> None:
    """It may be in base64, or compressed: what was decoded tells."""
    publisher = Written()
    payload = Message({"type": "t", "n": 1, "_streamroute": MARK}, fields={b"data": b"\x1f\x8b..."})
    await forward(payload, only("other", publisher), stream="other")
    assert publisher.entries == [[b"type", b"t", b"data", b'{"n":1}']]


ENCODED = base64.b64encode(json.dumps({"_streamroute": MARK}).encode()).decode()


@pytest.mark.parametrize(
    "fields",
    [
        {b"ce-_streamroute": b"{}"},
        {b"Ce-_streamroute": b"{}"},
        {b"ce_type": b"t", b"ce__streamroute": b"{}"},
        {b"cloudevent": b'{"id": "1", "data": {"n": 1, "_streamroute": {}}}'},
        {b"cloudevent": json.dumps({"id": "1", "data_base64": ENCODED}).encode()},
        {b"payload": rb'{"x": NaN, "\u005fstreamroute": {}}'},
        {b"data": b'{"_streamroute": {}, "_streamroute": "a\nb"}'},
        {b"data": b'{"n": ' + b"1" * 5_000 + b', "_streamroute": {}}'},
        {b"data": b'{"n": ' + b"[" * 100_000 + b"]" * 100_000 + b', "_streamroute": {}}'},
    ],
)
async def test_a_mark_that_a_codec_of_the_target_would_find_is_not_forwarded(
    fields: dict[bytes, bytes],
) -> None:
    publisher = Written()
    await forward(Message({"type": "t", "n": 1}, fields=fields), only("other", publisher), stream="other")
    assert publisher.entries == [[b"type", b"t", b"data", b'{"n":1}']]


@pytest.mark.parametrize(
    "fields",
    [
        {b"data": b' {"text": "the key _streamroute is reserved"}'},
        {b"data": b' {"a": {"_streamroute": 1}, "b": [{"_streamroute": 1}]}'},
        {b"data": rb' {"a": {"\u005fstreamroute": 1}}'},
        {b"data": b' {"_streamroutes": 1, "x_streamroute": 2, "_streamroute ": 3}'},
        {b"note": b"_streamroute: {v: 1}", b"x_streamroute": b"1", b"_streamroute~": b"1"},
        {rb"\u005fstreamroute": b"1"},
        {b"data": b'["_streamroute", {"_streamroute": 1}]'},
        {b"data": b'"_streamroute"'},
        {b"data": b' {"data_base64": "of no mark", "data": ["_streamroute"]}'},
        {b"data": b' {"data_base64": 7}'},
    ],
)
async def test_payloads_that_only_mention_the_name_are_forwarded_unchanged(
    fields: dict[bytes, bytes],
) -> None:
    publisher = Written()
    await forward(Message({"type": "t"}, fields=fields), only("other", publisher), stream="other")
    assert publisher.entries == [flatten_fields(fields)]


async def test_other_escapes_and_other_names_are_kept_byte_for_byte() -> None:
    publisher = Written()
    data = rb'{"\u0061": "\n\\u005f", "streamroute_": "\ud83d\ude00"}'
    await forward(Message({"type": "t"}, fields={b"data": data}), only("other", publisher), stream="other")
    assert publisher.entries == [[b"data", data]]


async def test_a_write_that_fails_is_the_handler_s_failure() -> None:
    with pytest.raises(ConnectionError):
        await forward({"type": "t"}, only("x", Written(ConnectionError())), stream="x")


async def test_unencodable_payloads_are_rejected_at_once() -> None:
    with pytest.raises(Reject, match='could not forward the message: an event needs a "type"') as caught:
        await forward({"n": 1}, only("x", Written()), stream="x")
    assert isinstance(caught.value.__cause__, EncodeError)


async def test_routers_of_a_custom_dispatcher_forward_through_the_given_client(
    tmp_path: Path, redis_client: Redis
) -> None:
    route = "{name: r, type: t, handler: streamroute.handlers.forward, with: {stream: other}}"
    (tmp_path / "routes.yaml").write_text(f"version: 1\nstreams: {{s: }}\nroutes: [{route}]\n")
    dispatcher = BotRedisDispatcher()
    for router in compile_routes(tmp_path, client=redis_client)["s"]:
        dispatcher.include_router(router)
    dispatcher.setup(None)
    await dispatcher.process_message({"type": "t", "n": 1})
    rows: Any = await redis_client.xrange("other")
    [(_, fields)] = rows
    assert fields == {b"type": b"t", b"data": b'{"n":1}'}
