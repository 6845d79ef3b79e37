"""Retries that wait in Redis and return through the stream, for storages that only read and ack."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backends import KEYS, RedisBackend, is_done
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing_first
from jumping import run_jumping
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.stream.retry_scheduler import RedisRetryScheduler
from streamroute.core.dispatcher import RetrySchedulerProtocol
from streamroute.errors import EncodeError
from streamroute.keys import ReinjectKeys
from streamroute.message import Message
from streamroute.values import RetryPolicy

RETURNING = ReinjectKeys.of(STREAM)
MARK = {"v": 1, "id": "7-0", "group": GROUP, "routes": ["thank"], "attempt": 2}


class SimpleStorage:
    """A typical user's implementation of the protocol's three methods: flat strings only."""

    def __init__(self, client: Redis, codec: JsonCodec | None = None) -> None:
        self.client: Any = client
        self.codec = codec

    async def create_group(self, stream_name: str, group_name: str) -> None:
        try:
            await self.client.xgroup_create(stream_name, group_name, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        reply = await self.client.xreadgroup(group_name, consumer_name, {stream_name: ">"}, count=count)
        return [(entry_id.decode(), self._read(fields)) for _, rows in reply for entry_id, fields in rows]

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        await self.client.xack(stream_name, group_name, message_id)

    def _read(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        if self.codec is not None:
            return self.codec.decode(fields)
        return {name.decode(): value.decode() for name, value in fields.items()}


@asynccontextmanager
async def bringing_back(client: Redis, **settings: Any) -> AsyncIterator[RedisRetryScheduler]:
    async with RedisRetryScheduler(client, **settings) as scheduler:
        yield scheduler


async def entries(client: Any) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await client.xrange(STREAM)]


async def waiting(client: Any) -> int:
    """Return the number of retries with a due time; one step, because they are reinjected meanwhile."""
    count, entries = await client.pipeline().zcard(RETURNING.due).hlen(RETURNING.delayed).execute()
    assert count == entries
    return int(entries)


def test_the_scheduler_satisfies_the_protocol() -> None:
    assert isinstance(RedisRetryScheduler(Redis()), RetrySchedulerProtocol)


async def test_strings_are_written_as_fields_beside_the_retry_envelope(redis_client: Redis) -> None:
    async with bringing_back(redis_client) as scheduler:
        payload = {"type": "booked", "n": "1", "_streamroute": MARK}
        await scheduler.schedule_retry(STREAM, payload, delay=0)
        [fields] = await eventually(lambda: entries(redis_client))
        await eventually(lambda: _is(0, waiting, redis_client))
    assert {name: fields[name] for name in (b"type", b"n")} == {b"type": b"booked", b"n": b"1"}
    assert b'"routes": ["thank"]' in fields[b"_streamroute"]


async def test_nested_values_are_returned_as_json(redis_client: Redis) -> None:
    payload = {"type": "booked", "guest": {"tier": "gold"}, "_streamroute": MARK}
    async with bringing_back(redis_client) as scheduler:
        await scheduler.schedule_retry(STREAM, payload, delay=0)
        [fields] = await eventually(lambda: entries(redis_client))
    assert JsonCodec().decode(fields) == payload


@pytest.mark.parametrize("codec", ["json", "fields", "typed-fields", JsonCodec()])
async def test_the_codec_is_that_of_the_storage(redis_client: Redis, codec: Any) -> None:
    async with bringing_back(redis_client, codec=codec) as scheduler:
        await scheduler.schedule_retry(STREAM, {"type": "booked", "_streamroute": MARK}, delay=0)
        [fields] = await eventually(lambda: entries(redis_client))
    assert fields[b"type"] == b"booked"
    assert b'"attempt"' in fields.get(b"_streamroute", fields.get(b"data", b""))


async def test_a_scheduled_retry_waits_for_its_time(redis_client: Redis) -> None:
    async with bringing_back(redis_client) as scheduler:
        await scheduler.schedule_retry(STREAM, {"type": "booked"}, delay=600)
        left = await scheduler.reinject_due(STREAM)
    assert left is not None
    assert 590 < left <= 600
    assert await entries(redis_client) == []


async def test_scheduling_a_retry_twice_delivers_it_once(redis_client: Redis) -> None:
    async with bringing_back(redis_client) as scheduler:
        for routes in (["thank"], ["thank"], ["bill"]):
            mark = {**MARK, "routes": routes}
            await scheduler.schedule_retry(STREAM, {"type": "booked", "_streamroute": mark}, delay=60)
    assert await waiting(redis_client) == 2


async def test_a_message_knows_which_retry_it_is_and_keeps_its_raw_fields(redis_client: Redis) -> None:
    message = Message({"type": "booked"}, id="7-0", group=GROUP, fields={b"type": b"booked", b"x": b"\xff"})
    async with bringing_back(redis_client) as scheduler:
        await scheduler.schedule_retry(STREAM, message, delay=60)
        await scheduler.schedule_retry(STREAM, message, delay=0)
        assert await waiting(redis_client) == 1
        message.attempt = 2
        await scheduler.schedule_retry(STREAM, message, delay=0)
        assert await eventually(lambda: entries(redis_client)) == [message.fields]


async def test_payloads_without_an_id_are_never_taken_for_the_same(redis_client: Redis) -> None:
    """Two bookings may be equal, and neither may be lost."""
    mark = {**MARK, "id": ""}
    async with bringing_back(redis_client) as scheduler:
        for _ in range(2):
            await scheduler.schedule_retry(STREAM, {"type": "booked", "_streamroute": mark}, delay=60)
    assert await waiting(redis_client) == 2


async def test_retries_survive_a_restart(redis_client: Redis) -> None:
    async with bringing_back(redis_client) as before:
        await before.schedule_retry(STREAM, {"type": "booked"}, delay=1)
    assert await waiting(redis_client) == 1
    async with bringing_back(redis_client, streams=[STREAM]):
        assert await eventually(lambda: entries(redis_client)) == [{b"type": b"booked"}]


async def test_more_than_one_step_can_take_is_brought_back_in_several(redis_client: Redis) -> None:
    async with bringing_back(redis_client) as scheduler:
        for _ in range(250):
            await scheduler.schedule_retry(STREAM, {"type": "booked"}, delay=0)
        await eventually(lambda: _counts(250, redis_client))
    assert await waiting(redis_client) == 0


async def test_a_message_that_cannot_be_scheduled_is_an_error(redis_client: Redis) -> None:
    """The dispatcher must not let the entry be acknowledged."""
    scheduler = RedisRetryScheduler(redis_client)
    with pytest.raises(EncodeError):
        await scheduler.schedule_retry(STREAM, {"n": "1"})
    with pytest.raises(EncodeError, match="4001 fields"):
        await scheduler.schedule_retry(STREAM, {"type": "wide", **{f"f{n}": "" for n in range(4000)}})
    await redis_client.set(RETURNING.delayed, "not a hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await scheduler.schedule_retry(STREAM, {"type": "booked"})


async def test_a_server_that_refuses_is_tried_again(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with bringing_back(redis_client) as scheduler:
        await scheduler.schedule_retry(STREAM, {"type": "booked"}, delay=1)
        await redis_client.set(STREAM, "not a stream")
        with caplog.at_level(logging.WARNING):
            await eventually(lambda: caplog.records)
            await redis_client.delete(STREAM)
            assert await eventually(lambda: entries(redis_client)) == [{b"type": b"booked"}]
            await eventually(lambda: len(caplog.records) == 2)
    assert "failed; retrying" in caplog.messages[0]
    assert "recovered" in caplog.messages[1]


async def test_a_foreign_storages_failed_route_alone_runs_again_in_its_group_alone(
    redis_client: Redis,
) -> None:
    good, bad, other = Handling("good"), Handling("bad", failing_first()), Handling("other")
    client: Any = redis_client
    async with bringing_back(redis_client) as scheduler:
        at_once = RetryPolicy(delay=0)
        ours = dispatcher_of(good, bad, retry_scheduler=scheduler, retry=at_once, group_name=GROUP)
        theirs = dispatcher_of(other, group_name="mailing")
        async with (
            consuming(SimpleStorage(redis_client), ours.process_message),
            consuming(SimpleStorage(redis_client), theirs.process_message, group="mailing"),
        ):
            await client.xadd(STREAM, {"type": "booked", "n": "1"})
            await eventually(lambda: len(bad.seen) == 2)
            await eventually(lambda: is_done(client, GROUP))
            await eventually(lambda: is_done(client, "mailing"))
    assert (len(good.seen), len(bad.seen), len(other.seen)) == (1, 2, 1)
    assert bad.seen[1] == {"type": "booked", "n": "1"}
    assert bad.seen[1].attempt == 2


async def test_the_redis_storage_settles_the_retry_together_with_the_ack(redis_client: Redis) -> None:
    backend = RedisBackend(redis_client)
    handler = Handling("bad", failing_first())
    async with bringing_back(redis_client) as scheduler:
        dispatcher = dispatcher_of(handler, retry_scheduler=scheduler)
        async with consuming(backend.storage(), dispatcher.process_message):
            entry_id = await backend.add(type="booked")
            await eventually(backend.scheduled)
            await eventually(lambda: is_done(backend.client, GROUP))
    assert await backend.scheduled() == [f"{entry_id}|consuming.bad|2"]
    assert await backend.client.exists(RETURNING.due, RETURNING.delayed) == 0
    assert await backend.client.zcard(KEYS.due) == 1


async def _is(expected: Any, ask: Any, client: Redis) -> bool:
    return bool(await ask(client) == expected)


async def _counts(expected: int, client: Any) -> bool:
    return bool(await client.xlen(STREAM) == expected)


class Scripted(RedisRetryScheduler):
    """A scheduler with scripted results and a record of its checks."""

    def __init__(self, looks: dict[str, list[float | Exception | None]]) -> None:
        super().__init__(Redis(), streams=looks)
        self.looks = looks
        self.seen: list[tuple[float, str]] = []

    async def reinject_due(self, stream_name: str) -> float | None:
        """Record the check; return or raise the next scripted result, or None."""
        self.seen.append((asyncio.get_running_loop().time(), stream_name))
        answer = self.looks[stream_name].pop(0) if self.looks[stream_name] else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def looks_of(until: float, **looks: list[float | Exception | None]) -> list[tuple[float, str]]:
    """Return the time and stream of each check."""

    async def main() -> list[tuple[float, str]]:
        async with Scripted(looks) as scheduler:
            await asyncio.sleep(until)
        seen = list(scheduler.seen)
        await asyncio.sleep(100)
        assert scheduler.seen == seen
        return seen

    return run_jumping(main())


def test_streams_are_looked_at_every_second_and_sooner_where_something_is_due() -> None:
    assert looks_of(2.5, a=[]) == [(0, "a"), (1, "a"), (2, "a")]
    assert looks_of(1.5, a=[600]) == [(0, "a"), (1, "a")]
    assert looks_of(0.5, a=[0.25, None], b=[0.75]) == [(0, "a"), (0, "b"), (0.25, "a"), (0.25, "b")]
    assert looks_of(0.5, a=[0.75], b=[0.25, None]) == [(0, "a"), (0, "b"), (0.25, "a"), (0.25, "b")]
    assert looks_of(0.5, a=[0.0, 0.0]) == [(0, "a")] * 3


def test_a_failure_is_logged_once_and_does_not_end_the_scheduler(caplog: pytest.LogCaptureFixture) -> None:
    down = ResponseError("LOADING")
    seen = looks_of(6.5, a=[down, down, None, None, down])
    assert [at for at, _ in seen] == list(range(7))
    text = [re.split(": | after ", message)[0] for message in caplog.messages]
    failed, works = (
        "bringing retries back failed; retrying",
        "bringing retries back recovered",
    )
    assert text == [failed, works, failed, works]


def test_starting_twice_is_starting_once_and_it_may_be_started_again() -> None:
    async def main() -> None:
        loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
        scheduler = Scripted({"a": []})
        await scheduler.stop()
        for _ in range(2):
            for _ in range(2):
                await scheduler.start()
            await asyncio.sleep(0.5)
            await scheduler.stop()
            assert asyncio.all_tasks() == before
        await asyncio.sleep(10)
        assert [at for at, _ in scheduler.seen] == [0, 0.5]
        assert loop.time() == 11

    run_jumping(main())


async def test_a_retry_that_is_due_before_the_next_look_wakes_the_scheduler(redis_client: Redis) -> None:
    """One that is due in a second or later is found by a regular check."""
    async with bringing_back(redis_client) as scheduler:
        for delay, wakes in ((0.5, True), (1, False), (60, False)):
            scheduler._wake.clear()
            await scheduler.schedule_retry(STREAM, {"type": "booked"}, delay=delay)  # type: ignore[arg-type]  # half a second
            assert scheduler._wake.is_set() == wakes


def test_a_poll_that_swallows_its_cancellation_is_the_last() -> None:
    """As redis-py does on Python 3.11 if a cancellation coincides with a reply."""

    class Swallowing(Scripted):
        async def reinject_due(self, stream_name: str) -> float | None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(5)
            return await super().reinject_due(stream_name)

    async def main() -> None:
        scheduler = Swallowing({"a": []})
        await scheduler.start()
        await asyncio.sleep(1)
        async with asyncio.timeout(30):
            await scheduler.stop()
        assert asyncio.get_running_loop().time() == 1
        assert [at for at, _ in scheduler.seen] == [1]

    run_jumping(main())
