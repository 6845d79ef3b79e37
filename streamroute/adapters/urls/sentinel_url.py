"""The URL of a master behind sentinels: ``redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DB``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

from streamroute.adapters.urls.multi_host import Address, HostsUrlError, read_hosts, split_url

SCHEMES: Final = ("redis+sentinel", "rediss+sentinel")
FORM: Final = "redis+sentinel://HOST:26379,HOST:26379/NAME/0"
PARAMETERS: Final = ("sentinel_username", "sentinel_password")
"""The login of the sentinels; user and password before the hosts are the master's."""

_PATH: Final = re.compile(r"/([^/]+)(?:/([0-9]*))?")
_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """The addresses of the sentinels, and the name of the master.

    ``master_url`` is the URL of a server with the same settings; its host is a placeholder.
    """

    sentinels: tuple[Address, ...]
    name: str
    master_url: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def is_sentinel(url: str) -> bool:
    """Whether the URL is that of sentinels."""
    return url.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def read_sentinel_url(url: str) -> SentinelUrl:
    """Parse a URL. Raises HostsUrlError, and ValueError as ``urlsplit`` does."""
    parts = split_url(url)
    login, at, hosts = parts.netloc.rpartition("@")
    path = _PATH.fullmatch(parts.path)
    if not hosts:
        raise HostsUrlError("names no sentinel")
    if path is None:
        raise HostsUrlError("does not end with the master's name and the number of a database")
    options, others = {}, []
    for name, value in parse_qsl(parts.query):
        if name in PARAMETERS:
            options[name] = value
        else:
            others.append((name, value))
    scheme = parts.scheme.partition("+")[0]
    return SentinelUrl(
        sentinels=read_hosts(hosts, _PORT),
        name=unquote(path[1]),
        master_url=f"{scheme}://{login}{at}master/{path[2] or 0}?{urlencode(others)}",
        username=options.get("sentinel_username"),
        password=options.get("sentinel_password"),
    )
