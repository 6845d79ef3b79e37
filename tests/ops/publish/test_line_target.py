"""Lines of JSON as events: the type beside the data, in the trace of the caller; on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from publishing_projects import entries, routes
from streamroute.adapters.codecs.builtin import CODEC_NAMES, codec_named
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import PayloadError
from streamroute.ops.publish.line_target import LineTarget
from streamroute.publishing.event_writer import StreamTarget
from streamroute.publishing.settings import load_settings
from streamroute.trace_context import TraceContext

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = f"00-{'1' * 32}-{'2' * 16}-01"


def target(folder: Path, client: Redis, codec: str = "json", *, validate: bool = False) -> LineTarget:
    settings = load_settings(routes(folder, "redis://nowhere", f"codec: {codec}"))
    trace = TraceContext(PARENT, "v=1")
    return LineTarget(StreamTarget(connection_of(client), settings, "bot_events", lambda: trace), validate)


async def test_events_carry_the_trace_of_the_caller(tmp_path: Path, redis_client: Redis) -> None:
    lines = target(tmp_path, redis_client)
    ids = await lines.publish([lines.encode({"type": "t", "n": 1})])
    fields = {b"type": b"t", b"data": b'{"n":1}', b"traceparent": PARENT.encode(), b"tracestate": b"v=1"}
    assert await entries(redis_client) == [(ids[0], fields)]


@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_an_event_keeps_a_trace_of_its_own(tmp_path: Path, redis_client: Redis, codec: str) -> None:
    event = {"type": "t", "source": "/shop", "id": "1", "traceparent": OTHER}
    entry = target(tmp_path, redis_client, codec).encode(event)
    assert PARENT.encode() not in entry
    assert codec_named(codec).decode(dict(zip(entry[::2], entry[1::2], strict=True)))["traceparent"] == OTHER


def test_events_are_checked_on_demand(tmp_path: Path, redis_client: Redis) -> None:
    event = {"type": "booking.confirmed", "nights": "3"}
    assert target(tmp_path, redis_client).encode(event)
    with pytest.raises(PayloadError, match="nights must be a whole number, not a string"):
        target(tmp_path, redis_client, validate=True).encode(event)
