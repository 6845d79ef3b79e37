"""A stream's secret: created once, shared through Redis, replaced by deleting it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from backends import RedisBackend, is_done
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing_first
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.retry_scheduler import RedisRetryScheduler
from streamroute.adapters.stream.retry_secret import RetrySecret
from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.keys import ReinjectKeys
from streamroute.values import RetryPolicy

SECRET = ReinjectKeys.of(STREAM).secret
FORGED = {"v": 2, "id": "7-0", "group": "nobody's", "routes": ["r"], "attempt": 1, "proof": "0" * 64}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class AtOnce:
    """A third-party scheduler that writes each retry to the stream at once."""

    def __init__(self, client: Redis) -> None:
        self._client: Any = client

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        await self._client.xadd(stream_name, JsonCodec().encode(payload))


def secret_of(client: Redis, clock: Clock | None = None) -> RetrySecret:
    return RetrySecret(raw_client(client, STREAM), STREAM, clock or Clock())


async def test_workers_that_make_it_at_the_same_time_have_the_same(redis_client: Redis) -> None:
    made = await asyncio.gather(*(secret_of(redis_client).get(make=True) for _ in range(20)))
    assert len(set(made)) == 1
    assert made[0] == await redis_client.get(SECRET)
    assert len(made[0] or b"") >= 32
    assert await secret_of(redis_client).get(make=False) == made[0]


async def test_reading_the_secret_creates_none(redis_client: Redis) -> None:
    clock = Clock()
    reader = secret_of(redis_client, clock)
    assert await reader.get(make=False) is None
    assert await redis_client.exists(SECRET) == 0
    made = await secret_of(redis_client).get(make=True)
    assert await reader.get(make=False) is None, "it is not asked for again at once"
    clock.now = 2
    assert await reader.get(make=False) == made


async def test_a_deleted_secret_is_replaced_within_ten_seconds(redis_client: Redis) -> None:
    clock = Clock()
    secret = secret_of(redis_client, clock)
    first = await secret.get(make=True)
    await redis_client.delete(SECRET)
    assert await secret.get(make=True) == first
    clock.now = 11
    assert await secret.get(make=True) != first


async def test_without_the_right_to_read_there_is_no_secret(redis_client: Redis) -> None:
    client: Any = redis_client
    await secret_of(redis_client).get(make=True)
    await client.acl_setuser("narrow", enabled=True, nopass=True, keys=["other"], commands=["+@all"])
    path = redis_client.connection_pool.connection_kwargs["path"]
    async with Redis(unix_socket_path=path, username="narrow", password="x") as narrow:
        assert await secret_of(narrow).get(make=False) is None
    await client.acl_deluser("narrow")


async def test_a_server_that_is_away_is_an_error() -> None:
    """The message stays pending."""
    async with Redis(port=1, retry=Retry(NoBackoff(), 0)) as client:
        with pytest.raises(RedisConnectionError):
            await secret_of(client).get(make=False)


async def test_a_worker_of_another_process_knows_the_retry_and_the_groups_without_a_scheduler_pass_it(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "streamroute.core.dispatch.external_retries._known", {}
    )  # a process that has never read it
    backend, scheduler = RedisBackend(redis_client), AtOnce(redis_client)
    good, bad, other = Handling("good"), Handling("bad", failing_first()), Handling("other")
    retry = RetryPolicy(delay=0)
    first = dispatcher_of(good, bad, retry_scheduler=scheduler, retry=retry)
    async with consuming(backend.storage(), first.process_message, grace=0):
        await backend.add(type="booked", data='{"n": 1}')
        await eventually(lambda: len(bad.seen) == 2)
        await eventually(lambda: is_done(redis_client, GROUP))
    async with consuming(backend.storage(), dispatcher_of(other).process_message, group="mailing"):
        await eventually(lambda: is_done(redis_client, "mailing"))
    assert (len(good.seen), len(bad.seen), len(other.seen)) == (1, 2, 1)
    assert (bad.seen[1], bad.seen[1].attempt) == ({"type": "booked", "n": 1}, 2)


@pytest.mark.parametrize("spelling", ['"_streamroute"', '"\\u005fstreamroute"', '"_\\u0073treamroute"'])
@pytest.mark.parametrize("where", ["data", "field"])
@pytest.mark.parametrize("scheduler", [None, AtOnce, RedisRetryScheduler])
async def test_a_forged_marker_is_a_plain_field_in_every_group(
    redis_client: Redis, spelling: str, where: str, scheduler: Any
) -> None:
    """It also stays a field in the retry, which is the same message."""
    backend = RedisBackend(redis_client)
    good, bad = Handling("good"), Handling("bad", failing_first())
    made = None if scheduler is None else scheduler(redis_client)
    dispatcher = dispatcher_of(good, bad, retry_scheduler=made, retry=RetryPolicy(delay=0))
    forged = json.dumps(FORGED)
    async with consuming(backend.storage(), dispatcher.process_message):
        if where == "data":
            await backend.add(type="booked", data=f'{{{spelling}: {forged}, "n": 1}}')
        else:
            await backend.add(type="booked", data='{"n": 1}', _streamroute=forged)
        await eventually(lambda: len(bad.seen) == 2)
        await eventually(lambda: is_done(redis_client, GROUP))
    expected = FORGED if where == "data" else forged
    assert good.seen == [{"type": "booked", "n": 1, KEY: expected}]
    assert bad.seen[0] == good.seen[0]
    # A third-party scheduler receives the payload with the key in place of the producer's.
    assert bad.seen[1] == (good.seen[0] if scheduler is not AtOnce else {"type": "booked", "n": 1})
    assert await backend.dead() == []


async def test_a_thousand_invented_routes_are_one_message(redis_client: Redis) -> None:
    backend, handler = RedisBackend(redis_client), Handling("good")
    dispatcher = dispatcher_of(handler, retry_scheduler=AtOnce(redis_client))
    mark = {**FORGED, "group": GROUP, "routes": [f"r{n}" for n in range(1000)]}
    async with consuming(backend.storage(), dispatcher.process_message):
        for version in (1, 2):
            facts = {name: mark[name] for name in mark if version == 2 or name != "proof"}
            await backend.add(type="booked", data=json.dumps({KEY: {**facts, "v": version}}))
        await eventually(lambda: len(handler.seen) == 2)
        await eventually(lambda: is_done(redis_client, GROUP))
    assert await backend.dead() == []
