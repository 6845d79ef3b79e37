"""Publishing over a connection: chunks, what is known after a failure, another configuration."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from publishing_projects import entries, routes
from streamroute import Event
from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
from streamroute.adapters.redis.connection import open_redis
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import (
    EncodeError,
    PayloadError,
    PublishError,
    RedisUnavailableError,
    SetupError,
)
from streamroute.publishing.event_writer import MAX_CHUNK_BYTES, EventWriter
from streamroute.publishing.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from redis.asyncio import Redis

    from servers import RealServer

STREAM = "bot_events"


def writer_of(folder: Path, client: Redis) -> EventWriter:
    return EventWriter(connection_of(client), load_settings(routes(folder, "redis://nowhere")))


def chunk_sizes(writer: EventWriter) -> list[int]:
    """Return a list that gets the size of each chunk that is written from now on."""
    sizes: list[int] = []
    target = writer.target(STREAM).writer
    write = target.publish_each

    async def publish_each(chunk: Any, *, remember: float) -> list[str]:
        sizes.append(len(chunk))
        return await write(chunk, remember=remember)

    target.publish_each = publish_each  # type: ignore[method-assign,assignment]  # it calls the method
    return sizes


async def test_chunks_have_500_events_at_most(tmp_path: Path, redis_client: Redis) -> None:
    writer = writer_of(tmp_path, redis_client)
    sizes = chunk_sizes(writer)
    assert await writer.publish_many(STREAM, []) == []
    assert len(await writer.publish_many(STREAM, [Event("ping")] * 1001)) == 1001
    assert sizes == [500, 500, 1]


def test_a_chunk_of_small_fields_is_a_command_that_every_server_takes() -> None:
    """Before Redis 7, a command has at most 2**20 arguments."""
    entry = OutgoingEntry([b"a", b""] * 3400, id="a")
    assert MAX_CHUNK_BYTES / entry.size * len(entry.arguments(1)) < 2**20


@pytest.mark.parametrize("event_id", [None, "a"])
async def test_chunks_have_a_bounded_size(tmp_path: Path, redis_client: Redis, event_id: str | None) -> None:
    writer = writer_of(tmp_path, redis_client)
    sizes = chunk_sizes(writer)
    large = [Event("ping", {"text": "x" * (size * 1_000_000)}) for size in (1, 2, 2, 9, 1)]
    last = Event("ping", id=event_id)
    assert len(await writer.publish_many(STREAM, [*large, last])) == 6
    assert sizes == [2, 1, 1, 2]


async def test_if_one_event_is_wrong_none_is_written(tmp_path: Path, redis_client: Redis) -> None:
    writer = writer_of(tmp_path, redis_client)
    good = [Event("booking.confirmed", {"nights": 1})] * 600
    with pytest.raises(EncodeError, match=r"^events\[600\]: an event needs a \"type\""):
        await writer.publish_many(STREAM, [*good, Event("")])
    with pytest.raises(PayloadError, match=r"^events\[600\]: .*nights must be") as refused:
        await writer.publish_many(STREAM, [*good, Event("booking.confirmed", {"nights": ""})], validate=True)
    assert len(refused.value.findings) == 1
    assert not await redis_client.exists(STREAM)


async def test_the_loop_goes_on_while_many_events_are_encoded(tmp_path: Path, redis_client: Redis) -> None:
    writer = writer_of(tmp_path, redis_client)
    order: list[str] = []

    def events() -> Any:
        for _ in range(1000):
            order.append("event")
            yield Event("ping")

    async def other() -> None:
        order.append("other")

    task = asyncio.create_task(other())
    await writer.publish_many(STREAM, events())
    await task
    assert order.index("other") == 501


async def test_delayed_events_wait_and_need_a_route(tmp_path: Path, redis_client: Redis) -> None:
    writer = writer_of(tmp_path, redis_client)
    name = await writer.publish(STREAM, Event("ping", delay="1h"))
    assert await redis_client.hkeys("{bot_events}:returning") == [name.encode()]
    assert not await redis_client.exists(STREAM)
    with pytest.raises(EncodeError, match="no route consumes audit, so that no worker would add the event"):
        await writer.publish("audit", Event("ping", delay=1))


async def test_another_configuration_is_used_from_now_on(tmp_path: Path, redis_client: Redis) -> None:
    writer = writer_of(tmp_path, redis_client)
    await writer.publish(STREAM, Event("ping", {"n": "1"}))
    writer.use(load_settings(routes(tmp_path, "redis://nowhere", "codec: fields")))
    await writer.publish(STREAM, Event("ping", {"n": "1"}))
    first, second = [fields for _, fields in await entries(redis_client)]
    assert (first[b"data"], second[b"n"]) == (b'{"n":"1"}', b"1")


# What is known after a failure.


@asynccontextmanager
async def failing_after_one_chunk(
    folder: Path, server: RealServer, fail: Callable[[], Any]
) -> AsyncIterator[EventWriter]:
    """Yield a writer whose server fails after the first chunk."""
    settings = load_settings(routes(folder, "redis://nowhere"))
    async with open_redis(f"{server.url}?socket_timeout=0.3", folder=folder) as redis:
        writer = EventWriter(redis, settings)
        target = writer.target(STREAM).writer
        write = target.publish_each

        async def publish_each(chunk: Any, *, remember: float) -> list[str]:
            ids = await write(chunk, remember=remember)
            fail()
            return ids

        target.publish_each = publish_each  # type: ignore[method-assign,assignment]  # it calls the method
        yield writer


def events(*, ids: bool = False) -> list[Event]:
    return [Event("ping", {"n": n}, id=str(n) if ids else None) for n in range(1200)]


async def test_without_an_answer_the_chunk_is_unknown(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    """The server hangs before the second chunk, which it may write later."""
    server = start_server()
    async with failing_after_one_chunk(tmp_path, server, server.pause) as writer:
        with pytest.raises(PublishError, match=r"of 1200 events, 500 are published, 500 may be$") as failed:
            await writer.publish_many(STREAM, events())
        assert (len(failed.value.ids), failed.value.unknown) == (500, 500)
        assert isinstance(failed.value.__cause__, RedisUnavailableError)
    server.resume()
    async with open_redis(server.url, folder=tmp_path) as redis:
        written = [entry_id for entry_id, _ in await entries(redis.client)]
    assert written[:500] == list(failed.value.ids)
    assert len(written) in (500, 1000), "a chunk is written whole or not at all"


async def test_events_with_ids_can_be_published_again_after_a_failure(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    server = start_server()
    async with failing_after_one_chunk(tmp_path, server, server.pause) as writer:
        with pytest.raises(PublishError):
            await writer.publish_many(STREAM, events(ids=True))
    server.resume()
    async with open_redis(server.url, folder=tmp_path) as redis:
        writer = EventWriter(redis, load_settings(tmp_path))
        ids = await writer.publish_many(STREAM, events(ids=True))
        rows = await entries(redis.client)
    assert [entry_id for entry_id, _ in rows] == ids
    assert [json.loads(fields[b"data"])["n"] for _, fields in rows] == list(range(1200))


async def test_what_the_server_refuses_is_not_unknown(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    server = start_server()

    def replace_stream() -> None:
        server.command("DEL", STREAM)
        server.command("SET", STREAM, "text")

    async with failing_after_one_chunk(tmp_path, server, replace_stream) as writer:
        with pytest.raises(PublishError, match=r"WRONGTYPE.*of 1200 events, 500 are published$") as failed:
            await writer.publish_many(STREAM, events())
        assert (len(failed.value.ids), failed.value.unknown) == (500, 0)
        assert isinstance(failed.value.__cause__, SetupError)
        with pytest.raises(SetupError, match="WRONGTYPE"):
            await writer.publish(STREAM, Event("ping"))


async def test_a_full_server_writes_a_chunk_whole_or_not_at_all(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    server = start_server(options=["--maxmemory-policy", "noeviction"])
    full = lambda: server.command("CONFIG", "SET", "maxmemory", "1")  # noqa: E731
    async with failing_after_one_chunk(tmp_path, server, full) as writer:
        with pytest.raises(PublishError, match="maxmemory") as failed:
            await writer.publish_many(STREAM, events(ids=True))
        server.command("CONFIG", "SET", "maxmemory", "0")
        written = [entry_id for entry_id, _ in await entries(writer._redis.client)]
        assert written == list(failed.value.ids)
        assert len(await writer.publish_many(STREAM, events(ids=True)[:500])) == 500
        assert await writer._redis.client.xlen(STREAM) == 500
