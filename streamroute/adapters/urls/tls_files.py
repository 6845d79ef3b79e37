"""Checks the certificate files in a URL: opening a pipe would block the process."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from streamroute.errors import SetupError
from streamroute.system.files import file_type_name

_NAMES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def refuse_special_files(url: str) -> None:
    """Raise SetupError if a file in a URL is a pipe, a folder or a device.

    A missing file is reported when it is opened.
    """
    for name, path in parse_qsl(urlsplit(url).query):
        if name not in _NAMES:
            continue
        try:
            file_type = file_type_name(os.stat(path).st_mode)  # noqa: PTH116 - pathlib raises other errors for odd paths
        except (OSError, ValueError):
            continue
        if file_type:
            raise SetupError(f"{name} in the URL of Redis names {file_type}, not a file")
