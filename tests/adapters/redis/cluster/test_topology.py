"""Cluster: each stream is consumed at its slot's node, while slots move and masters die."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import RedisCluster
from redis.exceptions import TryAgainError

from certificates import self_signed, tls_options
from clusters import RealCluster, RealNode, node_port
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing
from repository import EXAMPLES
from servers import RealServer, free_port, old_redis_binary, valkey_binary
from streamroute.adapters.dead_letters.letters import DeadLetters
from streamroute.adapters.groups.acl_check import require_permissions
from streamroute.adapters.groups.backlog import Backlog
from streamroute.adapters.redis.cluster.pool import ClusterPool
from streamroute.adapters.redis.cluster.topology import resolved_host
from streamroute.adapters.redis.connection import RedisConnection, new_client, open_redis
from streamroute.adapters.redis.raw_client import (
    clone_for_loop,
    raw_client,
    send_command,
    send_each,
)
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.adapters.stream.retry_scheduler import RedisRetryScheduler
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys, slot
from streamroute.message import Message
from streamroute.values import RetryPolicy

KEYS = GroupKeys.of(STREAM, GROUP)
SLOT = slot(STREAM)
EXAMPLE = GroupKeys.of("bot_events", "bot")
USERS = EXAMPLES / "acl" / "users.acl"
NOWHERE = Path("/nowhere")


@pytest.fixture(scope="module")
def whole_cluster(server_binary: Path) -> Iterator[RealCluster]:
    """A cluster that lives as long as the module."""
    with RealCluster(server_binary) as cluster:
        yield cluster


@pytest.fixture
def cluster(whole_cluster: RealCluster) -> RealCluster:
    """The same cluster, empty."""
    for node in whole_cluster.nodes:
        if node.is_master:
            node.ask("FLUSHALL")
    return whole_cluster


@pytest.fixture
def lone_cluster(server_binary: Path) -> Iterator[RealCluster]:
    """A cluster that only this test uses."""
    with RealCluster(server_binary, append_only=True, patience=3000) as cluster:
        yield cluster


@asynccontextmanager
async def connected(cluster: RealCluster) -> AsyncIterator[RedisConnection]:
    async with open_redis(cluster.url, folder=NOWHERE) as redis:
        await redis.ping()
        yield redis


def another_master(cluster: RealCluster) -> RealNode:
    """Return a master without the stream's slot."""
    source = cluster.master_of(SLOT)
    return next(node for node in cluster.nodes if node is not source and node.is_master)


def entry(n: object) -> list[bytes]:
    """Return an event's fields."""
    return [b"type", b"booked", b"n", str(n).encode()]


async def published(redis: RedisConnection, n: str) -> bool:
    """Whether an event can be published now."""
    try:
        await StreamPublisher(redis, STREAM).publish([entry(n)])
    except RedisUnavailableError:
        return False
    return True


async def test_a_stream_is_consumed_at_the_node_that_has_its_slot(cluster: RealCluster) -> None:
    """New entries, retries, dead letters, dedupe keys and the watermark are all there."""
    handling, never = Handling(), Handling("never", failing())
    policy = RetryPolicy(max_attempts=2, delay=0, jitter=0)
    handle = dispatcher_of(handling, never, retry=policy).process_message
    async with connected(cluster) as redis:
        storage = RedisStreamStorage(redis.client, lease=3, block=0.05, trim=0.0)
        await StreamPublisher(redis, STREAM).publish([entry(n) for n in range(3)])
        async with consuming(storage, handle, lease=3):
            await eventually(lambda: sorted(handling.numbers()) == ["0", "1", "2"])
            letters = DeadLetters(redis, KEYS.dead)
            await eventually(lambda: _counts(letters, 3))
            client = raw_client(redis.client, STREAM)
            await eventually(lambda: send_command(client, "HGET", KEYS.meta, "low"))
        assert not await Backlog(redis, STREAM, GROUP).remains("9" * 13)
        pages = [page async for page in letters.pages(since=0, until=await letters.now())]
        assert await letters.drop([(letter, letter.record) for page in pages for letter in page]) == 3
    assert int(cluster.master_of(SLOT).ask("EXISTS", STREAM, KEYS.retry, KEYS.dead, KEYS.meta)) == 4


async def test_consuming_continues_while_a_slot_migrates(
    cluster: RealCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Key by key, with messages at every step: each is handled once, including those that fail."""
    caplog.set_level(logging.WARNING, "streamroute")
    handling, flaky = Handling(), Handling("flaky", _fails_once())
    policy = RetryPolicy(max_attempts=2, delay=0, jitter=0)
    handle = dispatcher_of(handling, flaky, retry=policy).process_message
    async with connected(cluster) as redis:
        storage = RedisStreamStorage(redis.client, lease=5, block=0.05)
        sent: list[str] = []
        async with consuming(storage, handle, lease=5):
            for _ in range(2):
                await _send(redis, sent)
                await eventually(lambda: sorted(handling.numbers()) == sorted(sent))
                for _ in cluster.moving(SLOT, another_master(cluster)):
                    await _send(redis, sent)
            await _send(redis, sent)
            await eventually(lambda: len(flaky.seen) == 2 * len(sent))
            await eventually(lambda: _nothing_pending(redis))
        assert sorted(handling.numbers()) == sorted(sent)
    assert "lost" not in caplog.text


async def test_commands_redirected_by_ask_go_to_the_importing_node(cluster: RealCluster) -> None:
    """ASK: for a command, a transaction, a pipeline, a read, and a script unknown at the target."""
    async with connected(cluster) as redis:
        client = raw_client(redis.client, STREAM)
        storage = RedisStreamStorage(redis.client, block=0.05)
        await storage.create_group(STREAM, GROUP)
        target = another_master(cluster)
        target.ask("SCRIPT", "FLUSH")
        moving = cluster.moving(SLOT, target)
        assert {next(moving), next(moving)} == {STREAM, KEYS.retry}
        assert await published(redis, "1")
        assert await send_command(client, "XLEN", STREAM) == 1
        assert await send_each(client, [("XLEN", STREAM), ("XLEN", KEYS.retry)]) == [1, 0]
        [(entry_id, message)] = await storage.read_events(STREAM, GROUP, "me", 10)
        assert message["n"] == "1"
        await storage.release(STREAM, GROUP, "me", {entry_id: cast("Message", message)}, started=True)
        list(moving)
        pending = await send_command(client, "XPENDING", STREAM, GROUP, "-", "+", 10)
        assert [owner for _, owner, *_ in pending] == [b"streamroute:released"]


async def test_keys_that_are_torn_apart_are_waited_for(cluster: RealCluster) -> None:
    """TRYAGAIN: nothing is read while a stream and its retries are on two nodes."""
    async with connected(cluster) as redis:
        storage = RedisStreamStorage(redis.client, block=0.05)
        await storage.create_group(STREAM, GROUP)
        moving = cluster.moving(SLOT, another_master(cluster))
        gone = next(moving)
        reading = asyncio.create_task(storage.read_events(STREAM, GROUP, "me", 10))
        with pytest.raises(TryAgainError):
            await reading
        assert gone in {STREAM, KEYS.retry}
        reading = asyncio.create_task(storage.read_events(STREAM, GROUP, "me", 10))
        list(moving)
        assert await reading == []


async def test_consuming_continues_after_a_master_was_killed(
    lone_cluster: RealCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Its replica takes over the slot; reads, acks and the heartbeat's connection find it."""
    caplog.set_level(logging.WARNING, "streamroute")
    handling = Handling()
    async with connected(lone_cluster) as redis:
        storage = RedisStreamStorage(redis.client, lease=3, block=0.05)
        async with consuming(storage, dispatcher_of(handling).process_message, lease=3):
            assert await published(redis, "before")
            await eventually(lambda: handling.numbers() == ["before"])
            master = lone_cluster.master_of(SLOT)
            replica = lone_cluster.replica_of(master)
            await send_command(raw_client(redis.client, STREAM), "WAIT", 1, 5000)
            master.kill()
            await eventually(lambda: published(redis, "after"), "the new master")
            await eventually(lambda: "after" in handling.numbers())
            await eventually(lambda: f"confirming leases of {STREAM} recovered" in caplog.text)
            await eventually(lambda: _nothing_pending(redis))
            assert lone_cluster.master_of(SLOT) is replica
            master.start()
            await eventually(lambda: not master.is_master, "the old master to follow")
            assert await published(redis, "later")
            await eventually(lambda: "later" in handling.numbers())


async def test_an_unserved_slot_is_logged_once_and_keeps_its_entries(
    lone_cluster: RealCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "streamroute")
    handling = Handling()
    async with connected(lone_cluster) as redis:
        storage = RedisStreamStorage(redis.client, lease=3, block=0.05)
        async with consuming(storage, dispatcher_of(handling).process_message, lease=3):
            assert await published(redis, "before")
            await eventually(lambda: handling.numbers() == ["before"])
            master = lone_cluster.master_of(SLOT)
            nodes = [lone_cluster.replica_of(master), master]
            for node in nodes:
                node.kill()
            await eventually(lambda: f"reading from {STREAM} failed" in caplog.text)
            await eventually(lambda: f"confirming leases of {STREAM} failed" in caplog.text)
            assert not await published(redis, "meanwhile")
            for node in nodes:
                node.start()
            await eventually(lambda: published(redis, "after"), "the slot to be back")
            await eventually(lambda: "after" in handling.numbers())
            await eventually(lambda: f"reading from {STREAM} recovered" in caplog.text)
            await eventually(lambda: f"confirming leases of {STREAM} recovered" in caplog.text)
            assert len(await send_command(raw_client(redis.client, STREAM), "XRANGE", STREAM, "-", "+")) == 2
    for output in (f"reading from {STREAM} failed", f"confirming leases of {STREAM} failed"):
        assert caplog.text.count(output) == 1


async def test_a_separate_connection_follows_the_slot_and_is_closed(cluster: RealCluster) -> None:
    async with connected(cluster) as redis:
        client = raw_client(redis.client, STREAM)
        async with clone_for_loop(client) as clone:
            assert await send_command(clone, "XLEN", STREAM) == 0
            cluster.move(SLOT, another_master(cluster))
            assert await published(redis, "1")
            assert await send_command(clone, "XLEN", STREAM) == 1
        assert await send_command(client, "XLEN", STREAM) == 1


async def test_a_node_outside_the_cluster_is_ignored(lone_cluster: RealCluster) -> None:
    """It answers, but serves no slot any more."""
    *others, gone = lone_cluster.nodes
    for node in others:
        node.ask("CLUSTER", "FORGET", gone.id)
    gone.ask("CLUSTER", "RESET", "HARD")
    url = f"redis+cluster://127.0.0.1:{gone.port},127.0.0.1:{others[0].port}/"
    async with open_redis(url, folder=NOWHERE) as redis:
        await redis.ping()
        assert await published(redis, "1")
    async with open_redis(f"redis+cluster://127.0.0.1:{gone.port}/", folder=NOWHERE) as redis:
        with pytest.raises(
            RedisUnavailableError, match="does not serve the stream now: the slot has no master"
        ):
            await StreamPublisher(redis, STREAM).publish([entry(1)])


async def test_an_unassigned_slot_is_reported_at_the_start(lone_cluster: RealCluster) -> None:
    for node in lone_cluster.nodes:
        node.ask("CLUSTER", "DELSLOTS", SLOT)
    async with open_redis(lone_cluster.url, folder=NOWHERE) as redis:
        await redis.ping()
        with pytest.raises(RedisUnavailableError, match="does not serve the stream now"):
            await require_permissions(redis, KEYS)


async def test_a_password_is_in_no_repr() -> None:
    async with new_client("redis+cluster://shop:hunter2@a,b:1/?socket_timeout=2") as client:
        pool = cast("ClusterPool", client.connection_pool)
        assert pool.connection_kwargs["password"] == "hunter2"
        assert pool.connection_kwargs["socket_timeout"] == 2.0
        assert pool.cluster.nodes == [("a", 6379), ("b", 1)]
        for shown in (client, pool, pool.cluster, raw_client(client, STREAM)):
            assert "hunter2" not in repr(shown)


@pytest.mark.parametrize(("host", "meant"), [("a", "a"), ("", "told"), (None, "told"), ("?", "told")])
def test_a_node_without_a_host_is_reached_at_its_announced_address(host: str | None, meant: str) -> None:
    assert resolved_host(host, ("told", 1)) == meant


async def test_one_reachable_node_is_enough(cluster: RealCluster) -> None:
    url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{cluster.nodes[3].port}/"
    async with open_redis(url, folder=NOWHERE) as redis:
        await redis.ping()
        assert await published(redis, "1")


async def test_retries_of_a_scheduler_come_back_to_their_slots(cluster: RealCluster) -> None:
    streams = [STREAM, "payments", "{shop}orders"]
    async with connected(cluster) as redis:
        scheduler = RedisRetryScheduler(redis.client)
        for stream in streams:
            await scheduler.schedule_retry(stream, {"type": "booked"}, delay=0)
        for stream in streams:
            await eventually(partial(send_command, raw_client(redis.client, stream), "XLEN", stream))
        await scheduler.stop()


async def test_dead_letters_in_another_slot_are_refused_at_the_start(cluster: RealCluster) -> None:
    async with connected(cluster) as redis:
        storage = RedisStreamStorage(redis.client, dead_letter="failed")
        with pytest.raises(
            SetupError, match=r'"bot_events" and "failed" are in different cluster slots; .*"\{bot_events\}:'
        ):
            async with consuming(storage, dispatcher_of(Handling()).process_message):
                pass


async def test_tls_to_the_nodes(server_binary: Path, tmp_path: Path) -> None:
    """With ``rediss``; a node that does not know its own host has the host of the node that listed it."""
    if server_binary in (valkey_binary(), old_redis_binary()):
        pytest.skip("this server is built without TLS")
    certificate, key = self_signed(tmp_path, "IP:127.0.0.1")
    options = ["--cluster-enabled", "yes", *tls_options(port := free_port(), certificate, key)]
    with RealServer(server_binary, port=node_port(), options=options) as server:
        server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        url = f"rediss+cluster://127.0.0.1:{port}/"
        async with open_redis(f"{url}?ssl_ca_certs={certificate}", folder=NOWHERE) as redis:
            await redis.ping()
            await eventually(lambda: published(redis, "1"))
        assert "has a certificate that is not trusted" in await refusal(url)


async def test_a_server_that_is_no_cluster_is_named_as_one(
    redis_server: RealServer, start_server: Callable[..., RealServer]
) -> None:
    port = free_port()
    start_server(port=port)
    assert "is no cluster; write redis:// in its URL" in await refusal(f"redis+cluster://127.0.0.1:{port}")


async def test_a_node_of_a_cluster_is_named_as_one(cluster: RealCluster) -> None:
    wrong = another_master(cluster)
    async with open_redis(f"redis://127.0.0.1:{wrong.port}", folder=NOWHERE) as redis:
        with pytest.raises(SetupError, match=r"is a node of a cluster; write redis\+cluster:// in its URL"):
            await StreamPublisher(redis, STREAM).publish([entry(1)])


async def test_redis_pys_own_client_of_a_cluster_is_refused() -> None:
    with pytest.raises(SetupError, match="new_client"):
        RedisStreamStorage(cast("Any", RedisCluster("localhost")))


async def test_without_any_node_the_error_names_them() -> None:
    url = f"redis+cluster://:hunter2@127.0.0.1:{free_port()}/"
    assert await refusal(url) == (
        f"Redis at {url.replace('hunter2', '***')} refuses the connection; is the server running, and the "
        "address right?"
    )


async def refusal(url: str) -> str:
    """Return the error message of a ping to the cluster behind this URL."""
    with pytest.raises(RedisUnavailableError) as caught:
        async with open_redis(url, folder=NOWHERE) as redis:
            await redis.ping()
    return str(caught.value)


async def test_a_user_with_the_least_rights(cluster: RealCluster) -> None:
    """A cluster requires two more rights, which are checked at the start, not when a slot moves."""
    allow(cluster, "worker", "reset", *rules("worker"), "+cluster|slots")
    url = f"redis+cluster://worker:change-me@{cluster.hosts}"
    async with open_redis(url, folder=NOWHERE) as redis:
        await redis.ping()
        with pytest.raises(SetupError, match=r"add to its ACL: \+asking$"):
            await require_permissions(redis, EXAMPLE)
        allow(cluster, "worker", "+asking")
        await require_permissions(redis, EXAMPLE)
        allow(cluster, "worker", "-cluster")
    assert "does not permit this user" in await refusal(url)


async def test_a_publisher_with_the_least_rights(cluster: RealCluster) -> None:
    """Even while a slot moves."""
    allow(cluster, "publisher", "reset", *rules("publisher"), "+cluster|slots", "+asking")
    cluster.master_of(SLOT).ask("XADD", STREAM, "*", "a", "b")
    async with open_redis(f"redis+cluster://publisher:change-me@{cluster.hosts}", folder=NOWHERE) as redis:
        for _ in cluster.moving(SLOT, another_master(cluster)):
            assert await published(redis, "1")


def rules(user: str) -> list[str]:
    """Return an example user's rules, with the user enabled."""
    found = re.search(rf"^user {user} (on .*)$", USERS.read_text(), re.MULTILINE)
    assert found
    return found[1].split()


def allow(cluster: RealCluster, user: str, *changes: str) -> None:
    """Change a user's rules on every node."""
    for node in cluster.nodes:
        node.ask("ACL", "SETUSER", user, *changes)


async def _send(redis: RedisConnection, sent: list[str]) -> None:
    sent.append(str(len(sent)))
    await eventually(lambda: published(redis, sent[-1]))


async def _counts(letters: DeadLetters, count: int) -> bool:
    return await letters.count() == count


async def _nothing_pending(redis: RedisConnection) -> bool:
    client = raw_client(redis.client, STREAM)
    pending = [await send_command(client, "XPENDING", key, GROUP) for key in (STREAM, KEYS.retry)]
    return all(count == 0 for count, *_ in pending) and await send_command(client, "ZCARD", KEYS.due) == 0


def _fails_once() -> Callable[[dict[str, Any]], None]:
    """Return a handler's action that fails at a message's first attempt."""

    def fail(payload: Any) -> None:
        if payload.attempt == 1:
            raise RuntimeError("no luck yet")

    return fail
