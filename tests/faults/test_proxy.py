"""The proxy fails as configured, and only then."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from proxy import Proxy
from servers import RealServer, valkey_binary

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    """A server for this file."""
    with RealServer(valkey_binary()) as server:
        yield server


@pytest.fixture
def proxy(server: RealServer) -> Iterator[Proxy]:
    """A proxy of one test to an empty server."""
    server.command("FLUSHALL")
    with Proxy(server.socket_path) as proxy:
        yield proxy


@contextmanager
def connected(proxy: Proxy) -> Iterator[Any]:
    """A connected client behind the proxy, without retries."""
    with Redis(port=proxy.port, socket_timeout=60, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()
        yield client


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Any]:
    """Such a client, which waits for its replies."""
    with connected(proxy) as client:
        yield client


def gives_up(client: Any, *command: str) -> None:
    """Assert that no reply comes to a command within a moment; the connection is closed then."""
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*command)
        assert not connection.can_read(timeout=0.3)
    finally:
        connection.disconnect()
        client.connection_pool.release(connection)


@pytest.fixture
def direct(server: RealServer) -> Iterator[Any]:
    """A client that bypasses the proxy."""
    with Redis(unix_socket_path=str(server.socket_path)) as client:
        yield client


def test_large_values_pass_unchanged_in_both_directions(client: Any) -> None:
    """Large values in both directions."""
    value = b"\x00\xff" * 500_000
    client.set("key", value)
    assert client.get("key") == value


def test_a_cut_resets_and_a_mended_one_works(proxy: Proxy, client: Any) -> None:
    """Existing connections and new ones."""
    proxy.cut()
    for _ in range(2):
        with pytest.raises(RedisError):
            client.ping()
    proxy.mend()
    assert client.ping()


def test_a_half_open_connection_times_out_and_a_new_one_works(proxy: Proxy, client: Any) -> None:
    """Only a timeout tells the client."""
    proxy.drop_data()
    gives_up(client, "PING")
    assert client.ping()


def test_held_data_is_delivered_late(proxy: Proxy, client: Any, direct: Any) -> None:
    """Even if the sender has given up."""
    proxy.hold()
    gives_up(client, "RPUSH", "list", "late")
    assert direct.llen("list") == 0
    proxy.let_go()
    assert direct.blpop(["list"], 60) == (b"list", b"late")


def test_a_lost_request_is_not_carried_out(proxy: Proxy, client: Any, direct: Any) -> None:
    """And no reply arrives."""
    trap = proxy.trap(rb"RPUSH", "request")
    assert client.ping()
    gives_up(client, "RPUSH", "list", "lost")
    assert trap.sprung.wait(60)
    assert direct.llen("list") == 0


def test_a_request_whose_reply_is_lost_is_carried_out(proxy: Proxy, client: Any, direct: Any) -> None:
    """Once, and the client's connection ends."""
    trap = proxy.trap(rb"RPUSH", "reply", abort=True)
    with pytest.raises(RedisConnectionError):
        client.rpush("list", "kept")
    assert trap.sprung.wait(60)
    assert direct.lrange("list", 0, -1) == [b"kept"]


def test_a_trap_ignores_earlier_requests(proxy: Proxy, client: Any) -> None:
    """A request before the trap was set does not spring it."""
    client.rpush("list", "before")
    trap = proxy.trap(rb"RPUSH", "request")
    assert client.ping()
    assert not trap.sprung.is_set()


def test_a_trap_springs_once(proxy: Proxy, client: Any, direct: Any) -> None:
    """The next matching request passes."""
    proxy.trap(rb"RPUSH", "request", abort=True)
    with pytest.raises(RedisError):
        client.rpush("list", "lost")
    client.rpush("list", "kept")
    assert direct.lrange("list", 0, -1) == [b"kept"]
