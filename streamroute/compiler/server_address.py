"""The address of the server, read as `serve` will read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.config.diagnostics import Finding
from streamroute.config.document import Document
from streamroute.config.source import Place
from streamroute.config.wording import quoted

if TYPE_CHECKING:
    from streamroute.adapters.address import AddressError

_USUAL: Final = "embedded"
_ONE_VARIABLE: Final = r"\$\{(\w+)(?::-([^}$]*))?\}"


def check_address(document: Document) -> Iterator[Finding]:
    """Whether ``redis: {url: ...}`` names a server; nothing is connected, and no password is shown."""
    url, place = document.redis.url, document.redis.place
    if url == _USUAL or place is None:
        return
    from streamroute.adapters.address import AddressError, read_address

    try:
        read_address(url, folder=Path(document.path).parent)
    except AddressError as error:
        yield _finding(url, place, error)


def _finding(url: str, place: Place, error: AddressError) -> Finding:
    """What is wrong, about the URL as it is written: of what a variable gave, no part is shown."""
    problem = error.problem
    written = str(place.source.value(place.path))
    if written == url:
        message = f"the address {quoted(error.shown)} {problem.text}"
        advice = None if error.meant else problem.advice
        return place.finding("SR505", message, help=advice, suggestion=error.meant)
    variable = re.fullmatch(_ONE_VARIABLE, written)
    whose = quoted(written)
    if variable and variable[2] != url:
        whose = f'the environment variable "{variable[1]}"'
    message = f"the value of {whose} is not an address of Redis: it {problem.text}"
    return place.finding("SR502", message, help=problem.advice)
