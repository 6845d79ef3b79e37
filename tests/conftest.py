"""Servers for every test that touches Redis: the embedded Valkey always, Redis where it is installed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from servers import RealServer, redis_binary, valkey_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from redis.asyncio import Redis


@pytest.fixture(scope="session", params=["valkey", "redis"])
def server_binary(request: pytest.FixtureRequest) -> Path:
    """The program of a server; a test that uses it runs once on Valkey and once on Redis."""
    binary = valkey_binary() if request.param == "valkey" else redis_binary()
    if binary is None:
        pytest.skip("redis-server is not installed")
    return binary


@pytest.fixture(scope="session")
def redis_server(server_binary: Path) -> Iterator[RealServer]:
    """One server for the whole run; tests that stop or kill servers take ``start_server`` instead."""
    with RealServer(server_binary) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RealServer) -> str:
    """The URL of a server without any data."""
    redis_server.command("FLUSHALL")
    return redis_server.url


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a server without any data; replies are bytes."""
    from redis.asyncio import Redis  # tests without a server do not pay for it

    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def start_server(server_binary: Path) -> Iterator[Callable[..., RealServer]]:
    """``start_server(port=..., append_only=..., options=...)``: servers of this test alone, to ill-treat."""
    with ExitStack() as stack:

        def start(**settings: Any) -> RealServer:
            return stack.enter_context(RealServer(server_binary, **settings))

        yield start
