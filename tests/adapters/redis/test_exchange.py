"""Commands sent and replies received past redis-py give what redis-py gives, and leave it the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from consuming import eventually, within_patience
from proxy import Proxy
from scripted_nodes import Node
from servers import RealServer, valkey_binary
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.redis.exchange import _direct_parts, _exchange_through_driver, _packed, exchange
from streamroute.adapters.redis.raw_client import send_command, send_pipelined


def uvloop_loop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: pip install uvloop")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


LOOPS = [asyncio.new_event_loop, uvloop_loop]
RESP = [2, 3]


class OwnConnection(UnixDomainSocketConnection):
    """A class of a user, which sees all that is sent and received."""

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        return await super().read_response(*arguments, **options)


@asynccontextmanager
async def connection_of(client: Redis) -> AsyncIterator[Any]:
    pool: Any = client.connection_pool
    connection = await pool.get_connection()
    try:
        yield connection
    finally:
        await pool.release(connection)


COMMANDS: list[tuple[Any, ...]] = [
    ("SET", "a", 1.5),
    ("GET", "a"),
    ("GET", "nothing"),
    ("LPUSH", "a", b"\x00\xff\r\n"),
    ("XADD", "s", "1-1", "type", "t", "data", "x" * 200_000),
    ("XADD", "s", "1-2", "type", "é"),
    ("XREAD", "COUNT", 9, "STREAMS", "s", 0),
    ("HSET", "h", "f", -1),
    ("HGETALL", "h"),
    ("XINFO", "STREAM", "s"),
    ("EVAL", "return {1, 'a', {redis.error_reply('MY no')}, {}, false}", 0),
    ("EVALSHA", "0" * 40, 0),
    ("NOTHING",),
    ("ECHO", ""),
]


@pytest.mark.parametrize("protocol", RESP)
@pytest.mark.parametrize("new_loop", LOOPS)
def test_replies_are_those_of_redis_py(
    redis_server: RealServer, new_loop: Callable[[], Any], protocol: int
) -> None:
    async def replies_by(connection_class: Any) -> list[Any]:
        redis_server.command("FLUSHALL")
        settings: dict[str, Any] = {"path": str(redis_server.socket_path), "protocol": protocol}
        pool = ConnectionPool(connection_class, **settings, **_no_notifications(protocol))
        async with Redis.from_pool(pool) as client, connection_of(client) as connection:
            is_direct = _direct_parts(connection) is not None
            assert is_direct == (connection_class is UnixDomainSocketConnection)
            return [*await exchange(connection, COMMANDS), *await exchange(connection, COMMANDS[:3])]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        ours = runner.run(replies_by(UnixDomainSocketConnection))
        theirs = runner.run(replies_by(OwnConnection))
    assert comparable(ours) == comparable(theirs)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_the_connection_serves_redis_py_before_and_after(redis_url: str, new_loop: Callable[[], Any]) -> None:
    async def run() -> None:
        async with new_client(redis_url, max_connections=2) as client:
            for number in range(3):
                assert await client.echo(f"by redis-py {number}") == f"by redis-py {number}".encode()
                assert await send_command(client, "ECHO", number) == str(number).encode()
            large = "x" * 3_000_000
            assert await client.set("a", large)
            assert await send_command(client, "GET", "a") == large.encode()
            assert await send_command(client, "SET", "a", large + "y") == b"OK"
            assert await client.get("a") == (large + "y").encode()
            assert len(await client.client_list()) == 1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_killed_connection_is_raised_and_the_next_works(
    redis_url: str, new_loop: Callable[[], Any]
) -> None:
    async def run() -> None:
        async with new_client(redis_url, client_name="killed") as client, new_client(redis_url) as other:
            waiting = asyncio.create_task(send_pipelined(client, [("BLPOP", "nothing", 0)]))
            await eventually(lambda: _is_blocked(other))
            for found in await other.client_list():
                if found["name"] == "killed":
                    await other.client_kill_filter(_id=found["id"])
            with pytest.raises(RedisConnectionError, match=r"Connection closed by server|reset"):
                await within_patience(waiting)
            assert await send_command(client, "ECHO", "new") == b"new"
            for found in await other.client_list():
                if found["name"] == "killed":  # while nobody waits
                    await other.client_kill_filter(_id=found["id"])
            assert await send_command(client, "ECHO", "again") == b"again"

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_client_that_is_closed_meanwhile_ends_at_once(redis_url: str, new_loop: Callable[[], Any]) -> None:
    async def run() -> None:
        client = new_client(redis_url, socket_timeout=None)
        async with new_client(redis_url) as other:
            waiting = asyncio.create_task(send_pipelined(client, [("BLPOP", "nothing", 0)]))
            await eventually(lambda: _is_blocked(other))
            await within_patience(client.aclose())
            with pytest.raises(RedisConnectionError, match="Connection closed by server"):
                await within_patience(waiting)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_half_open_connection_times_out_and_the_next_works(new_loop: Callable[[], Any]) -> None:
    async def run(proxy: Proxy) -> None:
        async with new_client(f"redis://127.0.0.1:{proxy.port}?socket_timeout=0.3") as client:
            await eventually(lambda: _echoes(client))
            proxy.drop_data()
            with pytest.raises(RedisTimeoutError):
                await within_patience(send_command(client, "ECHO", "lost"))
            await eventually(lambda: _echoes(client))
            proxy.cut()
            with pytest.raises(RedisConnectionError):
                await within_patience(send_command(client, "ECHO", "lost"))
            proxy.mend()
            await eventually(lambda: _echoes(client))

    with (
        RealServer(valkey_binary()) as server,
        Proxy(server.socket_path) as proxy,
        asyncio.Runner(loop_factory=new_loop) as runner,
    ):
        runner.run(run(proxy))


@pytest.mark.parametrize(
    ("connection_class", "options"),
    [(OwnConnection, {}), (UnixDomainSocketConnection, {"health_check_interval": 60})],
)
async def test_a_connection_that_needs_redis_py_is_left_to_it(
    redis_server: RealServer, connection_class: Any, options: dict[str, Any]
) -> None:
    settings = {"path": str(redis_server.socket_path), **_no_notifications(3), **options}
    pool = ConnectionPool(connection_class, **settings)
    async with Redis.from_pool(pool) as client, connection_of(client) as connection:
        assert _direct_parts(connection) is None
        refused, echoed = await exchange(connection, [("NOTHING",), ("ECHO", "a")])
        assert isinstance(refused, ResponseError)
        assert echoed == b"a"


async def test_a_connection_that_sentinel_found_is_used_directly() -> None:
    """Its own method turns READONLY into a broken connection, and so does ``exchange``."""
    async with scripted_sentinel() as client, connection_of(client) as connection:
        assert _direct_parts(connection) is not None
        assert await exchange(connection, [("ECHO", "a")]) == [b"OK"]


@asynccontextmanager
async def scripted_sentinel() -> AsyncIterator[Redis]:
    """A client of a node that names itself as the master."""
    node = Node()
    await node.open()
    node.replies_with(
        "SENTINEL",
        [
            {"name": "main", "ip": "127.0.0.1", "port": str(node.port), "flags": "master"}
            | {"num-other-sentinels": "0"}
        ],
    )
    try:
        async with new_client(f"redis+sentinel://127.0.0.1:{node.port}/main") as client:
            yield client
    finally:
        await node.close()


async def test_a_closed_connection_is_opened_again_by_redis_py(redis_url: str) -> None:
    async with new_client(redis_url) as client, connection_of(client) as connection:
        await connection.disconnect()
        assert _direct_parts(connection) is None
        assert await exchange(connection, [("ECHO", "a")]) == [b"a"]
        assert _direct_parts(connection) is not None


ARGUMENTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.binary(), st.integers(), st.floats(), st.just("a b")
)


@given(st.lists(st.lists(ARGUMENTS, max_size=5).map(lambda rest: ("ECHO", *rest)), min_size=1, max_size=5))
def test_commands_are_packed_as_redis_py_packs_them(commands: list[Any]) -> None:
    connection: Any = Connection()
    theirs = b"".join(connection.pack_commands(commands))
    assert _packed(connection, commands) == theirs
    assert _packed(connection, [list(command) for command in commands]) == theirs
    assert _packed(connection, [commands[0], theirs, list(commands[0])]) == b"".join(
        connection.pack_commands([commands[0], *commands, commands[0]])
    )


async def test_a_packed_command_is_sent_as_it_is(redis_url: str) -> None:
    packed = b"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n"
    async with new_client(redis_url) as client, connection_of(client) as connection:
        assert await exchange(connection, [("ECHO", "b"), packed]) == [b"b", b"a"]
        assert await _exchange_through_driver(connection, [packed, ("ECHO", "b")]) == [b"a", b"b"]


async def test_no_commands_have_no_replies(redis_url: str) -> None:
    async with new_client(redis_url, socket_timeout=None) as client, connection_of(client) as connection:
        assert await within_patience(exchange(connection, [])) == []
        assert await exchange(connection, [("ECHO", "a")]) == [b"a"]


def _no_notifications(protocol: int) -> dict[str, Any]:
    settings = new_client("redis://h", protocol=protocol).connection_pool.connection_kwargs
    return {name: value for name, value in settings.items() if name == "maint_notifications_config"}


async def _is_blocked(client: Any) -> bool:
    return bool((await client.info("clients"))["blocked_clients"])


async def _echoes(client: Redis) -> bool:
    """Whether the server answers within a third of a second."""
    try:
        return bool(await send_command(client, "ECHO", "a") == b"a")
    except (RedisTimeoutError, RedisConnectionError):
        return False


def comparable(reply: Any) -> Any:
    """Return a reply with errors as text."""
    if isinstance(reply, Exception):
        return type(reply), str(reply)
    if isinstance(reply, dict):
        return {name: comparable(value) for name, value in reply.items()}
    return [comparable(part) for part in reply] if isinstance(reply, list) else reply
