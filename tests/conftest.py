"""Servers for every test that touches Redis: the embedded Valkey, and two versions of Redis if installed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from log_settings import log_settings_kept
from projects import Done, Project
from servers import RealServer, old_redis_binary, redis_binary, valkey_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from redis.asyncio import Redis


pytest_plugins = ["fault_plugin", "outside_data", "run_ledger"]

# No deadline in either profile: an example's duration depends on the machine more than on the code.
_UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("quick", _UNTIMED, max_examples=20)
hypothesis.settings.register_profile("deep", _UNTIMED, max_examples=100)
hypothesis.settings.load_profile("quick")  # CI also runs with --hypothesis-profile deep

# Without bytecode files, each of the many processes of a run would compile the package and the tests again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that starts the tests in the background makes them and all their child processes ignore Ctrl-C;
# tests that send SIGINT need processes that do not ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Keep the embedded server's secret out of the home directory of the user who runs the tests.
os.environ["XDG_STATE_HOME"] = str(Path(tempfile.gettempdir()).resolve() / f"streamroute-tests-{os.getuid()}")

_BINARIES = {"valkey": valkey_binary, "redis": redis_binary, "redis6.2": old_redis_binary}
_KINDS = [
    pytest.param(name, marks=[] if name == "valkey" else [pytest.mark.servers], id=name) for name in _BINARIES
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` starts: tests wait for servers and processes half of the time."""
    return max(2, 3 * (os.cpu_count() or 1) // 2)


@pytest.fixture(autouse=True)
def _search_path_kept() -> Iterator[None]:
    """Forget the folders of a test's configurations, which importing their handlers adds to ``sys.path``."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session", params=_KINDS)
def server_binary(request: pytest.FixtureRequest) -> Path:
    """A server's binary: a test runs on Valkey and, if marked `servers`, on two versions of Redis."""
    binary = _BINARIES[request.param]()
    if binary is None:
        pytest.skip(f"{request.param} is not installed")
    return binary


@pytest.fixture(scope="session")
def redis_server(server_binary: Path) -> Iterator[RealServer]:
    """One server for the whole run; tests that stop or kill servers use ``start_server`` instead."""
    with RealServer(server_binary) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RealServer) -> str:
    """The URL of an empty server."""
    redis_server.command("FLUSHALL")
    return redis_server.url


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty server; replies are bytes."""
    from redis.asyncio import Redis  # not imported in tests without a server

    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def start_server(server_binary: Path) -> Iterator[Callable[..., RealServer]]:
    """``start_server(port=..., append_only=..., options=...)``: start servers that only this test uses."""
    with ExitStack() as stack:

        def start(**settings: Any) -> RealServer:
            return stack.enter_context(RealServer(server_binary, **settings))

        yield start


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[RealServer]:
    """One Valkey server, always available, for tests that do not depend on the kind of server."""
    with RealServer(valkey_binary()) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, valkey_server: RealServer) -> Iterator[Project]:
    """A project whose ``${REDIS_URL}`` is an empty server."""
    valkey_server.command("FLUSHALL")
    with Project(tmp_path, {"REDIS_URL": valkey_server.url}) as made:
        yield made


@pytest.fixture
def each_project(tmp_path: Path, redis_url: str) -> Iterator[Project]:
    """The same project, once on Valkey and once on Redis."""
    with Project(tmp_path, {"REDIS_URL": redis_url}) as made:
        yield made


@pytest.fixture
def lone_project(tmp_path: Path) -> Iterator[Project]:
    """A project without a server of its own."""
    with Project(tmp_path, {"REDIS_URL": ""}) as made:
        yield made


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """``command("check", "routes.yaml")``: run the command line to its end in this process."""
    from streamroute.cli.main import main
    from streamroute.compiler.resolve.importer import isolated_imports

    def run(*arguments: str) -> Done:
        with isolated_imports(Path.cwd()), pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    with log_settings_kept():
        yield run
