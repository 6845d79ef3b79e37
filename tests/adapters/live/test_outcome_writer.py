"""Outcomes are sampled only while somebody watches, and a server that refuses them changes nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.live.outcome_batch import FIELD, OutcomeBatch, OutcomeRecord, unpack_batch
from streamroute.adapters.live.outcome_watch import OutcomeWatch
from streamroute.adapters.live.outcome_writer import OutcomeWriter
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.raw_client import raw_clients
from streamroute.adapters.urls.url import Address
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEYS = GroupKeys.of("events", "tests")
RECORD = OutcomeRecord(id="1-0", kind="booked", route="mail", result="dead", time=5.0)


class Sampled:
    """A source with one outcome in each batch."""

    def __init__(self) -> None:
        self.watched: list[str] = []

    def groups(self) -> Mapping[GroupKeys, str]:
        return {KEYS: "me"}

    def watch(self, streams: Collection[str]) -> None:
        self.watched = list(streams)

    def take(self, stream: str) -> OutcomeBatch:
        return OutcomeBatch("me", [RECORD])


def not_called(function: object) -> None:
    raise AssertionError(function)


async def beat(writer: OutcomeWriter, client: Redis) -> None:
    await writer.beat(raw_clients(client), not_called, 0.0)


async def sent(client: Any) -> list[OutcomeBatch | None]:
    rows = await client.xrange(KEYS.outcomes)
    return [unpack_batch(fields[FIELD]) for _, fields in rows]


def watching(client: Redis) -> OutcomeWatch:
    return OutcomeWatch(RedisConnection(client, Address("redis://tests"), ""), {"events": KEYS})


async def test_nothing_is_sampled_or_written_without_a_watcher(redis_client: Redis) -> None:
    source = Sampled()
    await beat(OutcomeWriter(source, look=0), redis_client)
    assert source.watched == []
    assert await redis_client.keys() == []


async def test_a_watcher_receives_what_is_sampled(redis_client: Redis) -> None:
    source, watch = Sampled(), watching(redis_client)
    writer = OutcomeWriter(source, look=0)
    await watch.start()
    await beat(writer, redis_client)
    assert source.watched == ["events"]
    step = await watch.step()
    assert step.batches == [("events", OutcomeBatch("me")), ("events", OutcomeBatch("me", (RECORD,)))]
    await redis_client.delete(KEYS.watched)
    await beat(writer, redis_client)
    assert source.watched == []
    assert len(await sent(redis_client)) == 3  # the watcher's own, and the two


async def test_a_stream_that_has_expired_is_not_created_again(redis_client: Redis) -> None:
    await redis_client.set(KEYS.watched, "")
    await beat(OutcomeWriter(Sampled(), look=0), redis_client)
    assert not await redis_client.exists(KEYS.outcomes)


async def test_what_the_server_refuses_is_logged_once(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    source = Sampled()
    await redis_client.set(KEYS.watched, "")
    await redis_client.set(KEYS.outcomes, "text")
    writer = OutcomeWriter(source, look=0)
    for _ in range(3):
        await beat(writer, redis_client)
    assert source.watched == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(
        "`streamroute tail --outcome` does not see the outcomes of this worker on events: "
    )
