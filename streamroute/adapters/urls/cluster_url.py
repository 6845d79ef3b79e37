"""The URL of a cluster: ``redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from streamroute.adapters.urls.multi_host import Address, HostsUrlError, read_hosts, split_url

SCHEMES: Final = ("redis+cluster", "rediss+cluster")
FORM: Final = "redis+cluster://HOST:6379,HOST:6379"

_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class ClusterUrl:
    """Nodes of a cluster, at least one of which must answer.

    ``node_url`` is the URL of a server with the same settings; its host is a placeholder.
    """

    nodes: tuple[Address, ...]
    node_url: str = field(repr=False)


def is_cluster(url: str) -> bool:
    """Whether the URL is that of a cluster."""
    return url.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def read_cluster_url(url: str) -> ClusterUrl:
    """Parse a URL. Raises HostsUrlError, and ValueError as ``urlsplit`` does."""
    parts = split_url(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if not hosts:
        raise HostsUrlError("names no node")
    databases = [value for name, value in parse_qsl(parts.query) if name == "db"]
    if parts.path not in ("", "/", "/0") or any(database != "0" for database in databases):
        raise HostsUrlError("names another database than 0, the only one of a cluster")
    scheme = parts.scheme.partition("+")[0]
    return ClusterUrl(read_hosts(hosts, _PORT), f"{scheme}://{login}{at}node/0?{parts.query}")
