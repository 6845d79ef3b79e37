"""Connections: streamroute's settings, and one clear line for each kind of unavailable server."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certificates import self_signed
from servers import RealServer, free_port, old_redis_binary, valkey_binary
from streamroute.adapters.redis.connection import SOCKET_TIMEOUT, new_client, open_redis
from streamroute.errors import EmbeddedServerError, RedisUnavailableError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_NOWHERE = Path("/nowhere")


async def refusal(url: str) -> str:
    """Return the error message of a ping to the server at this URL."""
    with pytest.raises(RedisUnavailableError) as caught:
        async with open_redis(url, folder=_NOWHERE) as connection:
            await connection.ping()
    message = str(caught.value)
    assert "\n" not in message
    return message


@contextmanager
def speaker(reply: bytes) -> Iterator[int]:
    """A listener that is not Redis: it sends every client the same bytes and closes. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with closing(connection):
                    connection.recv(4096)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_a_url_gives_a_client_of_that_server(redis_url: str, tmp_path: Path) -> None:
    async with open_redis(redis_url, folder=tmp_path) as connection:
        await connection.ping()
        assert await connection.client.set("key", "value")
        assert await connection.client.get("key") == b"value"
        assert await connection.client.client_getname() in ("streamroute", b"streamroute")
        assert not connection.address.is_embedded
        assert connection.url == redis_url


async def test_redis_py_retries_nothing_and_waits_a_known_time(tmp_path: Path) -> None:
    async with new_client("redis://localhost") as client, new_client("unix:///s?socket_timeout=3") as other:
        settings = client.connection_pool.connection_kwargs
        assert settings["retry"].get_retries() == 0
        assert settings["socket_timeout"] == SOCKET_TIMEOUT
        assert settings["socket_keepalive"] is True
        assert other.connection_pool.connection_kwargs["socket_timeout"] == 3.0


async def test_the_embedded_server_runs_while_it_is_used(tmp_path: Path) -> None:
    for visits in (1, 2):
        async with open_redis("embedded:data", folder=tmp_path) as connection:
            await connection.ping()
            assert await connection.client.incr("visits") == visits
            assert connection.address.data_folder == tmp_path / "data"
            assert connection.url.startswith("unix://")
    assert (tmp_path / "data" / "appendonlydir").is_dir()


async def test_the_embedded_server_can_be_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="set a server of your own"):
        async with open_redis("embedded", folder=tmp_path, embedded=False):
            pytest.fail("it was not refused")
    assert not (tmp_path / ".streamroute").exists()


async def test_a_port_without_a_listener_is_reported(tmp_path: Path) -> None:
    port = free_port()
    assert await refusal(f"redis://u:hunter2@127.0.0.1:{port}/0") == (
        f"Redis at redis://u:***@127.0.0.1:{port}/0 refuses the connection; "
        "is the server running, and the address right?"
    )
    assert "refuses the connection" in await refusal(f"redis://localhost:{port}")
    assert "has no socket there" in await refusal(f"unix://{tmp_path}/none")


async def test_an_unknown_host() -> None:
    assert "has a host name that cannot be found" in await refusal("redis://no-such-host.invalid")


@pytest.mark.parametrize(
    ("scheme", "reply", "message"),
    [
        ("redis", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Redis's protocol"),
        ("redis", b"", "closes the connection without a word"),
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n" * 9, "is still loading its data"),
        ("rediss", b"+PONG\r\n", "does not do TLS as rediss:// needs it"),
    ],
)
async def test_something_else_listening(scheme: str, reply: bytes, message: str) -> None:
    with speaker(reply) as port:
        assert message in await refusal(f"{scheme}://127.0.0.1:{port}")


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "timed out" in await refusal(f"redis://127.0.0.1:{port}?socket_timeout=0.05")


async def test_no_password_is_shown(start_server: Callable[..., RealServer]) -> None:
    server = start_server(port=free_port(), options=["--requirepass", "hunter2"])
    async with open_redis(f"redis://:hunter2@127.0.0.1:{server.port}/0", folder=_NOWHERE) as connection:
        await connection.ping()
        assert "hunter2" not in f"{connection!r} {connection.address!r} {connection.address}"


async def test_a_platform_without_file_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "streamroute.adapters.embedded.server", None)
    with pytest.raises(EmbeddedServerError, match="runs on Linux and macOS only"):
        async with open_redis("embedded", folder=tmp_path):
            pytest.fail("it was not refused")


async def test_a_value_that_redis_py_refuses_is_not_quoted() -> None:
    with pytest.raises(SetupError) as caught:
        async with open_redis("redis://h?socket_timeout=soon&password=hunter2", folder=_NOWHERE):
            pytest.fail("it was not refused")
    assert "hunter2" not in str(caught.value)


async def test_rediss_verifies_the_certificate(server_binary: Path, tmp_path: Path) -> None:
    """An untrusted certificate is refused, and so is one for another name."""
    if server_binary in (valkey_binary(), old_redis_binary()):
        pytest.skip("this server is built without TLS")
    certificate, key = self_signed(tmp_path)
    options = ["--tls-port", str(port := free_port()), "--tls-auth-clients", "no"]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    with RealServer(server_binary, options=[*options, *files]):
        assert "has a certificate that is not trusted" in await refusal(f"rediss://localhost:{port}")
        trusted = f"rediss://localhost:{port}?ssl_ca_certs={certificate}"
        async with open_redis(trusted, folder=tmp_path) as connection:
            await connection.ping()
        other_name = trusted.replace("localhost", "127.0.0.1")
        assert "has a certificate that is not trusted" in await refusal(other_name)


@pytest.mark.parametrize("url", ["redis://h", "rediss://h", "unix:///s", "rediss://h?ssl_cert_reqs=none"])
async def test_a_client_waits_a_bounded_time_and_sends_nothing_twice(url: str) -> None:
    async with new_client(url) as client:
        settings = client.connection_pool.connection_kwargs
        assert (settings["socket_connect_timeout"], settings["socket_timeout"]) == (5.0, 10.0)
        assert (settings["client_name"], settings["decode_responses"]) == ("streamroute", False)
        assert settings["health_check_interval"] == 0
        assert settings["retry"].get_retries() == 0
        assert settings.get("socket_keepalive", False) == (not url.startswith("unix"))
        assert settings.get("ssl_check_hostname", False) == (url == "rediss://h")
        notified = settings.get("maint_notifications_config")
        assert notified is None or notified.enabled is False


async def test_the_url_overrides_arguments_and_those_override_defaults() -> None:
    async with new_client(
        "redis://h?socket_timeout=3", socket_timeout=4.0, socket_connect_timeout=6.0
    ) as client:
        settings = client.connection_pool.connection_kwargs
        assert (settings["socket_timeout"], settings["socket_connect_timeout"]) == (3.0, 6.0)
