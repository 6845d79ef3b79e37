"""The address of the server, read as `serve` will read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamroute.config.diagnostics import Finding
from streamroute.config.document import Document
from streamroute.errors import SetupError

_USUAL: Final = "embedded"


def check_address(document: Document) -> Iterator[Finding]:
    """Whether ``redis: {url: ...}`` names a server; nothing is connected, and no password is shown."""
    url, place = document.redis.url, document.redis.place
    if url == _USUAL or place is None:
        return
    from streamroute.adapters.address import read_address

    try:
        read_address(url, folder=Path(document.path).parent)
    except SetupError as error:
        yield place.finding("SR505", str(error))
