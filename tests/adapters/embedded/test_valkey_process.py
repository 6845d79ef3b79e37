"""Queries to the embedded server's process, and the interpretation of its replies."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamroute.adapters.embedded import valkey
from streamroute.adapters.embedded.valkey import State
from streamroute.errors import EmbeddedServerError


@contextmanager
def answering(reply: bytes | None) -> Iterator[tuple[Path, list[bytes]]]:
    """A socket that sends this reply, or hangs up (None); with a record of everything received."""
    message: list[bytes] = []
    with tempfile.TemporaryDirectory(prefix="sr-") as place, socket.socket(socket.AF_UNIX) as listener:
        path = Path(place, "s")
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                message.append(connection.recv(1000))
                if reply is not None:
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path, message
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (b"+PONG\r\n", "ready"),
        (b"-NOAUTH Authentication required.\r\n", "ready"),
        (b"-LOADING Valkey is loading the dataset in memory\r\n", "loading"),
        (None, "absent"),
    ],
)
def test_any_answer_is_a_sign_of_life(reply: bytes | None, state: State) -> None:
    with answering(reply) as (path, message):
        assert valkey.state(path) == state
    assert message == [b"PING\r\n"]


@pytest.mark.parametrize(
    ("reply", "process"), [(b"$20\r\nprocess_id:4711\r\nx\r\n", 4711), (b"-NOAUTH\r\n", None), (None, None)]
)
def test_a_server_reports_its_process_id(reply: bytes | None, process: int | None) -> None:
    with answering(reply) as (path, message):
        assert valkey.process_id(path) == process
    assert message == [b"INFO server\r\n"]


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [(b"-ERR Errors trying to SHUTDOWN. \r\n", "-ERR Errors trying to SHUTDOWN."), (None, "")],
)
def test_a_server_that_does_not_stop_is_reported_with_the_reason(reply: bytes | None, refusal: str) -> None:
    with answering(reply) as (path, message):
        assert valkey.request_shutdown(path, "NOSAVE") == refusal
    assert message == [b"SHUTDOWN NOSAVE\r\n"]


def test_a_server_that_hangs_up_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ConnectionResetError("gone"), BrokenPipeError("gone"), TimeoutError("busy")):

        def raise_it(_path: Path, _command: bytes, error: OSError = error) -> bytes:
            raise error

        monkeypatch.setattr(valkey, "_ask", raise_it)
        assert valkey.request_shutdown(Path("/nowhere")) == ""


def test_a_socket_without_a_server_does_not_answer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert valkey.state(path) == "absent"
    assert valkey.process_id(path) is None
    assert "No such file" in valkey.request_shutdown(path)


def test_a_child_that_has_ended_is_collected_once() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not valkey.has_ended(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert valkey.has_ended(child.pid)
        assert valkey.has_ended(child.pid)
        child.returncode = 0


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (b"", "ends with: nothing"),
        (b"\n \n", "ends with: nothing"),
        (b"7:M 1 Jan 2026 00:00:00.000 # Bad file format\n\n", "ends with: Bad file format"),
        (
            b"7:M 1 Jan 2026 00:00:00.000 * One\n7:C 1 Jan 2026 00:00:00.000 - Two # three\n",
            "ends with: Two # three",
        ),
        (b"\xff\n", "ends with: \ufffd"),
        (b"x" * 10_000, "ends with: " + "x" * 4096),
    ],
)
def test_the_last_log_line_skips_empty_lines(tmp_path: Path, log: bytes, message: str) -> None:
    (tmp_path / valkey.LOG_NAME).write_bytes(log)
    assert valkey.last_log_line(tmp_path) == f"its log {tmp_path / valkey.LOG_NAME} {message}"


def test_a_missing_server_log_is_reported(tmp_path: Path) -> None:
    assert valkey.last_log_line(tmp_path).endswith("valkey.log cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-x86_64"),
        ("Linux", "AMD64", "linux-x86_64"),
        ("Linux", "arm64", "linux-aarch64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Darwin", "aarch64", "darwin-arm64"),
        ("Darwin", "x86_64", "darwin-x86_64"),
    ],
)
def test_the_package_has_a_name_for_each_machine(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    requests: list[Path] = []

    def is_file(path: Path) -> bool:
        requests.append(path)
        return False

    monkeypatch.setattr(Path, "is_file", is_file)
    with pytest.raises(EmbeddedServerError, match=f"has no server for {name}; set a server of your own"):
        valkey.server_program()
    assert [path.parts[-2:] for path in requests] == [(name, "valkey-server")]
