"""Finds, starts and shuts down the server process of a data folder.

The server inherits ``server.lock`` in the folder: while it is locked, the server is running. The file
contains the path of the socket.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from streamroute.adapters.embedded import valkey
from streamroute.adapters.embedded.file_lock import FileLock
from streamroute.adapters.embedded.socket_path import socket_path
from streamroute.errors import EmbeddedServerError
from streamroute.system.files import FileReader, RefusedFileError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

_START_PATIENCE: Final = 20.0  # seconds until a server answers at all, be it that it is loading
_STOP_PATIENCE: Final = 60.0  # until it has flushed its data and ended
_ENDING_PATIENCE: Final = 2.0  # for one that refuses: its socket goes before it does
_PAUSE: Final = 0.01
_LONGEST_RECORD: Final = 10_000  # bytes


def wait_for(condition: Callable[[], bool], seconds: float, cancelled: threading.Event) -> bool:
    """Wait until ``condition()`` is true; returns False after ``seconds``.

    Raises EmbeddedServerError if ``cancelled`` is set.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        if cancelled.wait(_PAUSE):
            raise EmbeddedServerError("the wait for the embedded server was cancelled")
    return True


class FolderServer:
    """The server of ``folder``; one process at a time may start or stop it."""

    def __init__(self, folder: Path, cancelled: threading.Event) -> None:
        self.folder = folder
        self.socket = Path()
        self._pid: int | None = None
        self._child: int | None = None
        self._cancelled = cancelled
        self._life = FileLock(folder / "server.lock")

    def ensure(self) -> None:
        """Find the running server, or start one. Afterwards it responds, but may still be loading."""
        life = FileLock(self._life.path)
        try:
            if self._look_patiently(life) == "dead":
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
            if not self._life.is_current() or self._look_patiently(life) != "dead":
                return False
            self._child_has_ended()
            self._start(life, self.socket)
        finally:
            life.close()
        self._pid = valkey.process_id(self.socket)
        return True

    def wait_until_loaded(self, patience: float = 900.0) -> None:
        """Wait until the server has loaded its data, at some 100 MB per second.

        Raises EmbeddedServerError if it ends meanwhile, or is not ready after ``patience`` seconds.
        """
        if not wait_for(self._is_loaded, patience, self._cancelled):
            raise EmbeddedServerError(
                f"the embedded server on {self.folder} is still loading its data after "
                f"{patience:g} s; {valkey.last_log_line(self.folder)}"
            )

    def shut_down(self) -> None:
        """Have the server write its data to disk and end; raises EmbeddedServerError if it does not."""
        if self._has_ended() or not self._identify():
            return
        refusal = valkey.request_shutdown(self.socket)
        if not wait_for(self._has_ended, _ENDING_PATIENCE if refusal else _STOP_PATIENCE, self._cancelled):
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

    def _look_patiently(self, life: FileLock) -> str:
        seen = "silent"

        def is_clear() -> bool:
            nonlocal seen
            seen = self._look(life)
            return seen != "silent"

        if wait_for(is_clear, _START_PATIENCE, self._cancelled):
            return seen
        record = _record(life.path)
        raise EmbeddedServerError(
            f"the embedded server on {self.folder} lives (process {record.get('pid')}) but does not answer "
            f"on {record.get('socket')}: it is stopped, or belongs to another container; end it and try again"
        )

    def _look(self, life: FileLock) -> Literal["dead", "silent", "answers"]:
        if life.try_exclusive():
            return "dead"
        self.socket = Path(_record(life.path).get("socket", ""))
        return "silent" if valkey.state(self.socket) == "absent" else "answers"

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
        if valkey.state(self.socket) == "absent":
            return
        valkey.request_shutdown(self.socket, "NOSAVE NOW FORCE")
        if not wait_for(self._is_absent, _START_PATIENCE, self._cancelled):
            raise EmbeddedServerError(
                f"a server whose folder was deleted keeps the socket {self.socket}; "
                f"end its process ({valkey.process_id(self.socket)}) and try again"
            )

    def _await_answer(self) -> None:
        answered = wait_for(
            lambda: not self._is_absent() or self._child_has_ended(), _START_PATIENCE, self._cancelled
        )
        if not answered or self._child is None:
            what = "ended at its start" if self._child is None else "does not answer"
            raise EmbeddedServerError(
                f"the embedded server {what}; {valkey.last_log_line(self.folder)}; {valkey.INSTEAD}"
            )

    def _child_has_ended(self) -> bool:
        """Whether the server that this process started has ended; if so, reap it."""
        if self._child is not None and valkey.has_ended(self._child):
            self._child = None
        return self._child is None

    def _is_absent(self) -> bool:
        return valkey.state(self.socket) == "absent"

    def _is_loaded(self) -> bool:
        state = valkey.state(self.socket)
        if state == "absent" and self._has_ended():
            raise EmbeddedServerError(
                f"the embedded server on {self.folder} ended while it loaded its data; "
                f"{valkey.last_log_line(self.folder)}; repair the data, or move the folder away"
            )
        return state == "ready"

    def _has_ended(self) -> bool:
        ended = self._life.try_exclusive()
        if ended:
            self._life.release()
            wait_for(self._child_has_ended, _START_PATIENCE, self._cancelled)  # reap it
        return ended


def _record(path: Path) -> dict[str, Any]:
    """Return the record in the lock file; empty if it is incomplete."""
    try:
        found = json.loads(FileReader(path.parent).read(path, _LONGEST_RECORD))
    except (RefusedFileError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_record(life: FileLock, record: dict[str, Any]) -> None:
    os.ftruncate(life.descriptor(), 0)
    os.pwrite(life.descriptor(), json.dumps(record).encode(), 0)
