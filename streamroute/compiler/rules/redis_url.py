"""The address of the server, read as `serve` will read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.config.document import EMBEDDED, Document
from streamroute.config.files.loader import ALLOW_OUTSIDE
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.schema.replaced_values import is_default, match_variable
from streamroute.config.yaml.source import SourceLocation
from streamroute.values import EMBEDDED_FOLDER

if TYPE_CHECKING:
    from streamroute.adapters.urls.url import AddressError


def check_address(document: Document) -> Iterator[Finding]:
    """Whether ``redis: {url: ...}`` names a server; nothing is connected, and no password is shown."""
    url, place = document.redis.url, document.redis.location
    if url == EMBEDDED or place is None:
        yield from _check_folder(document, document.folder / EMBEDDED_FOLDER)
        return
    from streamroute.adapters.urls.url import AddressError, read_address

    try:
        address = read_address(url, folder=document.folder)
    except AddressError as error:
        yield _finding(url, place, error)
        return
    written = str(place.source.value(place.path))
    if address.data_folder is not None and not _of_environment(written, url):
        yield from _check_folder(document, address.data_folder)


def _check_folder(document: Document, folder: Path) -> Iterator[Finding]:
    """The embedded server makes its folder where it is not: below that of the configuration."""
    if document.reader.allows(folder):
        return
    place = document.redis.location
    message = "the embedded server would keep its data outside the folder of the configuration"
    if place is None or place.source.value(place.path) is None:
        yield document.location.finding("SR021", message, on="first-key", help=ALLOW_OUTSIDE)
    else:
        yield place.finding("SR021", message, help=ALLOW_OUTSIDE)


def _of_environment(written: str, url: str) -> bool:
    """Whether whoever runs the command chose the whole address, and the file no part of it."""
    return match_variable(written) is not None and not is_default(written, url)


def _finding(url: str, place: SourceLocation, error: AddressError) -> Finding:
    """What is wrong, about the URL as it is written: of what a variable gave, no part is shown."""
    problem = error.problem
    written = str(place.source.value(place.path))
    if written == url:
        message = f"the address {quote_value(error.shown)} {problem.text}"
        advice = None if error.meant else problem.advice
        return place.finding("SR505", message, help=advice, suggestion=error.meant)
    variable = match_variable(written)
    whose = quote_value(written)
    if variable and _of_environment(written, url):
        whose = f'the environment variable "{variable[1]}"'
    message = f"the value of {whose} is not an address of Redis: it {problem.text}"
    return place.finding("SR502", message, help=problem.advice)
