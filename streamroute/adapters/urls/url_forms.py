"""Schemes, forms and parameters of server URLs, and the patterns of parameter values."""

from __future__ import annotations

from typing import Final

from streamroute.adapters.urls import cluster_url, sentinel_url

FORMS: Final = (
    "redis://HOST:PORT/DB, rediss://..., unix:///PATH, redis+sentinel://..., redis+cluster://..., "
    "embedded or embedded:DIR"
)
SCHEMES: Final = ("redis", "rediss", "unix", "embedded", *sentinel_url.SCHEMES, *cluster_url.SCHEMES)
PERCENT: Final = "in a password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25"
PARAMETERS: Final = (
    "db",
    "username",
    "password",
    "client_name",
    "max_connections",
    "health_check_interval",
    "socket_timeout",
    "socket_connect_timeout",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_ca_data",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_ciphers",
    "ssl_keyfile",
    "ssl_min_version",
    "ssl_password",
)
_NUMBER: Final = (r"[0-9]+", "a whole number", "10")
_SECONDS: Final = (r"[0-9]+(\.[0-9]*)?|\.[0-9]+", "a number of seconds", "10")
VALUES: Final = {
    "db": (r"[0-9]+", "a whole number", "0"),
    "max_connections": _NUMBER,
    "health_check_interval": _NUMBER,
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "ssl_cert_reqs": (r"none|optional|required", "none, optional or required", "required"),
    "ssl_min_version": _NUMBER,
}
"""The pattern of a parameter's value, its description, and an example."""

OTHER_SCHEMES: Final = {
    "http": "redis",
    "https": "rediss",
    "tcp": "redis",
    "tls": "rediss",
    "ssl": "rediss",
    "redis+tls": "rediss",
    "redis+ssl": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "sentinel": "redis+sentinel",
    "redis-sentinel": "redis+sentinel",
    "cluster": "redis+cluster",
    "redis-cluster": "redis+cluster",
    "redis+socket": "unix",
    "redis-socket": "unix",
    "redis+unix": "unix",
}
"""Schemes of other tools, and the equivalent ones here."""
