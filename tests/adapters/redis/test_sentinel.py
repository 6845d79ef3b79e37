"""Sentinel: the master is found through any sentinel, and consuming continues after a failover."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from certificates import self_signed, tls_options
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, within_patience
from scripted_nodes import Node, Reply
from sentinels import RealSentinel, Watched
from servers import RealServer, free_port, old_redis_binary, valkey_binary
from streamroute.adapters.redis.connection import RedisConnection, new_client, open_redis
from streamroute.adapters.redis.raw_client import clone_for_loop, send_pipelined
from streamroute.adapters.redis.sentinel import master_client
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.adapters.urls.sentinel_url import read_sentinel_url
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys

KEYS = GroupKeys.of(STREAM, GROUP)
NOWHERE = Path("/nowhere")


@pytest.fixture
def watched(server_binary: Path) -> Iterator[Watched]:
    with ExitStack() as stack:
        yield Watched(server_binary, stack)


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node, Node]]:
    """One node that acts as a sentinel, and two that it may name."""
    async with AsyncExitStack() as stack:
        made = (Node(), Node(), Node())
        for node in made:
            await node.open()
            stack.push_async_callback(node.close)
        yield made


def masters(node: Node) -> Reply:
    """Return the reply of a sentinel that considers this node the master."""
    facts = {"name": "main", "ip": "127.0.0.1", "port": str(node.port), "flags": "master"}
    return [facts | {"num-other-sentinels": "0"}]


@asynccontextmanager
async def connected(watched: Watched) -> AsyncIterator[RedisConnection]:
    await eventually(watched.is_ready, "the sentinels to know each other")
    async with open_redis(watched.url, folder=NOWHERE) as redis:
        await redis.ping()
        yield redis


async def added(redis: RedisConnection, n: str) -> bool:
    """Whether an entry can be added now."""
    try:
        await redis.client.xadd(STREAM, {"type": "booked", "n": n})
    except RedisError:
        return False
    return True


async def test_consuming_continues_after_a_failover(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Reads, acks and the heartbeat's connection follow the master; their logs contain no password."""
    caplog.set_level(logging.WARNING, "streamroute")
    handling = Handling()
    async with connected(watched) as redis:
        storage = RedisStreamStorage(redis.client, lease=3, block=0.05)
        async with consuming(storage, dispatcher_of(handling).process_message, lease=3):
            assert await added(redis, "before")
            await eventually(lambda: handling.numbers() == ["before"])
            await redis.client.execute_command("WAIT", 1, 5000)  # type: ignore[no-untyped-call]  # redis-py does not annotate it
            watched.master.kill()
            await eventually(lambda: added(redis, "after"), "the new master")
            await eventually(lambda: "after" in handling.numbers())
            await eventually(lambda: f"confirming leases of {STREAM} recovered" in caplog.text)
            await eventually(lambda: _nothing_pending(redis))
        await eventually(lambda: _is_on(redis, watched.replicas[0]), "the new master")
    assert "hunter2" not in caplog.text
    assert "watch3r" not in caplog.text


async def test_consuming_continues_after_the_master_became_a_replica(watched: Watched) -> None:
    """It is alive and answers: some of its connections would continue to read from it."""
    handling = Handling()
    async with connected(watched) as redis:
        storage = RedisStreamStorage(redis.client, lease=3, block=0.05)
        async with consuming(storage, dispatcher_of(handling).process_message, lease=3):
            assert await added(redis, "before")
            await eventually(lambda: handling.numbers() == ["before"])
            watched.fail_over()
            await eventually(lambda: _is_on(redis, watched.replicas[0]), "the new master")
            assert await added(redis, "after")
            await eventually(lambda: "after" in handling.numbers())
            await eventually(lambda: _nothing_pending(redis))
        assert watched.master.pid


@asynccontextmanager
async def client_of(sentinel: Node, master: Node, options: str = "") -> AsyncIterator[Any]:
    """A client of the master that this sentinel names."""
    sentinel.replies_with("SENTINEL", masters(master))
    async with new_client(f"redis+sentinel://127.0.0.1:{sentinel.port}/main{options}") as client:
        yield client


async def test_a_master_that_lives_on_is_left_as_soon_as_the_sentinels_name_another(
    nodes: tuple[Node, Node, Node],
) -> None:
    """It may be partitioned, and writes to it are lost: connections in use must leave it as well."""
    sentinel, old, new = nodes
    async with client_of(sentinel, old) as client:
        pool = client.connection_pool
        in_use = await pool.get_connection()
        await client.execute_command("GET", "a")
        assert old.taken() == ["GET a"]
        sentinel.replies_with("SENTINEL", masters(new))

        async def remains() -> bool:
            await client.execute_command("GET", "b")
            return bool(new.sent)

        await eventually(remains)
        await pool.release(in_use)
        old.taken()
        both = [await pool.get_connection() for _ in range(2)]
        assert in_use in both
        for connection in both:
            await connection.send_command("GET", "c")
            await within_patience(connection.read_response())
            await pool.release(connection)
        assert old.taken() == []


async def test_a_master_that_became_a_replica_is_left_at_its_first_refusal(
    nodes: tuple[Node, Node, Node],
) -> None:
    sentinel, old, new = nodes
    async with client_of(sentinel, old) as client:
        client.connection_pool.refresh_every = 3600
        assert await send_pipelined(client, [("GET", "a"), ("GET", "b")]) == [b"OK", b"OK"]
        old.replies_with("SET", "-READONLY You can't write against a read only replica.")
        sentinel.replies_with("SENTINEL", masters(new))
        with pytest.raises(RedisConnectionError, match="The previous master is now a slave"):
            await send_pipelined(client, [("GET", "a"), ("SET", "a", 1), ("GET", "b")])
        old.taken()
        await send_pipelined(client, [("SET", "a", 2)])
        assert new.taken() == ["SET a 2"]
        assert old.taken() == []


async def test_sentinels_are_asked_once_a_second_under_load(nodes: tuple[Node, Node, Node]) -> None:
    sentinel, master, _ = nodes
    async with client_of(sentinel, master) as client:
        began = time.monotonic()
        for _ in range(200):
            await client.execute_command("PING")
    await eventually(lambda: (sentinel.connected, master.connected) == (0, 0))
    passed = time.monotonic() - began
    assert len(sentinel.sent) <= passed + 2  # and once by the connection itself


async def test_a_client_that_is_closed_waits_for_no_sentinel_and_leaves_nothing_behind(
    nodes: tuple[Node, Node, Node],
) -> None:
    sentinel, master, _ = nodes
    sentinel.replies_with("SENTINEL", masters(master))
    url, settings = f"redis+sentinel://127.0.0.1:{sentinel.port}/main", {"retry": Retry(NoBackoff(), 0)}
    client: Any = master_client(url, settings, patience=40, refresh_every=0)
    async with client:
        await client.execute_command("PING")
        sentinel.is_silent, requests = True, len(sentinel.sent)

        async def is_asked_again() -> bool:
            await client.execute_command("PING")
            return len(sentinel.sent) > requests

        await eventually(is_asked_again)
        assert (sentinel.connected, master.connected) == (1, 1)
        await client.connection_pool.disconnect(inuse_connections=False)
        await eventually(lambda: (sentinel.connected, master.connected) == (1, 0))
        await within_patience(client.aclose())
        assert not [task for task in asyncio.all_tasks() if "MasterPool" in repr(task.get_coro())]
        await eventually(lambda: sentinel.connected == 0)


async def test_a_look_for_the_master_of_one_loop_does_not_wait_for_that_of_another(
    nodes: tuple[Node, Node, Node],
) -> None:
    sentinel, master, _ = nodes
    async with client_of(sentinel, master) as client:
        await client.execute_command("PING")
        pool = client.connection_pool
        async with clone_for_loop(client) as clone, pool.sentinel_manager.lock:
            await within_patience(clone.execute_command("PING"))  # type: ignore[no-untyped-call]  # redis-py does not annotate it
            assert (sentinel.connected, master.connected) == (2, 2)


async def test_a_connection_that_finds_no_master_goes_back_to_its_pool(
    nodes: tuple[Node, Node, Node],
) -> None:
    sentinel, old, new = nodes
    async with client_of(sentinel, old, "?max_connections=1") as client:
        pool = client.connection_pool
        connection = await pool.get_connection()
        await new.close()
        sentinel.replies_with("SENTINEL", masters(new))
        await pool.get_master_address()
        await pool.release(connection)
        for _ in range(2):
            with pytest.raises(RedisConnectionError, match=r"refused|Connect call failed"):
                await pool.get_connection()
        await new.open()
        await pool.release(await pool.get_connection())


async def test_tls_to_the_sentinels_and_to_the_master(server_binary: Path, tmp_path: Path) -> None:
    """With ``rediss``; the certificates of both are verified."""
    if server_binary in (valkey_binary(), old_redis_binary()):
        pytest.skip("this server is built without TLS")
    certificate, key = self_signed(tmp_path, "IP:127.0.0.1")
    port, watching = free_port(), free_port()
    with (
        RealServer(server_binary, options=tls_options(port, certificate, key)),
        RealSentinel(server_binary, port, options=tls_options(watching, certificate, key)),
    ):
        url = f"rediss+sentinel://127.0.0.1:{watching}/main/0?sentinel_password=watch3r"
        async with open_redis(f"{url}&ssl_ca_certs={certificate}", folder=NOWHERE) as redis:
            await eventually(lambda: added(redis, "1"), "the master")
        assert "has no master now" in await refusal(url)


async def test_lookups_at_the_same_time_lose_no_sentinel(watched: Watched) -> None:
    async with connected(watched) as redis:
        manager: Any = redis.client.connection_pool
        manager = manager.sentinel_manager
        known = {id(sentinel) for sentinel in manager.sentinels}
        manager.sentinels.sort(key=lambda sentinel: _port(sentinel) != watched.nobody)

        async def looked_up() -> bool:
            lookups = (manager.discover_master("main") for _ in range(4))
            found = await asyncio.gather(*lookups, return_exceptions=True)
            return not any(isinstance(one, Exception) for one in found)  # one has a second, no longer

        await eventually(looked_up)
        assert {id(sentinel) for sentinel in manager.sentinels} == known


async def test_a_separate_connection_finds_the_master_and_is_closed(watched: Watched) -> None:
    async with connected(watched) as redis:
        async with clone_for_loop(redis.client) as clone:
            assert await clone.ping()
            pool: Any = clone.connection_pool
            theirs: Any = redis.client.connection_pool
            assert not {id(s) for s in pool.sentinel_manager.sentinels} & {
                id(s) for s in theirs.sentinel_manager.sentinels
            }
        await redis.ping()
    wrong = watched.url.replace("/main/", "/mian/")
    assert "has no master now" in await refusal(wrong)
    assert "sentinels that refuse us; set sentinel_password" in await refusal(
        watched.url.replace("watch3r", "wr0ng")
    )
    assert "refuses the user or the password" in await refusal(watched.url.replace("hunter2", "wr0ng"))


async def refusal(url: str) -> str:
    """Return the error message of a ping to the master behind this URL."""
    with pytest.raises(RedisUnavailableError) as caught:
        async with open_redis(url, folder=NOWHERE) as redis:
            await redis.ping()
    message = str(caught.value)
    assert "wr0ng" not in message
    assert "\n" not in message
    return message


async def test_without_any_sentinel_the_error_names_them() -> None:
    url = f"redis+sentinel://:hunter2@127.0.0.1:{free_port()}/main"
    assert await refusal(url) == (
        f"Redis at {url.replace('hunter2', '***')} has no master now: no sentinel answers, or none knows "
        "one by this name; check both in the URL"
    )


def test_a_url_names_sentinels_a_master_and_how_to_log_in() -> None:
    read = read_sentinel_url("redis+sentinel://u:p%40@a,[::1]:5/main?sentinel_username=s&sentinel_password=q")
    assert read.sentinels == (("a", 26379), ("::1", 5))
    assert (read.name, read.username, read.password) == ("main", "s", "q")
    assert read.master_url == "redis://u:p%40@master/0?"
    assert "p%40" not in repr(read)
    assert "'q'" not in repr(read)


async def test_settings_of_the_url_win() -> None:
    async with new_client("redis+sentinel://u:p@a/main/3?socket_timeout=2") as client:
        settings = client.connection_pool.connection_kwargs
        assert (settings["db"], settings["username"], settings["socket_timeout"]) == (3, "u", 2.0)
        assert "sentinel_password" not in settings


async def test_sentinels_and_the_master_are_logged_in_to_each_with_its_own() -> None:
    url = "rediss+sentinel://u:p@a:1,b/main/3?sentinel_username=s&sentinel_password=q&ssl_ca_certs=/ca.pem"
    async with new_client(f"{url}&socket_timeout=7", socket_connect_timeout=3) as client:
        pool: Any = client.connection_pool
        master = pool.connection_kwargs
        assert (pool.service_name, master["username"], master["password"], master["db"]) == (
            "main",
            "u",
            "p",
            3,
        )
        assert (master["socket_timeout"], master["socket_connect_timeout"]) == (7.0, 3)
        assert issubclass(pool.connection_class, SSLConnection)
        assert not {"host", "port"} & master.keys()
        watching = [sentinel.connection_pool for sentinel in pool.sentinel_manager.sentinels]
        assert [(own.connection_kwargs["host"], own.connection_kwargs["port"]) for own in watching] == [
            ("a", 1),
            ("b", 26379),
        ]
        for own in watching:
            settings = own.connection_kwargs
            assert (settings["username"], settings["password"]) == ("s", "q")
            assert (settings["socket_timeout"], settings["socket_connect_timeout"]) == (1.0, 1.0)
            assert (settings["client_name"], settings["ssl_ca_certs"]) == ("streamroute", "/ca.pem")
            assert settings["retry"]._retries == 0  # redis-py 5 offers no other way to check
            assert issubclass(own.connection_class, SSLConnection)


async def test_sentinels_without_credentials_are_asked_without_any() -> None:
    async with new_client("redis+sentinel://u:p@a/main?sentinel_username=&sentinel_password=") as client:
        pool: Any = client.connection_pool
        [sentinel] = pool.sentinel_manager.sentinels
        settings = sentinel.connection_pool.connection_kwargs
        assert (settings["username"], settings["password"]) == (None, None)
        assert not issubclass(sentinel.connection_pool.connection_class, SSLConnection)
        assert not issubclass(pool.connection_class, SSLConnection)


async def test_a_value_that_cannot_be_used_is_not_quoted() -> None:
    with pytest.raises(SetupError) as caught:
        new_client("redis+sentinel://a/main?socket_timeout=hunter2")
    assert "hunter2" not in str(caught.value)


async def _nothing_pending(redis: RedisConnection) -> bool:
    try:
        summary: Any = await redis.client.xpending(STREAM, GROUP)
    except RedisError:  # on a busy machine the sentinels may still disagree
        return False
    return bool(summary["pending"] == 0)


async def _is_on(redis: RedisConnection, server: RealServer) -> bool:
    try:
        await redis.client.delete("unused")
        return bool((await redis.client.info("server"))["tcp_port"] == server.port)
    except RedisError:
        return False


def _port(sentinel: Any) -> int:
    return int(sentinel.connection_pool.connection_kwargs["port"])
