"""Checks the certificate files in a URL: opening a pipe would block the process."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from streamroute.errors import SetupError
from streamroute.system.opening import FileKind, kind_of

_NAMES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SPECIAL: Final = frozenset({FileKind.FOLDER, FileKind.PIPE, FileKind.SOCKET, FileKind.DEVICE})


def refuse_special_files(url: str) -> None:
    """Raise SetupError if a file in a URL is a pipe, a folder or a device.

    A missing file is reported when it is opened.
    """
    for name, path in parse_qsl(urlsplit(url).query):
        if name not in _NAMES:
            continue
        kind = kind_of(path)
        if kind in _SPECIAL:
            raise SetupError(f"{name} in the URL of Redis names {kind}, not a file")
