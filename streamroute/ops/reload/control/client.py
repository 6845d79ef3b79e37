"""The client of control sockets: asks every process that serves a configuration."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from streamroute.errors import StreamrouteError
from streamroute.ops.reload.control.messages import (
    GENERATION,
    MAX_ANSWER,
    BadMessageError,
    ControlAnswer,
    ControlRequest,
)
from streamroute.ops.reload.control.socket_files import find_control_sockets

_CHUNK: Final = 65_536


class ControlError(StreamrouteError):
    """Raised when a process that listens on its control socket does not answer; the text is why."""


def ask_all(
    state_folder: Path, request: ControlRequest, timeout: float
) -> Iterator[ControlAnswer | ControlError]:
    """Ask every process that serves a configuration of a state folder, one after the other.

    ``timeout`` is in seconds, for each. Processes that have ended are skipped, and those that serve another
    configuration than the request is for.
    """
    for path in find_control_sockets(state_folder):
        try:
            answer = ask(path, request, timeout)
        except (ConnectionRefusedError, FileNotFoundError):
            continue  # the process has ended
        except ControlError as error:
            yield error
        else:
            if answer.is_meant:
                yield answer


def running_generations(state_folder: Path, root: str, timeout: float) -> dict[str, list[int]]:
    """Return the generations of a root file that run now, each with the ids of its processes.

    ``root`` is its absolute path; empty: those of all that use the state folder.

    Processes that do not answer within ``timeout`` seconds, or are of another release, are missing.
    """
    running: dict[str, list[int]] = {}
    for answer in ask_all(state_folder, ControlRequest(GENERATION, root=root), timeout):
        if isinstance(answer, ControlAnswer) and answer.result is not None:
            running.setdefault(answer.result.generation, []).append(answer.process)
    return running


def ask(path: Path, request: ControlRequest, timeout: float) -> ControlAnswer:
    """Send a request to one socket; returns the answer.

    Raises ControlError, or ConnectionRefusedError or FileNotFoundError if nothing listens.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            with suppress(BrokenPipeError, ConnectionResetError):  # a busy process answers at once
                connection.sendall(request.encode())
            return ControlAnswer.decode(_read_line(connection))
        except TimeoutError:
            raise ControlError(f"{path} did not answer within {timeout:g} s") from None
        except (ConnectionRefusedError, FileNotFoundError):
            raise
        except OSError as error:
            raise ControlError(f"{path} cannot be reached: {error.strerror}") from error
        except BadMessageError as error:
            raise ControlError(f"{path}: {error}") from error


def _read_line(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_ANSWER and (part := connection.recv(_CHUNK)):
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            break
    if not parts:
        raise BadMessageError("the process ended before it answered")
    return b"".join(parts)
