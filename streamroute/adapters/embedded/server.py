"""The embedded server: a Valkey process on a folder, shared by all processes that use the folder.

No process owns it. Two files in the folder, locked with flock(2), track its users:

``gate.lock``
    held briefly while a user acquires or releases the server, one user at a time.
``users.lock``
    shared by all users. A user that gets it exclusively on release is the last one, and shuts the server
    down.

The kernel releases the locks of a process that ends. If a user is killed, the server keeps running, and the
next user finds it. If the server is killed, a current or the next user restarts it on its folder: the
append-only file holds everything written, except for the last second (``appendfsync everysec``).
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from streamroute.adapters.embedded.data_owner import has_data, take_ownership
from streamroute.adapters.embedded.file_lock import FileLock
from streamroute.adapters.embedded.process import DEFAULT_TIMEOUTS, FolderServer, ServerTimeouts, wait_for
from streamroute.adapters.embedded.valkey import INSTEAD, server_program
from streamroute.adapters.embedded.watchdog import Watchdog
from streamroute.errors import EmbeddedServerError, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)


class EmbeddedServer:
    """One user of the server on ``folder``, from ``acquire()`` to ``release()``.

    Any number of instances, in any number of processes, may use one folder; a forked child needs its own
    instance. Both context managers acquire and release, the asynchronous one in a thread, and return the
    server's URL. Within the asynchronous one, a server that ends is restarted on its data, at the same URL.

    ``adopt``
        whether to trust data that this user's streamroute did not write; otherwise it is refused.
    ``create``
        whether to use a folder without data; otherwise it stays unchanged.
    ``timeouts``
        seconds to wait for other processes and for the server.
    """

    def __init__(
        self,
        folder: Path,
        *,
        adopt: bool = False,
        create: bool = True,
        timeouts: ServerTimeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._named = folder
        self._adopt = adopt
        self._create = create
        self._timeouts = timeouts
        self._cancelled = threading.Event()
        self._users: FileLock | None = None
        self._server = FolderServer(self.folder, self._cancelled, timeouts)
        self._watchdog: Watchdog | None = None

    def acquire(self) -> str:
        """Start or join the server, wait until its data is loaded, and return its URL (``unix://...``).

        Raises EmbeddedServerError if that fails, SetupError if this instance has acquired it already.
        """
        if self._users is not None:
            raise SetupError(f"the embedded server on {self.folder} is acquired already")
        try:
            self._prepare_folder()
            with self._gate():
                self._enter()
            self._server.wait_until_loaded()
        except OSError as error:
            self.release()
            raise EmbeddedServerError(
                f"the embedded server cannot keep its data in {self.folder}: {error.strerror}; name another "
                f"folder (embedded:DIR), or {INSTEAD}"
            ) from error
        except BaseException:
            self.release()
            raise
        return f"unix://{quote(str(self._server.socket))}"

    def release(self) -> None:
        """Stop using the server; the last user shuts it down, and waits until its data is on disk.

        Does nothing if the server is not acquired. A server that does not end keeps running, with a warning
        in the log; the next user finds it.
        """
        users, self._users = self._users, None
        if users is None:
            return
        self._cancelled.clear()
        try:
            self._leave(users)
        except (OSError, EmbeddedServerError) as error:
            _log.warning("the embedded server on %s was left running: %s", self.folder, error)
        finally:
            users.release()
            self._server.close()

    def __enter__(self) -> str:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    async def __aenter__(self) -> str:
        """Acquire in a thread; a cancellation ends the wait and releases everything."""
        acquiring = asyncio.ensure_future(asyncio.to_thread(self.acquire))
        try:
            url = await asyncio.shield(acquiring)
        except asyncio.CancelledError:
            self._cancelled.set()
            await asyncio.wait([acquiring])
            if acquiring.exception() is None:
                await asyncio.to_thread(self.release)
            raise
        self._watchdog = Watchdog(self.folder, self._restart)
        return url

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._cancelled.set()  # ends a wait for a server to start
        if self._watchdog is not None:
            self._watchdog.end()
        self.release()

    def _restart(self) -> bool:
        if not self._server.is_dead():
            return False
        with self._gate():
            return self._server.restart()

    def _prepare_folder(self) -> None:
        if not self._create and not has_data(self.folder):
            raise EmbeddedServerError(
                f"no embedded server has kept data in {self.folder} yet, so there is nothing to inspect"
            )
        if not self.folder.exists():
            server_program()  # raises before a folder is created
            self._refuse_dangling()
        take_ownership(self.folder, adopt=self._adopt)

    def _refuse_dangling(self) -> None:
        if self._named.is_symlink():
            raise EmbeddedServerError(
                f"the link {self._named} points to a missing folder: create the folder, or remove the link"
            )

    @contextmanager
    def _gate(self) -> Iterator[None]:
        gate = FileLock(self.folder / "gate.lock")
        try:
            if not wait_for(gate.try_exclusive, self._timeouts.gate, self._cancelled):
                raise EmbeddedServerError(
                    f"another process has been starting or stopping the embedded server on {self.folder} "
                    f"for more than {self._timeouts.gate:g} s"
                )
            yield
        finally:
            gate.release()

    def _enter(self) -> None:
        """Register as a user before the server starts; after a failure, ``release()`` undoes it."""
        self._users = FileLock(self.folder / "users.lock")
        self._users.try_shared()  # exclusive only behind the gate
        self._server.ensure()

    def _leave(self, users: FileLock) -> None:
        if not users.is_current():  # the folder was deleted: no other user can join any more
            self._shut_down_if_alone(users)
            return
        with self._gate():
            self._shut_down_if_alone(users)

    def _shut_down_if_alone(self, users: FileLock) -> None:
        if users.try_exclusive():
            self._server.shut_down()
