"""An unusable server: the error says what to write in the URL, and shows no password."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from certificates import self_signed, tls_options
from clusters import node_port
from sentinels import RealSentinel
from servers import RealServer, free_port, old_redis_binary, valkey_binary
from streamroute.adapters.redis.connection import new_client, open_redis
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.unavailable import unavailable_error
from streamroute.adapters.urls.url import Address
from streamroute.errors import RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

NOWHERE = Path("/nowhere")
HOST = "127.0.0.1"
RIGHTS = ("+ping", "+client", "+hello", "+select")


async def refusal(url: str) -> str:
    """Return the error message of a ping to the server at this URL."""
    with pytest.raises(RedisUnavailableError) as caught:
        async with open_redis(url, folder=NOWHERE) as connection:
            await connection.ping()
    message = str(caught.value)
    assert "\n" not in message
    assert "hunter" not in message
    return message


async def test_a_password_is_wanted_or_refused(start_server: Callable[..., RealServer]) -> None:
    port = free_port()
    start_server(port=port, options=["--requirepass", "hunter%42"])
    wanted = "requires a password; write redis://:PASSWORD@HOST"
    for scheme in ("redis", "redis+cluster"):
        assert wanted in await refusal(f"{scheme}://{HOST}:{port}")
    wrong = await refusal(f"redis://:hunter2@{HOST}:{port}")
    assert "refuses the user or the password" in wrong
    assert "check both in the URL; in a password, write / as %2F" in wrong
    assert "% as %25" in await refusal(f"redis://:hunter%42@{HOST}:{port}")
    lone = await refusal(f"redis://shop@{HOST}:{port}")
    assert "redis://:PASSWORD@HOST" in lone


async def test_a_missing_right_is_reported_with_the_acl_rule(start_server: Callable[..., RealServer]) -> None:
    server = start_server(port=free_port())
    server.command("ACL", "SETUSER", "shop", "on", "nopass", "-@all")
    denied = await refusal(f"redis://shop:any@{HOST}:{server.port}")
    assert "does not permit this user to do that" in denied
    assert denied.endswith("; change the user's ACL")


async def test_tls_to_a_plain_server_and_plain_to_one_with_tls(server_binary: Path, tmp_path: Path) -> None:
    with RealServer(server_binary, port=free_port()) as plain:
        url = f"rediss://{HOST}:{plain.port}?socket_connect_timeout=0.5"
        assert "write redis:// if the server does not use TLS" in await refusal(url)
    if server_binary in (valkey_binary(), old_redis_binary()):
        pytest.skip("this server is built without TLS")
    certificate, key = self_signed(tmp_path)
    port = free_port()
    with RealServer(server_binary, options=tls_options(port, certificate, key)):
        assert "does it want rediss://?" in await refusal(f"redis://{HOST}:{port}")
        other_name = await refusal(f"rediss://{HOST}:{port}?ssl_ca_certs={certificate}")
        assert other_name.endswith("write a host name in the URL that the certificate is for")
        absent = await refusal(f"rediss://localhost:{port}?ssl_ca_certs={tmp_path}/none.pem")
        assert absent.endswith("check the ssl_... parameters in its URL")


async def test_a_sentinel_is_not_a_server_and_a_server_is_not_a_sentinel(server_binary: Path) -> None:
    with ExitStack() as stack:
        plain = stack.enter_context(RealServer(server_binary, port=free_port()))
        sentinel = stack.enter_context(RealSentinel(server_binary, plain.port or 0))
        at_plain, at_sentinel = f"{HOST}:{plain.port}", f"{HOST}:{sentinel.port}"
        message = await refusal(f"redis+sentinel://{at_plain}/main")
        assert message.endswith("is not a sentinel; write redis:// in its URL")
        message = await refusal(f"redis://:watch3r@{at_sentinel}")
        assert message.endswith("write redis+sentinel://HOST:26379,HOST:26379/NAME/0")
        message = await refusal(f"redis+cluster://:watch3r@{at_sentinel}")
        assert "write redis:// or redis+sentinel://" in message
        for query in ("", "?sentinel_password=hunter2"):
            assert "sentinel_password" in await refusal(f"redis+sentinel://{at_sentinel}/main{query}")
        assert "none knows one by this name" in await refusal(
            f"redis+sentinel://{at_sentinel}/mian?sentinel_password=watch3r"
        )


async def test_a_cluster_and_a_server_that_is_not_one(start_server: Callable[..., RealServer]) -> None:
    plain = start_server(port=free_port())
    assert "is no cluster; write redis://" in await refusal(f"redis+cluster://{HOST}:{plain.port}")
    node = start_server(port=node_port(), options=["--cluster-enabled", "yes"])
    message = await refusal(f"redis://{HOST}:{node.port}/1")
    assert message.endswith(  # a Valkey cluster may have several
        (
            "is a cluster, which has database 0 alone; leave the database out of its URL",
            "has no database of this number; its setting `databases` says how many it has",
        )
    )


async def test_a_database_that_the_server_does_not_have(start_server: Callable[..., RealServer]) -> None:
    server = start_server(port=free_port())
    assert "has no database of this number" in await refusal(f"redis://{HOST}:{server.port}/99")


async def test_a_user_who_may_only_ping_is_let_through(
    start_server: Callable[..., RealServer],
) -> None:
    """Detecting a sentinel needs no right, and leaves no line in the server's ACL LOG."""
    server = start_server(port=free_port())
    server.command("ACL", "SETUSER", "shop", "on", "nopass", "-@all", "+ping", "+client", "+select", "+hello")
    async with open_redis(f"redis://shop:any@{HOST}:{server.port}", folder=NOWHERE) as connection:
        await connection.ping()
    assert server.command("ACL", "LOG") == b"*0\r\n"


async def test_a_refusal_at_run_time_does_not_name_the_user(
    start_server: Callable[..., RealServer],
) -> None:
    """It is logged unchanged."""
    server = start_server(port=free_port())
    server.command(
        "ACL", "SETUSER", "shop_user", "on", "nopass", "~*", "+ping", "+client", "+hello", "+select"
    )
    async with new_client(f"redis://shop_user:any@{HOST}:{server.port}") as client:
        with pytest.raises(NoPermissionError, match="get") as caught:
            await send_command(raw_client(client, "k"), "GET", "k")
    assert "shop_user" not in str(caught.value)


def test_a_server_that_does_not_know_redis_pys_first_word_is_too_old() -> None:
    error = ResponseError("unknown command `HELLO`, with args beginning with: `3`, ")
    message = str(unavailable_error(error, Address("redis://h")))
    assert message == "Redis at redis://h is too old: streamroute needs Redis 6.2 or newer, or Valkey"


def test_any_other_error_is_on_one_line() -> None:
    message = str(unavailable_error(OSError("no route\nto the host"), Address("redis://h")))
    assert message == "Redis at redis://h cannot be used: no route to the host"
