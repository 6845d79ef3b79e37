"""Several hosts in one URL: ``HOST:PORT,[::1]:PORT``."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = tuple[str, int]
"""A host and a port."""

_HOST: Final = r"(?:\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#,\s]+)"
_NETLOC: Final = re.compile(r"([^:/?#]+://)([^/?#]*)")
_HOST_AND_PORT: Final = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?")


class HostsUrlError(ValueError):
    """Raised for a URL with a missing or invalid part; the message quotes nothing of the URL."""


def split_url(url: str) -> SplitResult:
    """Split a URL with several hosts; recent ``urlsplit`` refuses an IPv6 address that is not the first.

    Raises ValueError as ``urlsplit`` does.
    """
    match = _NETLOC.match(url)
    if match is None:
        return urlsplit(url)
    return urlsplit(f"{match[1]}hosts{url[match.end() :]}")._replace(netloc=match[2])


def read_hosts(text: str, port: int) -> tuple[Address, ...]:
    """Parse hosts; ``port`` is the default port. Raises HostsUrlError."""
    return tuple(_read_host(host, port) for host in text.split(","))


def _read_host(text: str, usual_port: int) -> Address:
    match = _HOST_AND_PORT.fullmatch(text)
    port = int(match[2] or usual_port) if match else 0
    if match is None or not 0 < port < 65536:
        raise HostsUrlError("has a host or a port that cannot be read")
    return match[1].strip("[]"), port
