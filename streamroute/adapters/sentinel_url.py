"""The URL of a master that sentinels watch: ``redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DB``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

SCHEME: Final = "redis+sentinel"
FORM: Final = f"{SCHEME}://HOST:26379,HOST:26379/NAME/0"
PARAMETERS: Final = ("sentinel_username", "sentinel_password")
"""What the sentinels themselves ask for; user and password before the hosts are the master's."""

_HOST: Final = r"(?:\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#,\s]+)"
_PORTED: Final = rf"{_HOST}(?::[0-9]{{1,5}})?"
HOSTS: Final = rf"{_PORTED}(?:,{_PORTED})*"
"""A pattern of the hosts of sentinels."""

_HOST_AND_PORT: Final = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?")
_PATH: Final = re.compile(r"/([^/]+)(?:/([0-9]*))?")
_PORT: Final = 26379


class SentinelUrlError(ValueError):
    """A URL does not say what it must; the text says what is wrong, and quotes nothing of the URL."""


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """Where the sentinels are, and which master is meant.

    ``master_url`` is the URL of a server with the settings of this one; its host means nothing.
    """

    sentinels: tuple[tuple[str, int], ...]
    name: str
    master_url: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def is_sentinel(url: str) -> bool:
    """Whether sentinels are meant."""
    return url.lower().startswith(f"{SCHEME}://")


def read_sentinel_url(url: str) -> SentinelUrl:
    """Understand a URL; raises SentinelUrlError, or ValueError as ``urlsplit`` does, where it is none."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    path = _PATH.fullmatch(parts.path)
    if not hosts:
        raise SentinelUrlError("names no sentinel")
    if path is None:
        raise SentinelUrlError("does not end with the master's name and the number of a database")
    own, others = {}, []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in PARAMETERS:
            own[name] = value
        else:
            others.append((name, value))
    return SentinelUrl(
        sentinels=tuple(_sentinel(host) for host in hosts.split(",")),
        name=unquote(path[1]),
        master_url=f"redis://{login}{at}master/{path[2] or 0}?{urlencode(others)}",
        username=own.get("sentinel_username") or None,
        password=own.get("sentinel_password") or None,
    )


def _sentinel(written: str) -> tuple[str, int]:
    found = _HOST_AND_PORT.fullmatch(written)
    port = int(found[2] or _PORT) if found else 0
    if found is None or not 0 < port < 65536:
        raise SentinelUrlError("has a host or a port that cannot be read")
    return found[1].strip("[]"), port
