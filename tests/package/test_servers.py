"""The tests' own servers do what the tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RealServer, free_port, reserve_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis


@pytest.mark.parametrize("round_", [1, 2])
async def test_every_test_starts_without_data(redis_client: Redis, round_: int) -> None:
    assert await redis_client.dbsize() == 0
    await redis_client.set("left", "behind")


def test_an_append_only_server_keeps_its_data_over_a_kill(start_server: Callable[..., RealServer]) -> None:
    server = start_server(append_only=True, port=free_port())
    server.command("SET", "key", "value")
    server.kill()
    server.start()
    assert server.command("GET", "key") == b"$5\r\nvalue\r\n"


def test_a_server_that_cannot_start_shows_its_log(start_server: Callable[..., RealServer]) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended at its start.*no-such-option"):
        start_server(options=["--no-such-option", "1"])


def test_a_port_is_given_to_one_caller_alone() -> None:
    """In any process: the lock of its file is held, although nothing listens there."""
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert not any(map(reserve_port, ports))
