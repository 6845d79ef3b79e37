"""The audit: who acted, on what, and how it ended."""

from __future__ import annotations

import asyncio
import getpass

import pytest
from redis.asyncio import Redis

from streamroute.adapters.audit.log import AuditLog
from streamroute.adapters.stream.publishers import connection_of
from streamroute.keys import GroupKeys
from streamroute.ops.audit import Audit, actor, newest_actions

EVENTS, ORDERS = GroupKeys.of("events", "tests"), GroupKeys.of("orders", "tests")


def test_an_operator_is_named_by_flag_variable_or_login(monkeypatch: pytest.MonkeyPatch) -> None:
    assert actor("ann", {"STREAMROUTE_ACTOR": "bob"}) == "ann"
    assert actor(None, {"STREAMROUTE_ACTOR": "bob\n"}) == r"bob\n"
    monkeypatch.setattr(getpass, "getuser", lambda: "carol")
    assert actor(None, {}).startswith("carol@")


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert actor(None, {}).startswith("uid ")


async def written(client: Redis) -> list[tuple[str, str, int | None, str]]:
    """Return the records of the stream, oldest first."""
    found = await AuditLog(connection_of(client), EVENTS).newest(100)
    records = [stored.record for stored in reversed(found)]
    return [(record.action, record.target, record.count, record.result) for record in records]


async def test_a_long_action_is_recorded_when_it_starts_and_when_it_ends(redis_client: Redis) -> None:
    async with Audit(connection_of(redis_client), "ann").action([EVENTS], "drop", "--all") as running:
        assert await written(redis_client) == [("drop", "--all", None, "started")]
        running.count = 7
    assert (await written(redis_client))[1:] == [("drop", "--all", 7, "done")]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ValueError("see redis://:secret@h"), "stopped: see redis://:***@h"),
        (asyncio.CancelledError(), "stopped: interrupted"),
        (RuntimeError(), "stopped: RuntimeError"),
    ],
)
async def test_an_action_that_fails_is_recorded_with_its_error(
    redis_client: Redis, error: BaseException, result: str
) -> None:
    async def fail() -> None:
        async with Audit(connection_of(redis_client), "ann").action([EVENTS], "drop") as running:
            running.count = 1
            raise error

    with pytest.raises(type(error)):
        await fail()
    assert (await written(redis_client))[1:] == [("drop", "", 1, result)]


async def test_an_action_happens_even_if_its_record_is_refused(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await redis_client.set(EVENTS.audit, "mine")
    audit = Audit(connection_of(redis_client), "ann")
    await audit.write([EVENTS, ORDERS], "pause", "r1")
    await audit.write([EVENTS, ORDERS], "pause", "r2")
    assert await redis_client.xlen(ORDERS.audit) == 2
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "not in the audit log of events"
    ]


async def test_actions_on_several_streams_are_merged(redis_client: Redis) -> None:
    for at, keys in enumerate([EVENTS, ORDERS, EVENTS, ORDERS], 1):
        await redis_client.xadd(keys.audit, {"target": str(at)}, id=f"{at}000-0")
    found = await newest_actions(connection_of(redis_client), [EVENTS, ORDERS], 3)
    assert [(stored.stream, stored.record.target) for stored in found] == [
        ("orders", "4"),
        ("events", "3"),
        ("orders", "2"),
    ]
