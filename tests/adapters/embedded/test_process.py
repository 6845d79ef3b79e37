"""A slow server: clients wait while it loads, and notice when it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamroute.adapters.embedded import valkey
from streamroute.adapters.embedded.file_lock import FileLock
from streamroute.adapters.embedded.process import FolderServer, ServerTimeouts, wait_for
from streamroute.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOADING = b"-LOADING Valkey is loading the dataset in memory\r\n"


@contextmanager
def impostor(folder: Path, replies: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Stand in for a live server of the folder; PING gets these replies in order, the last one repeatedly.

    Yields the replies that are left.
    """
    place = tempfile.TemporaryDirectory(prefix="sr-")
    path = Path(place.name, "s")
    life = FileLock(folder / "server.lock")
    assert life.try_exclusive()
    life.path.write_text(json.dumps({"socket": str(path), "pid": 1}))
    left = list(replies)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(100).startswith(b"PING"):
                        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield left
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            life.release()
            place.cleanup()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FolderServer]:
    """The server of an empty folder."""
    found = FolderServer(tmp_path, threading.Event(), ServerTimeouts(refused_stop=0.05))
    yield found
    found.close()


def test_a_server_is_waited_for_while_it_loads(tmp_path: Path, server: FolderServer) -> None:
    replies = [_LOADING, _LOADING, _LOADING, b"+PONG\r\n", b"-ERR asked again\r\n"]
    with impostor(tmp_path, replies) as left:
        server.ensure()
        server.wait_until_loaded()
        assert left == replies[-1:], "it returned before the server was ready"


def test_an_endlessly_loading_server_is_an_error(tmp_path: Path) -> None:
    server = FolderServer(tmp_path, threading.Event(), ServerTimeouts(load=0.05))
    (tmp_path / "valkey.log").write_text("1:M 1 Jan 2026 00:00:00.000 * Loading\n")
    with impostor(tmp_path, [_LOADING]), closing(server):
        server.ensure()
        with pytest.raises(
            EmbeddedServerError, match=r"still loading .* after 0\.05 s; .* ends with: Loading"
        ):
            server.wait_until_loaded()


def test_a_server_that_dies_over_its_data_is_an_error(tmp_path: Path, server: FolderServer) -> None:
    with impostor(tmp_path, [_LOADING]):
        server.ensure()
    with pytest.raises(
        EmbeddedServerError, match=r"ended while it loaded its data; its log .* cannot be read"
    ):
        server.wait_until_loaded()


def test_a_server_that_refuses_to_end_is_an_error_with_its_reason(
    tmp_path: Path, server: FolderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "request_shutdown", lambda path: "-ERR disk full")
    with impostor(tmp_path, [b"+PONG\r\n"]):
        server.ensure()
        with pytest.raises(EmbeddedServerError, match="does not end: -ERR disk full"):
            server.shut_down()


def test_a_server_that_is_silent_for_a_moment_has_not_ended(
    tmp_path: Path, server: FolderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with impostor(tmp_path, [_LOADING]):
        server.ensure()
        states = ["absent", "loading", "absent", "ready"]
        monkeypatch.setattr(valkey, "state", lambda path, timeout: states.pop(0))
        server.wait_until_loaded()
        assert states == []


def test_a_server_that_was_killed_is_started_again_on_its_socket(tmp_path: Path) -> None:
    """Its zombie is collected: no other process will do that."""
    server = FolderServer(tmp_path, threading.Event())
    server.ensure()
    server.wait_until_loaded()
    first, place = valkey.process_id(server.socket), server.socket
    assert first is not None
    assert not server.restart()
    assert not server.is_dead()
    os.kill(first, signal.SIGKILL)
    try:
        assert wait_for(server.is_dead, 20, threading.Event())
        assert server.restart()
        second = valkey.process_id(server.socket)
        assert second not in (None, first)
        assert server.socket == place
        with pytest.raises(ChildProcessError):
            os.waitpid(first, os.WNOHANG)
        assert not server.restart()
    finally:
        server.wait_until_loaded()
        server.shut_down()
        assert server.is_dead()
        server.close()


def test_waiting_ends_in_time_or_when_it_is_cancelled() -> None:
    cancelled = threading.Event()
    answers = [False, False, True]
    assert wait_for(lambda: answers.pop(0), 20, cancelled)
    assert not wait_for(lambda: False, 0.05, cancelled)
    assert wait_for(lambda: True, -1, cancelled)
    cancelled.set()
    assert wait_for(lambda: True, 20, cancelled)
    with pytest.raises(EmbeddedServerError, match="was cancelled"):
        wait_for(lambda: False, 20, cancelled)
