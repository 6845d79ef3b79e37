"""ACL: the users of the example's ACL file can do their work; a missing right is named."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from consuming import (
    GROUP,
    STREAM,
    Handling,
    consuming,
    dispatcher_of,
    eventually,
    failing,
    failing_first,
    named,
)
from repository import EXAMPLES
from servers import RealServer
from streamroute.adapters.dead_letters.failure_index import FailureIndex, mark_group
from streamroute.adapters.dead_letters.imported_letters import ImportedLetters
from streamroute.adapters.dead_letters.letters import DeadLetters
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
from streamroute.adapters.groups.acl_check import require_permissions
from streamroute.adapters.groups.newest_entries import NewestEntries
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.connection import RedisConnection, open_redis
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.delayed_events import DelayedEvents
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.adapters.stream.publishers import connection_of
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.errors import RedisUnavailableError, Reject, SetupError
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, RetryPolicy

USERS = EXAMPLES / "acl" / "users.acl"
KEYS = GroupKeys.of(STREAM, GROUP)
EXAMPLE = GroupKeys.of("bot_events", "bot")
NOT_ASKED_FOR = ("+ping", "+client|setname", "+client|setinfo", "+eval", "+evalsha")
"""Rights needed for the check itself, which it therefore cannot check."""
CALL = re.compile(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?")


def rules(user: str) -> list[str]:
    """Return the rules of one user in the example, without its password and its state."""
    found = re.search(rf"^user {user} on >change-me (.*)$", USERS.read_text(), re.MULTILINE)
    assert found
    return found[1].replace(EXAMPLE.prefix, KEYS.prefix).split()


NEEDED = [rule for rule in rules("worker") if rule.startswith("+") and rule not in NOT_ASKED_FOR]


@pytest.fixture
def server(redis_server: RealServer) -> Iterator[RealServer]:
    redis_server.command("FLUSHALL")
    yield redis_server
    for user in ("worker", "publisher", "operator"):
        redis_server.command("ACL", "DELUSER", user)


@asynccontextmanager
async def connected(server: RealServer, user: str, *changes: str) -> AsyncIterator[RedisConnection]:
    """Connect as one of the example's users after changing its rules; ``-right`` removes one."""
    # Redis 6.2 cannot revoke a subcommand, so a removed right is not granted at all.
    taken = [change[1:] for change in changes if change.startswith("-")]
    given = [rule for rule in (*rules(user), *changes) if rule[1:] not in taken]
    reply = server.command("ACL", "SETUSER", user, "reset", "on", ">change-me", *given)
    assert reply == b"+OK\r\n"
    url = f"unix://{user}:change-me@{server.socket_path}"
    async with open_redis(url, folder=server.folder) as connection:
        yield connection


def denials(server: RealServer) -> bytes:
    """Return what the server has denied since the last call."""
    log = server.command("ACL", "LOG")
    server.command("ACL", "LOG", "RESET")
    return b"" if log == b"*0\r\n" else log


async def test_the_example_is_a_file_that_a_server_takes(start_server: Callable[..., RealServer]) -> None:
    server = start_server(options=["--aclfile", str(USERS)])
    async with open_redis(f"unix://worker:change-me@{server.socket_path}", folder=server.folder) as redis:
        await redis.ping()
        await require_permissions(redis, EXAMPLE)
    assert server.command("PING").startswith(b"-NOAUTH"), "other users may do nothing"


async def test_a_worker_with_these_rights_can_do_all_its_work(
    server: RealServer, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Retries, dead letters, claims, heartbeats, trimming, dedupe, cleanup: nothing is denied."""
    denials(server)
    caplog.set_level(logging.WARNING, "streamroute")
    async with connected(server, "worker") as redis:
        await require_permissions(redis, KEYS)
        for n in range(3):
            await redis.client.xadd(STREAM, {"type": "booked", "n": str(n)})
        await crash(redis)
        storage = RedisStreamStorage(redis.client, lease=0.1, block=0.05, trim=0.0, forget_consumers=0.0)
        once, never = Handling("once", failing_first()), Handling("never", failing())
        handle = dispatcher_of(once, never, retry=RetryPolicy(max_attempts=2, delay=0, jitter=0))
        async with consuming(storage, handle.process_message, lease=0.1):
            await eventually(lambda: _dead(redis_client, 3))
            await eventually(lambda: _nothing_pending(redis_client))
            await eventually(lambda: redis_client.hget(KEYS.meta, "low"))
        await storage.clean_up(STREAM, GROUP, "other")
        await deduplicate(redis, storage)
    assert denials(server) == b""
    assert "ermission" not in caplog.text


async def test_a_worker_with_these_rights_parks_the_messages_of_a_paused_route(
    server: RealServer, redis_client: Redis
) -> None:
    denials(server)
    store = PauseStore(connection_of(redis_client), KEYS)
    await store.pause("note", "", "ann")
    async with connected(server, "worker") as redis:
        note = Handling()
        handle = dispatcher_of(named(note, "note"))
        async with consuming(RedisStreamStorage(redis.client, block=0.05), handle.process_message):
            await redis.client.xadd(STREAM, {"type": "booked", "n": "1"})
            await eventually(lambda: redis_client.zcard(PauseKeys.of(KEYS).parked))
            await store.resume("note")
            await eventually(lambda: note.seen)
    assert denials(server) == b""


def test_the_acl_line_has_exactly_the_commands_of_a_worker() -> None:
    called = {"xgroup|create", "xreadgroup", "xinfo|stream", "hmget"}
    for name in (
        "settle/ack",
        "groups/remove_dead_consumers",
        "leases/claim",
        "settle/dedupe",
        "leases/heartbeat",
        "retries/promote_due",
        "leases/release",
        "retries/restore_due_times",
        "settle/settle",
        "groups/trim_stream",
        "groups/save_watermark",
    ):
        for command, subcommand in CALL.findall(script(name).text):
            called.add(f"{command}|{subcommand}".lower() if subcommand else command.lower())
    assert {right[1:] for right in NEEDED} == called


async def test_every_documented_acl_right_is_needed(server: RealServer) -> None:
    """With one right less a worker does not start; the error names exactly that right."""
    for right in NEEDED:
        async with connected(server, "worker", f"-{right[1:]}") as redis:
            with pytest.raises(SetupError) as caught:
                await require_permissions(redis, KEYS)
        assert str(caught.value) == (
            f"the user of Redis at unix://worker:***@{server.socket_path} lacks rights to consume "
            f"{STREAM}; add to its ACL: {right}"
        )
    assert server.command("DBSIZE") == b":0\r\n"


@pytest.mark.parametrize("right", NOT_ASKED_FOR[3:])
async def test_without_the_right_to_run_scripts_the_error_names_it(server: RealServer, right: str) -> None:
    server.command("SCRIPT", "FLUSH")
    async with connected(server, "worker", f"-{right[1:]}") as redis:
        with pytest.raises(SetupError, match=r"lacks rights to consume .*: \+eval \+evalsha$"):
            await require_permissions(redis, KEYS)


async def test_keys_out_of_reach_are_named_as_patterns(server: RealServer) -> None:
    async with connected(server, "worker", "resetkeys", f"~{STREAM}") as redis:
        with pytest.raises(SetupError, match=re.escape("add to its ACL: ~{bot_events}:notifications:*")):
            await require_permissions(redis, KEYS)
    async with connected(server, "worker", "resetkeys", "~{bot_events}:*") as redis:
        with pytest.raises(SetupError, match=re.escape("add to its ACL: ~bot_events")):
            await require_permissions(redis, KEYS)
    async with connected(server, "worker") as redis:
        with pytest.raises(SetupError, match=re.escape(r"add to its ACL: ~gone\*")):
            await require_permissions(redis, GroupKeys.of(STREAM, GROUP, "gone*"))


async def test_asking_changes_nothing(server: RealServer, redis_client: Redis) -> None:
    async with open_redis(server.url, folder=server.folder) as redis:
        await require_permissions(redis, KEYS)
        assert await redis_client.dbsize() == 0
        await RedisStreamStorage(redis.client).create_group(STREAM, GROUP)
        entry_id = await redis_client.xadd(STREAM, {"type": "booked"})
        await require_permissions(redis, KEYS)
        assert [entry[0] for entry in await redis_client.xrange(STREAM) or ()] == [entry_id]
        assert await redis_client.xinfo_consumers(STREAM, GROUP) == []


async def test_a_command_that_is_disabled_is_named(start_server: Callable[..., RealServer]) -> None:
    server = start_server(options=["--rename-command", "XTRIM", "", "--rename-command", "HSETNX", ""])
    async with open_redis(server.url, folder=server.folder) as redis:
        with pytest.raises(
            SetupError, match=r"is not fit .* does not know XTRIM MINID LIMIT, HSETNX; streamroute"
        ):
            await require_permissions(redis, KEYS)


async def test_a_server_that_is_too_old_is_refused_with_its_version(tmp_path: Path) -> None:
    answers = {
        b"HELLO": b"%0\r\n",
        b"CLIENT": b"+OK\r\n",
        b"EVALSHA": b"*2\r\n*0\r\n*1\r\n$11\r\nXTRIM MINID\r\n",
        b"INFO": b"$42\r\n# Server\r\nredis_version:6.0.16\r\nos:Linux\r\n\r\n",
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:size])
            writer.write(answers.get(words[0], b"-ERR unknown command\r\n"))
        writer.close()

    async with (
        await asyncio.start_unix_server(answer, tmp_path / "s"),
        open_redis(f"unix://{tmp_path}/s", folder=tmp_path) as redis,
    ):
        with pytest.raises(SetupError) as caught:
            await require_permissions(redis, KEYS)
    assert str(caught.value) == (
        f"Redis 6.0.16 at {redis.address} is not fit to consume {STREAM}: it does not know XTRIM MINID; "
        "streamroute needs Redis 6.2 or newer, or Valkey, with no command disabled"
    )


async def test_a_server_that_is_away_lacks_no_rights(tmp_path: Path) -> None:
    async with open_redis(f"unix://{tmp_path}/none", folder=tmp_path) as redis:
        with pytest.raises(RedisUnavailableError):
            await require_permissions(redis, KEYS)


async def test_a_worker_without_access_to_delayed_events_works_and_says_so_once(
    server: RealServer, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "streamroute")
    await redis_client.xadd(STREAM, {"type": "booked", "n": "1"})
    async with connected(server, "worker", "-{bot_events}:returning*") as redis:
        await require_permissions(redis, KEYS)
        storage = RedisStreamStorage(redis.client)
        await storage.create_group(STREAM, GROUP)
        events = DelayedEvents(STREAM)
        for _ in range(2):
            assert await events.add_due(raw_client(redis.client, STREAM)) is None
            events._next_look = 0
        assert await storage.promote_due(STREAM, GROUP) is None
    message = (
        "events that are published to bot_events with a delay are not added by this worker; for that, add to "
        "its ACL: ~{bot_events}:returning*"
    )
    assert [record.getMessage() for record in caplog.records] == [message] * 2  # of two workers


async def test_a_publisher_with_these_rights_can_publish_with_ids_and_delays(server: RealServer) -> None:
    denials(server)
    entries = [OutgoingEntry([b"type", b"t"], "order-7", delay) for delay in (None, 0.0, None)]
    async with connected(server, "publisher") as redis:
        target = StreamPublisher(redis, STREAM)
        first, *others = await target.publish_each(
            [*entries, OutgoingEntry([b"type", b"t"], "8", 1)], remember=1
        )
    assert others[:2] == [first, first]
    assert denials(server) == b""
    async with connected(server, "publisher", "-{bot_events}:published:*") as redis:
        with pytest.raises(SetupError, match=r"publishing to bot_events failed.*change the user's ACL"):
            await StreamPublisher(redis, STREAM).publish_each(entries, remember=1)


async def test_a_publisher_can_publish_and_read_nothing(server: RealServer, redis_client: Redis) -> None:
    async with connected(server, "publisher") as redis:
        target = StreamPublisher(redis, STREAM)
        await target.publish([target.encode({"type": "booked", "n": 1})])
        with pytest.raises(SetupError, match=r"reading bot_events failed.*'xrevrange' command"):
            await target.last_id()
    assert await redis_client.xlen(STREAM) == 1
    async with connected(server, "publisher", "-xadd") as redis:
        target = StreamPublisher(redis, STREAM)
        with pytest.raises(SetupError, match=r"publishing to bot_events failed.*'xadd' command"):
            await target.publish([target.encode({"type": "booked", "n": 1})])


async def test_an_operator_can_look_at_dead_letters_and_bring_them_back(
    server: RealServer, redis_client: Redis
) -> None:
    async with connected(server, "operator") as redis:
        for n in range(2):
            await redis_client.xadd(KEYS.dead, _letter(n).write())  # type: ignore[arg-type]  # dict is invariant
        dead = DeadLetters(redis, KEYS.dead)
        assert await dead.count() == 2
        letters = [letter async for page in dead.pages(since=0, until=await dead.now()) for letter in page]
        assert letters[0].record is not None
        assert await dead.requeue([(letters[0], letters[0].record)]) == 1
        assert await dead.drop([(letter, letter.record) for letter in letters[1:]]) == 1
    assert await redis_client.xlen(KEYS.retry) == 1


async def test_an_operator_can_group_resolve_and_import_dead_letters(
    server: RealServer, redis_client: Redis
) -> None:
    async with connected(server, "operator") as redis:
        record, letters = _letter(1).signed(), ImportedLetters(redis, KEYS.dead, KEYS)
        assert await letters.write("7-0", record.write(), record)
        assert not await letters.write("7-0", record.write(), record)
        index, dead = FailureIndex(redis, KEYS.dead, [KEYS]), DeadLetters(redis, KEYS.dead)
        assert (await index.read()).is_true
        assert await mark_group(redis, KEYS, record.signature, resolved=True, who="kim", reason="")
        assert await index.replace(1, await dead.last_id(), {KEYS.failures: {}})


async def test_an_index_that_is_denied_costs_no_dead_letter(
    server: RealServer, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as for a worker whose rules name each key of an earlier release."""
    known = [KEYS.retry, KEYS.due, KEYS.delayed, KEYS.dead, KEYS.meta, KEYS.workers, KEYS.routes]
    changes = [f"-{KEYS.prefix}:*", *(f"~{key}" for key in (*known, KEYS.generations))]
    async with connected(server, "worker", *changes) as redis:
        bad = Handling("bad", failing(Reject("no")))
        storage = RedisStreamStorage(redis.client, block=0.05)
        async with consuming(storage, dispatcher_of(bad).process_message):
            await redis_client.xadd(STREAM, {"type": "booked", "n": "1"})
            await eventually(lambda: redis_client.xlen(KEYS.dead))
            await eventually(lambda: _is_settled(redis_client))
    assert f"the dead letters of {STREAM} are not counted in {KEYS.failures}" in caplog.text
    async with connected(server, "operator", "-hget", "-hset") as redis:
        dead = DeadLetters(redis, KEYS.dead)
        [[letter]] = [page async for page in dead.pages_after("0-0")]
        assert await dead.drop([(letter, letter.record)]) == 1


async def _is_settled(client: Redis) -> bool:
    return not (await client.xpending(STREAM, GROUP))["pending"]


async def crash(redis: RedisConnection) -> None:
    """Let a worker read everything and vanish; one of its entries was deleted."""
    storage = RedisStreamStorage(redis.client, lease=0.1, block=0.05)
    await storage.create_group(STREAM, GROUP)
    read = await storage.read_events(STREAM, GROUP, "crashed", 2)
    assert len(read) == 2


async def deduplicate(redis: RedisConnection, storage: RedisStreamStorage) -> None:
    """A message takes a key and succeeds; the next one with the key is skipped."""
    await redis.client.xadd(STREAM, {"type": "booked", "n": "9"})
    await redis.client.xadd(STREAM, {"type": "booked", "n": "9"})
    read = await storage.read_events(STREAM, GROUP, "dedupe", 2)
    turns = []
    for name, message in read:
        assert isinstance(message, Message)
        turns.append((await _begin(redis, message))[0])
        for claim in (message.delivery.dedupe_locks or {}).values():
            claim.succeeded = True
        await storage.settle(STREAM, GROUP, "dedupe", {name: message})
    assert turns == [DedupeDecision.RUN, DedupeDecision.SKIP]


async def _begin(redis: RedisConnection, message: Message) -> tuple[DedupeDecision, float]:
    from streamroute.adapters.stream.dedupe import RedisDeduplicator

    return await RedisDeduplicator(redis.client, KEYS, GROUP, "dedupe").begin(
        message, "route", "digest", 60.0
    )


async def _dead(client: Any, count: int) -> bool:
    return bool(await client.xlen(KEYS.dead) == count)


async def _nothing_pending(client: Any) -> bool:
    return all([(await client.xpending(key, GROUP))["pending"] == 0 for key in (KEYS.stream, KEYS.retry)])


def _letter(n: int) -> DeadRecord:
    return DeadRecord(
        id=f"{n + 1}-0",
        stream=STREAM,
        group=GROUP,
        route="welcome",
        reason="attempts",
        error="no luck",
        traceback="",
        attempt=1,
        deliveries=1,
        fields={b"type": b"booked"},
    )


async def test_a_reader_can_read_the_newest_entries_and_change_nothing(
    server: RealServer, redis_client: Redis
) -> None:
    await redis_client.xadd(STREAM, {"type": "booked"}, id="1-0")
    async with connected(server, "reader") as redis:
        entries = NewestEntries(redis, STREAM, 10)
        assert await entries.count() == 1
        assert [row[0] for page in [page async for page in entries.pages()] for row in page] == [b"1-0"]
        with pytest.raises(SetupError, match=r"publishing to bot_events failed.*'xadd' command"):
            await StreamPublisher(redis, STREAM).publish([[b"type", b"t"]])
