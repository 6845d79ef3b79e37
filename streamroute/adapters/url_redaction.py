"""The URL of a server as it may be shown: what can be a part of a password is not.

Somebody may have written the password without percent-encoding, in the place of something else, or without
the rest of the URL. So each part is shown only if it looks like what belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from streamroute.adapters import sentinel_url
from streamroute.adapters.url_problems import PARAMETERS, SCHEMES

_HIDDEN: Final = "***"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST: Final = r"(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?"
_HOSTS: Final = re.compile(rf"(?:{_HOST}(?:,{_HOST})*)?")
_HOST_AND_PORT: Final = re.compile(rf"(?:{_HOST})(?<=[0-9])(?<!\])")
_HOST_AND_MORE: Final = re.compile(r"([A-Za-z0-9._-]*):.*", re.DOTALL)
_DATABASE: Final = re.compile(r"/?[0-9]{0,3}")
_MASTER: Final = re.compile(r"/[A-Za-z0-9._-]{1,64}(?:/[0-9]{0,3})?")
_SOCKET: Final = re.compile(r"[A-Za-z0-9._/+~-]{1,200}")
_TARGET: Final = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
_ASSIGNED: Final = re.compile(r"[?&][^=]*=")
_UNKNOWN: Final = re.compile(r"[a-z][a-z_]{0,30}")
_VALUE: Final = re.compile(r"[A-Za-z0-9._/-]{0,200}")
_SECRET: Final = ("password", "data", "ciphers")


def redact(url: str) -> str:
    """The URL as it may be shown: without passwords, wherever they stand."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return _without_scheme(url)
    return f"{scheme if _SCHEME.fullmatch(scheme) else _HIDDEN}://{_shown(rest, scheme.lower())}"


def _without_scheme(text: str) -> str:
    if _NAME.fullmatch(text) and text != "localhost" and not get_close_matches(text, SCHEMES, n=1):
        return _HIDDEN  # a word alone may be the password itself
    return _shown(text, "")


def _shown(rest: str, scheme: str) -> str:
    """What is behind the scheme."""
    login, at, target = _parted(rest)
    if at and not target:
        return _HIDDEN
    parts = _TARGET.fullmatch(target)
    assert parts is not None  # noqa: S101 - it matches any text
    hosts, path, query, fragment = parts.groups()
    shown = _user(login) + at + _hosts(hosts)
    form = _SOCKET if scheme == "unix" else _MASTER if scheme in sentinel_url.SCHEMES else _DATABASE
    if path:
        shown += path if form.fullmatch(path) or _DATABASE.fullmatch(path) else f"/{_HIDDEN}"
    if query is not None:
        shown += f"?{'&'.join(_parameters(query))}"
    return f"{shown}#{_HIDDEN}" if fragment and query is None else shown


def _parted(rest: str) -> tuple[str, str, str]:
    """Login, ``@``, and what is behind it; all of it a login where nobody can say.

    A password may hold anything when it was not percent-encoded. But an ``@`` in a value of the query is
    not the one before the host.
    """
    login, at, target = rest.rpartition("@")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not at or len(authority) > len(login):
        return login, at, target
    could_be_a_host = ":" not in authority or "@" in authority or _HOST_AND_PORT.fullmatch(authority)
    if could_be_a_host or _ASSIGNED.search(login):
        return rest, "@", ""
    return login, at, target


def _user(login: str) -> str:
    name, colon, _ = login.partition(":")
    shown = name if not name or _NAME.fullmatch(name) else _HIDDEN
    return f"{shown}:{_HIDDEN}" if colon else shown


def _hosts(hosts: str) -> str:
    if _HOSTS.fullmatch(hosts):
        return hosts
    named = _HOST_AND_MORE.fullmatch(hosts)
    return f"{named[1]}:{_HIDDEN}" if named else _HIDDEN


def _parameters(query: str) -> Iterator[str]:
    """The parameters; what is behind a password may belong to it."""
    is_behind_secret = False
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        is_known = name in (*PARAMETERS, *sentinel_url.PARAMETERS)
        is_secret = name.endswith(_SECRET)
        if not equals or not (is_known or (_UNKNOWN.fullmatch(name) and not is_behind_secret)):
            yield _HIDDEN
        elif is_known and not is_secret and _VALUE.fullmatch(value):
            yield part
        else:
            yield f"{name}={_HIDDEN}"
        is_behind_secret = is_behind_secret or is_secret or not is_known
