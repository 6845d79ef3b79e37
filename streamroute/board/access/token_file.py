"""The file of access tokens: one line ``ROLE NAME TOKEN`` for each person or program."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from streamroute.board.access.identity import Identity, Role
from streamroute.errors import SetupError

_MAX_BYTES: Final = 256 * 1024
_MIN_TOKEN: Final = 16  # characters
_MAX_TOKEN: Final = 512
_NAME: Final = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The known tokens; only their SHA-256 hashes are kept."""

    identities: dict[bytes, Identity]

    def find(self, token: str) -> Identity | None:
        """Return the identity of a token, or None; the comparison takes the same time for all tokens."""
        digest, found = _digest(token), None
        for known, identity in self.identities.items():
            if hmac.compare_digest(known, digest):
                found = identity
        return found


def read_tokens(path: Path) -> Tokens:
    """Read a token file.

    Raises SetupError, without quoting a token, if the file cannot be read, others may read or write it, or a
    line is invalid.
    """
    identities: dict[bytes, Identity] = {}
    names: set[str] = set()
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        identity, token = _parse(line, f"{path}:{number}")
        if identity.name in names or _digest(token) in identities:
            raise SetupError(f"{path}:{number}: another line has the same name or the same token")
        names.add(identity.name)
        identities[_digest(token)] = identity
    if not identities:
        raise SetupError(f"{path}: the file has no token; write a line such as: operator alice TOKEN")
    return Tokens(identities)


def create_token_file(path: Path, name: str) -> None:
    """Create a token file, readable by its owner only, with a random token of an operator.

    An existing file is kept. Raises SetupError if the file cannot be written.
    """
    line = (
        f"# ROLE NAME TOKEN; the roles are viewer and operator\noperator {name} {secrets.token_urlsafe(24)}\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise SetupError(f"cannot create the token file {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(line)


def _lines(path: Path) -> Iterator[str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SetupError(f"the token file {path} is not a regular file")
            if status.st_mode & 0o077:
                raise SetupError(f"others may read the token file {path}; run: chmod 600 {path}")
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SetupError(f"cannot read the token file {path}: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise SetupError(f"the token file {path} is larger than {_MAX_BYTES // 1024} KB")
    try:
        yield from content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise SetupError(f"the token file {path} is not UTF-8 text") from None


def _parse(line: str, place: str) -> tuple[Identity, str]:
    parts = line.split()
    if len(parts) != 3:
        raise SetupError(f"{place}: expected three words, ROLE NAME TOKEN, found {len(parts)}")
    role, name, token = parts
    if role not in set(Role):
        raise SetupError(f"{place}: the role must be viewer or operator")
    if not _NAME.fullmatch(name):
        raise SetupError(f"{place}: the name may have 64 letters, digits and . _ @ + -")
    if not (_TOKEN.fullmatch(token) and _MIN_TOKEN <= len(token) <= _MAX_TOKEN):
        raise SetupError(
            f"{place}: the token must have {_MIN_TOKEN} to {_MAX_TOKEN} printable ASCII characters"
        )
    return Identity(name, Role(role)), token


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
