"""The URL of a server: what it means, and how it may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from streamroute.adapters import cluster_url, sentinel_url
from streamroute.adapters.cluster_url import read_cluster_url
from streamroute.adapters.hosts import HOSTS, HostsUrlError, split_url
from streamroute.adapters.sentinel_url import read_sentinel_url
from streamroute.errors import SetupError

EMBEDDED_FOLDER: Final = ".streamroute"
"""Where the embedded server keeps its data unless ``embedded:DIR`` says otherwise."""

FORMS: Final = (
    "redis://HOST:PORT/DB, rediss://..., unix:///PATH, redis+sentinel://..., redis+cluster://..., "
    "embedded or embedded:DIR"
)

_SCHEMES: Final = ("redis", "rediss", "unix", "embedded", *sentinel_url.SCHEMES, *cluster_url.SCHEMES)
_PARAMETERS: Final = (
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

# Up to the last @, since a password may hold anything when it was not percent-encoded.
_PASSWORD: Final = re.compile(r"^((?:[^:/?#]*://)?+[^:@/]*):(.*)@", re.DOTALL)
_NOT_A_PORT: Final = re.compile(r"^([^:/?#]*://[^:@/\[]*):(?![0-9]*(?:[/?#]|$))[^/?#@]*")
_SEVERAL_HOSTS: Final = re.compile(rf"rediss?\+(?:sentinel|cluster)://{HOSTS}(?:[/?#]|$)", re.IGNORECASE)
_NO_CONNECTIONS: Final = re.compile(r"\s*[+-]?0[0_]*\s*")
_PARAMETER: Final = re.compile(r"(?<=[?&])([^=&?]*)=([^&]*)")


def redact(url: str) -> str:
    """The URL as it may be shown: without passwords, wherever they stand."""
    shown = _PASSWORD.sub(r"\1:***@", url)
    if not _SEVERAL_HOSTS.match(shown):
        shown = _NOT_A_PORT.sub(r"\1:***", shown)
    return _PARAMETER.sub(_without_secret, shown)


def _without_secret(parameter: re.Match[str]) -> str:
    name = parameter[1]
    public = name in (*_PARAMETERS, *sentinel_url.PARAMETERS) and "password" not in name
    return parameter[0] if public else f"{name}=***"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that was understood: a server of the user's own, or the embedded one's data folder."""

    url: str = field(repr=False)
    data_folder: Path | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded server is meant."""
        return self.data_folder is not None

    def __str__(self) -> str:
        return f"embedded:{self.data_folder}" if self.is_embedded else redact(self.url)


def read_address(url: str, *, folder: Path) -> Address:
    """Understand a URL; ``folder`` is the configuration's, from which ``embedded:DIR`` is relative.

    Raises SetupError, with a text that shows no password, for what is no URL of a server.
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "embedded":
        return Address(url, _data_folder(rest, folder))
    if not colon or scheme.lower() not in _SCHEMES:
        raise SetupError(_unknown_scheme(url, scheme.lower()))
    if scheme.lower() in sentinel_url.SCHEMES:
        return _address_of_several(url, read_sentinel_url, sentinel_url.FORM, sentinel_url.PARAMETERS)
    if scheme.lower() in cluster_url.SCHEMES:
        return _address_of_several(url, read_cluster_url, cluster_url.FORM)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read for the error that it raises
    except ValueError:
        # The parser's own text quotes what it read, which may be a password.
        raise SetupError(
            f"{redact(url)!r} is not a URL: its host or port cannot be read "
            "(in a password, write / as %2F, ? as %3F, # as %23 and @ as %40)"
        ) from None
    _refuse_misleading(parts, redact(url))
    return Address(url)


def _address_of_several(
    url: str, read: Callable[[str], object], form: str, parameters: Sequence[str] = ()
) -> Address:
    try:
        parts = split_url(url)
        read(url)
    except ValueError as error:
        # The parser's own text quotes what it read, which may be a password.
        why = str(error) if isinstance(error, HostsUrlError) else "has a host or a port that cannot be read"
        raise SetupError(f"{redact(url)!r} {why}; write {form}") from None
    _refuse_unknown(parts, redact(url), (*_PARAMETERS, *parameters))
    return Address(url)


def _data_folder(rest: str, folder: Path) -> Path:
    if rest.startswith("//"):
        raise SetupError(f"write embedded:DIR without slashes before it: embedded:{rest.lstrip('/')}")
    return Path(folder, Path(rest or EMBEDDED_FOLDER).expanduser())


def _unknown_scheme(url: str, scheme: str) -> str:
    if not url:
        return f"the URL of Redis is empty; write {FORMS}"
    near = get_close_matches(scheme, (*_SCHEMES, "valkey", "valkeys"), n=1)
    instead = {"valkey": "redis", "valkeys": "rediss"}.get(near[0], near[0]) if near else ""
    hint = f'; did you mean "{instead}"?' if instead else f"; write {FORMS}"
    return f"{redact(url)!r} is not the URL of a Redis server{hint}"


def _refuse_misleading(parts: SplitResult, shown: str) -> None:
    """Refuse what redis-py would take, and understand in another way than its writer."""
    if parts.scheme == "unix":
        if not parts.path or (parts.netloc and not parts.netloc.endswith("@")):
            raise SetupError(f"{shown!r} names no socket; write unix:///path/to/socket, with three slashes")
    elif not parts.netloc and not parts.path.startswith("/"):
        raise SetupError(f"{shown!r} names no host; write {parts.scheme}://HOST:PORT/DB")
    elif not re.fullmatch(r"/?[0-9]*", parts.path):
        raise SetupError(
            f"{shown!r} does not end with the number of a database; write {parts.scheme}://HOST/0"
        )
    _refuse_unknown(parts, shown, _PARAMETERS)


def _refuse_unknown(parts: SplitResult, shown: str, known: Sequence[str]) -> None:
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise SetupError(_unknown_parameter(name, shown, known))
        if name == "max_connections" and _NO_CONNECTIONS.fullmatch(value):
            # redis-py would take it for no limit at all.
            raise SetupError(f"max_connections in the URL {shown!r} is 0; write 2 or more, or leave it out")


def _unknown_parameter(name: str, shown: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"these may be set: {', '.join(known)}"
    return f'unexpected parameter "{name}" in the URL {shown!r}; {hint}'
