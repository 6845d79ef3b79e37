"""The files of certificates that a URL names: to open a pipe would block the process, so none may be one."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from streamroute.errors import SetupError
from streamroute.system.files import file_type_name

_NAMES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def refuse_special_files(url: str) -> None:
    """Raises SetupError where what a URL names as a file is a pipe, a folder or a device.

    One that is absent is refused by who opens it.
    """
    for name, path in parse_qsl(urlsplit(url).query):
        if name not in _NAMES:
            continue
        try:
            kind = file_type_name(os.stat(path).st_mode)  # noqa: PTH116 - pathlib raises other errors for odd paths
        except (OSError, ValueError):
            continue
        if kind:
            raise SetupError(f"{name} in the URL of Redis names {kind}, not a file")
