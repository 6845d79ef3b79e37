"""The audit stream of a group, on servers."""

from __future__ import annotations

import re

import pytest
from redis.asyncio import Redis

from streamroute.adapters.audit.log import AuditLog
from streamroute.adapters.audit.record import AuditRecord
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys

KEYS = GroupKeys.of("events", "tests")


def record(target: str) -> AuditRecord:
    return AuditRecord(action="drop", who="ann", target=target)


@pytest.mark.parametrize("pages", [1, 2])
async def test_the_newest_actions_come_first(redis_client: Redis, pages: int) -> None:
    log = AuditLog(connection_of(redis_client), KEYS)
    for at in range(3 + 500 * (pages - 1)):
        await redis_client.xadd(KEYS.audit, {"target": str(at), "who": "ann"})
    await log.append(record("last"))
    found = await log.newest(502)
    assert found[0].record == record("last")
    assert found[0].at > 1_600_000_000_000
    assert len(found) == min(502, await redis_client.xlen(KEYS.audit))
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)


async def test_the_stream_is_bounded(redis_client: Redis) -> None:
    log = AuditLog(connection_of(redis_client), KEYS)
    async with redis_client.pipeline(transaction=False) as many:
        for at in range(10_300):
            many.xadd(KEYS.audit, {"target": str(at)})
        await many.execute()
    await log.append(record("last"))
    assert await redis_client.xlen(KEYS.audit) < 10_200


async def test_a_key_of_another_type_is_an_error_that_names_it(redis_client: Redis) -> None:
    await redis_client.set(KEYS.audit, "mine")
    with pytest.raises(SetupError, match=re.escape(KEYS.audit)):
        await AuditLog(connection_of(redis_client), KEYS).append(record("x"))
