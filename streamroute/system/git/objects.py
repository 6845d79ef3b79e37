"""Reads objects of a git repository by one ``git cat-file`` process.

Only stored objects are read: git runs no hook, no filter and no helper, and fetches nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Final, NamedTuple, Self

from streamroute.errors import StreamrouteError
from streamroute.system.opening import MAX_BYTES, FileTooLargeError
from streamroute.text.safe_text import safe_repr

_GIT: Final = (
    "git",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "safe.bareRepository=explicit"),
)
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_TIMEOUT: Final = 30.0  # seconds for a question that git answers at once
_LONGEST: Final = 200  # characters of a name in a message


class GitError(StreamrouteError):
    """Raised if git is not installed, or cannot read the repository or the object; the text is the reason."""


class GitObject(NamedTuple):
    """An object: its hash, its type (``blob``, ``tree``, ``commit``, ``tag``) and its content."""

    hash: str
    type: str
    content: bytes


def top_level(folder: str) -> str:
    """Return the real path of the top folder of the working tree that contains a folder.

    Raises GitError if there is none.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [*_GIT, "rev-parse", "--show-toplevel"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_started(error) from error
    if done.returncode:
        reason = safe_repr(done.stderr.decode(errors="replace").strip().removeprefix("fatal: "), _LONGEST)
        raise GitError(f"git cannot read a repository here: {reason}")
    return os.path.realpath(os.fsdecode(done.stdout.removesuffix(b"\n")))


class GitObjects:
    """Reads the objects of the repository of a folder; closes its process on leaving the block."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def read(self, name: str, limit: int = MAX_BYTES) -> GitObject | None:
        """Return an object by its name in git's syntax, such as ``main^{commit}``; None if there is none.

        Raises FileTooLargeError if it has more than ``limit`` bytes, GitError if git fails.
        """
        request = os.fsencode(name)
        if not request or b"\n" in request or b"\0" in request:
            return None
        answer, source = self._ask(request)
        if answer.endswith((b" missing", b" ambiguous")):
            return None
        found, kind, size = self._parsed(answer)
        if size > limit:
            self.close()  # the content is not read
            raise FileTooLargeError.of(limit)
        content = source.read(size + 1)
        if len(content) != size + 1:
            raise self._failure()
        return GitObject(found, kind, content[:size])

    def close(self) -> None:
        """End the process; a later read starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()

    def _ask(self, request: bytes) -> tuple[bytes, IO[bytes]]:
        """Return git's answer to a request, and where the content follows."""
        source, target = self._pipes()
        try:
            target.write(request + b"\n")
            target.flush()
            answer = source.readline()
        except OSError:
            answer = b""
        if not answer:
            raise self._failure()
        return answer.removesuffix(b"\n"), source

    def _parsed(self, answer: bytes) -> tuple[str, str, int]:
        parts = answer.split(b" ")
        if len(parts) != 3 or not parts[2].isdigit():
            raise self._failure()
        return parts[0].decode(), parts[1].decode(), int(parts[2])

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                    [*_GIT, "cat-file", "--batch"],
                    cwd=self._folder,
                    env=_environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as error:
                raise _not_started(error) from error
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout, self._process.stdin

    def _failure(self) -> GitError:
        self.close()
        return GitError("git could not read an object of the repository")


def _environment() -> dict[str, str]:
    return {**os.environ, **_ENVIRONMENT}


def _not_started(error: Exception) -> GitError:
    if isinstance(error, FileNotFoundError):
        return GitError("git is not installed")
    return GitError("git did not answer")
