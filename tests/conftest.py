"""Servers for every test that touches Redis: the embedded Valkey always, two of Redis where installed."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from projects import Done, Project
from servers import RealServer, old_redis_binary, redis_binary, valkey_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from redis.asyncio import Redis


pytest_plugins = ["fault_plugin", "outside_data", "run_ledger"]

# Neither profile has a deadline: how long an example takes depends on the machine more than on the code.
_UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("quick", _UNTIMED, max_examples=20)
hypothesis.settings.register_profile("deep", _UNTIMED, max_examples=100)
hypothesis.settings.load_profile("quick")  # CI runs with --hypothesis-profile deep, too

# A shell that starts the tests in the background has them ignore Ctrl-C, and every process that they start as
# well; tests that send SIGINT are about processes that do not.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Where the embedded server keeps its secret: not among those of whoever runs the tests.
os.environ["XDG_STATE_HOME"] = str(Path(tempfile.gettempdir()).resolve() / f"streamroute-tests-{os.getuid()}")

_BINARIES = {"valkey": valkey_binary, "redis": redis_binary, "redis6.2": old_redis_binary}
_KINDS = [
    pytest.param(name, marks=[] if name == "valkey" else [pytest.mark.servers], id=name) for name in _BINARIES
]


QUIETED = ("asyncio", "redis", "httpx", "httpcore")
"""Loggers whose level a command sets that sets up its log."""


@pytest.fixture(scope="session", params=_KINDS)
def server_binary(request: pytest.FixtureRequest) -> Path:
    """The program of a server: a test that uses it runs on Valkey and, marked `servers`, on two of Redis."""
    binary = _BINARIES[request.param]()
    if binary is None:
        pytest.skip(f"{request.param} is not installed")
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


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[RealServer]:
    """One server of the one kind that is always there, for what does not depend on the kind."""
    with RealServer(valkey_binary()) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, valkey_server: RealServer) -> Iterator[Project]:
    """A project whose ``${REDIS_URL}`` is a server without any data."""
    valkey_server.command("FLUSHALL")
    with Project(tmp_path, {"REDIS_URL": valkey_server.url}) as made:
        yield made


@pytest.fixture
def each_project(tmp_path: Path, redis_url: str) -> Iterator[Project]:
    """The same, once on Valkey and once on Redis."""
    with Project(tmp_path, {"REDIS_URL": redis_url}) as made:
        yield made


@pytest.fixture
def lone_project(tmp_path: Path) -> Iterator[Project]:
    """A project that has no server of its own."""
    with Project(tmp_path, {"REDIS_URL": ""}) as made:
        yield made


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """``command("check", "routes.yaml")``: the command line run to its end, in this process."""
    from streamroute.cli.main import main
    from streamroute.compiler.resolve.importer import isolated_imports

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quieted = {logging.getLogger(name): logging.getLogger(name).level for name in QUIETED}

    def run(*arguments: str) -> Done:
        with isolated_imports(Path.cwd()), pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    yield run
    root.handlers[:], root.level = handlers, level
    for logger, earlier in quieted.items():
        logger.setLevel(earlier)
    logging.captureWarnings(False)
