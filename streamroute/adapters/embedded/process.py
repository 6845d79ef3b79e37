"""Finds, starts and shuts down the server process of a data folder.

The server inherits ``server.lock`` in the folder: while it is locked, the server is running. The file
contains the path of the socket.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from streamroute.adapters.embedded import valkey
from streamroute.adapters.embedded.file_lock import FileLock
from streamroute.adapters.embedded.socket_path import socket_path
from streamroute.errors import EmbeddedServerError
from streamroute.system.files import FileReader
from streamroute.system.opening import RefusedFileError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

_POLL_INTERVAL: Final = 0.01
_LONGEST_RECORD: Final = 10_000  # bytes


@dataclass(frozen=True, slots=True)
class ServerTimeouts:
    """Seconds to wait for another process, and for a server to start, to reply and to end."""

    gate: float = 120.0
    """While another process starts or stops the server."""
    start: float = 20.0
    """Until a server replies at all; it may still be loading."""
    reply: float = valkey.REPLY_TIMEOUT
    load: float = 900.0
    """Until it has loaded its data, at some 100 MB per second."""
    stop: float = 60.0
    """Until it has flushed its data and ended."""
    refused_stop: float = 2.0
    """The same, if it refuses to end: its socket disappears before the process ends."""


DEFAULT_TIMEOUTS: Final = ServerTimeouts()


def wait_for(condition: Callable[[], bool], seconds: float, cancelled: threading.Event) -> bool:
    """Wait until ``condition()`` is true; returns False after ``seconds``.

    Raises EmbeddedServerError if ``cancelled`` is set.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        if cancelled.wait(_POLL_INTERVAL):
            raise EmbeddedServerError("the wait for the embedded server was cancelled")
    return True


class FolderServer:
    """The server of ``folder``; one process at a time may start or stop it."""

    def __init__(
        self, folder: Path, cancelled: threading.Event, timeouts: ServerTimeouts = DEFAULT_TIMEOUTS
    ) -> None:
        self.folder = folder
        self._timeouts = timeouts
        self.socket = Path()
        self._pid: int | None = None
        self._child: int | None = None
        self._cancelled = cancelled
        self._life = FileLock(folder / "server.lock")

    def ensure(self) -> None:
        """Find the running server, or start one. Afterwards it responds, but may still be loading."""
        life = FileLock(self._life.path)
        try:
            if self._wait_for_state(life) == "dead":
                self._start(life)
        finally:
            life.close()  # without release(), which would release the server's lock too
        self._pid = valkey.process_id(self.socket)
        self._life.descriptor()

    def is_dead(self) -> bool:
        """Whether the server has ended, and its folder still exists."""
        life = FileLock(self._life.path)
        try:
            # Shared and brief: it delays another process that starts a server by one poll at most.
            return self._life.is_current() and life.try_shared()
        finally:
            life.close()

    def restart(self) -> bool:
        """Start a new server on the socket of a dead one; returns False if one is running."""
        life = FileLock(self._life.path)
        try:
            if not self._life.is_current() or self._wait_for_state(life) != "dead":
                return False
            self._child_has_ended()
            self._start(life, self.socket)
        finally:
            life.close()
        self._pid = valkey.process_id(self.socket)
        return True

    def wait_until_loaded(self) -> None:
        """Wait until the server has loaded its data.

        Raises EmbeddedServerError if it ends meanwhile, or is not ready in time.
        """
        if not wait_for(self._is_loaded, self._timeouts.load, self._cancelled):
            raise EmbeddedServerError(
                f"the embedded server on {self.folder} is still loading its data after "
                f"{self._timeouts.load:g} s; {valkey.last_log_line(self.folder)}"
            )

    def shut_down(self) -> None:
        """Have the server write its data to disk and end; raises EmbeddedServerError if it does not."""
        if self._has_ended() or not self._identify():
            return
        refusal = valkey.request_shutdown(self.socket)
        patience = self._timeouts.refused_stop if refusal else self._timeouts.stop
        if not wait_for(self._has_ended, patience, self._cancelled):
            raise EmbeddedServerError(
                f"process {self._pid} does not end: {refusal or 'no reply'}; "
                f"{valkey.last_log_line(self.folder)}"
            )

    def close(self) -> None:
        """Close the lock file."""
        self._life.release()

    def _identify(self) -> bool:
        """Whether the server on the socket belongs to this folder; another may have started meanwhile."""
        if self._life.is_current():
            self.socket = Path(_record(self._life.path).get("socket", self.socket))
            self._pid = valkey.process_id(self.socket)
            return True
        return valkey.process_id(self.socket) == self._pid  # the folder was deleted

    def _wait_for_state(self, life: FileLock) -> str:
        state = "silent"

        def is_clear() -> bool:
            nonlocal state
            state = self._probe(life)
            return state != "silent"

        if wait_for(is_clear, self._timeouts.start, self._cancelled):
            return state
        record = _record(life.path)
        raise EmbeddedServerError(
            f"the embedded server on {self.folder} is running (pid {record.get('pid')}) but does not respond "
            f"on {record.get('socket')}: it is stopped, or belongs to another container; end it and try again"
        )

    def _probe(self, life: FileLock) -> Literal["dead", "silent", "answers"]:
        if life.try_exclusive():
            return "dead"
        self.socket = Path(_record(life.path).get("socket", ""))
        return "silent" if self._is_absent() else "answers"

    def _start(self, life: FileLock, socket: Path | None = None) -> None:
        program = valkey.server_program()
        self.socket = socket or socket_path(self.folder)
        self._stop_stale_server()
        _write_record(life, {"socket": str(self.socket)})
        self._child = valkey.spawn(program, self.folder, self.socket, life.descriptor())
        try:
            _write_record(life, {"socket": str(self.socket), "pid": self._child})
            self._await_answer()
        except BaseException:
            if not self._child_has_ended():
                os.kill(self._child, signal.SIGTERM)
            raise

    def _stop_stale_server(self) -> None:
        """Stop a server that still uses the socket after its folder was deleted and created again."""
        if self._is_absent():
            return
        valkey.request_shutdown(self.socket, "NOSAVE NOW FORCE")
        if not wait_for(self._is_absent, self._timeouts.start, self._cancelled):
            raise EmbeddedServerError(
                f"a server whose folder was deleted keeps the socket {self.socket}; "
                f"end its process ({valkey.process_id(self.socket)}) and try again"
            )

    def _await_answer(self) -> None:
        answered = wait_for(
            lambda: not self._is_absent() or self._child_has_ended(), self._timeouts.start, self._cancelled
        )
        if not answered or self._child is None:
            problem = "ended at its start" if self._child is None else "does not answer"
            raise EmbeddedServerError(
                f"the embedded server {problem}; {valkey.last_log_line(self.folder)}; {valkey.INSTEAD}"
            )

    def _child_has_ended(self) -> bool:
        """Whether the server that this process started has ended; if so, reap it."""
        if self._child is not None and valkey.has_ended(self._child):
            self._child = None
        return self._child is None

    def _is_absent(self) -> bool:
        return self._state() == "absent"

    def _state(self) -> valkey.State:
        return valkey.state(self.socket, self._timeouts.reply)

    def _is_loaded(self) -> bool:
        state = self._state()
        if state == "absent" and self._has_ended():
            raise EmbeddedServerError(
                f"the embedded server on {self.folder} ended while it loaded its data; "
                f"{valkey.last_log_line(self.folder)}; repair the data, or move the folder away"
            )
        return state == "ready"

    def _has_ended(self) -> bool:
        has_lock = self._life.try_exclusive()
        if has_lock:
            self._life.release()
            wait_for(self._child_has_ended, self._timeouts.start, self._cancelled)  # reap it
        return has_lock


def _record(path: Path) -> dict[str, Any]:
    """Return the record in the lock file; empty if it is incomplete."""
    try:
        record = json.loads(FileReader(path.parent).read(path, _LONGEST_RECORD))
    except (RefusedFileError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(life: FileLock, record: dict[str, Any]) -> None:
    os.ftruncate(life.descriptor(), 0)
    os.pwrite(life.descriptor(), json.dumps(record).encode(), 0)
