"""Redacts the URL of a server for messages: everything that may be part of a password is hidden.

A password may be written without percent-encoding, in the wrong place, or without the rest of the URL. So
each part is shown only if it looks valid in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from streamroute.adapters.urls import sentinel_url
from streamroute.adapters.urls.url_forms import PARAMETERS, SCHEMES, VALUES

_HIDDEN: Final = "***"
_VARIABLE: Final = re.compile(r"\$\$|\$\{(\w+)(?::-[^}$]*)?\}", re.ASCII)
_FIRST: Final = 0xE000
_STAND_INS: Final = f"{chr(_FIRST)}-\uf8ff"
"""Private use characters: each stands for a variable, whose name may be shown in any part."""
_SCHEME: Final = re.compile(rf"[A-Za-z{_STAND_INS}][A-Za-z0-9+.{_STAND_INS}-]{{0,30}}")
_NAME: Final = re.compile(rf"[A-Za-z0-9._{_STAND_INS}-]{{1,64}}")
_HOST: Final = (
    rf"(?:\[[0-9a-fA-F:.{_STAND_INS}]{{1,45}}\]|[A-Za-z0-9._{_STAND_INS}-]{{1,253}})"
    rf"(?::[0-9{_STAND_INS}]{{1,5}})?"
)
_HOSTS: Final = re.compile(rf"(?:{_HOST}(?:,{_HOST})*)?")
_HOST_AND_PORT: Final = re.compile(rf"(?:{_HOST})(?<=[0-9{_STAND_INS}])(?<!\])")
_HOST_AND_MORE: Final = re.compile(rf"([A-Za-z0-9._{_STAND_INS}-]*):.*", re.DOTALL)
_DATABASE: Final = re.compile(rf"/?[0-9{_STAND_INS}]{{0,3}}")
_MASTER: Final = re.compile(rf"/[A-Za-z0-9._{_STAND_INS}-]{{1,64}}(?:/[0-9{_STAND_INS}]{{0,3}})?")
_SOCKET: Final = re.compile(rf"[A-Za-z0-9._/+~{_STAND_INS}-]{{1,200}}")
_TARGET: Final = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
_ASSIGNED: Final = re.compile(r"[^?&]*+[?&][^=]*=")
_UNKNOWN: Final = re.compile(r"[a-z][a-z_]{0,30}")
_VALUE: Final = re.compile(rf"[A-Za-z0-9._/{_STAND_INS}-]{{0,200}}")
_VARIABLES: Final = re.compile(f"[{_STAND_INS}]+")
_SECRET: Final = ("password", "data", "ciphers")


def redact(url: str) -> str:
    """Return the URL without passwords."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return _without_scheme(url)
    return f"{scheme if _SCHEME.fullmatch(scheme) else _HIDDEN}://{_without_passwords(rest, scheme.lower())}"


def redact_written(written: str) -> str:
    """Return the redacted URL from the configuration, with names of variables instead of their values.

    Omits the defaults of variables, which may be passwords.
    """
    names: list[str] = []

    def placeholder(variable: re.Match[str]) -> str:
        if variable[1] is None:
            return "$"
        names.append(f"${{{variable[1]}}}")
        return chr(_FIRST + (len(names) - 1) % 6_400)

    bare = _VARIABLES.sub("\ufffd", written)
    marked = _VARIABLE.sub(placeholder, bare)
    redacted = marked if _VARIABLES.fullmatch(marked) else redact(marked)
    return _VARIABLES.sub(lambda found: "".join(names[ord(char) - _FIRST] for char in found[0]), redacted)


def _without_scheme(text: str) -> str:
    if _NAME.fullmatch(text) and text != "localhost" and not get_close_matches(text, SCHEMES, n=1):
        return _HIDDEN  # a single word may be the password
    return _without_passwords(text, "")


def _without_passwords(rest: str, scheme: str) -> str:
    """Return what follows the scheme, without passwords."""
    login, at, target = _split_login(rest)
    if at and not target:
        return _HIDDEN
    parts = _TARGET.fullmatch(target)
    assert parts is not None  # noqa: S101 - it matches any text
    hosts, path, query, fragment = parts.groups()
    redacted = _user(login) + at + _hosts(hosts)
    form = _SOCKET if scheme == "unix" else _MASTER if scheme in sentinel_url.SCHEMES else _DATABASE
    if redacted.endswith(_HIDDEN):
        return redacted  # the text after a hidden part may belong to it
    if path and not (form.fullmatch(path) or _DATABASE.fullmatch(path)):
        return f"{redacted}/{_HIDDEN}"
    redacted += path
    if query is not None:
        return f"{redacted}?{'&'.join(_parameters(query))}"
    return f"{redacted}#{_HIDDEN}" if fragment else redacted


def _split_login(rest: str) -> tuple[str, str, str]:
    """Split into login, ``@`` and the rest; if that is ambiguous, everything is the login.

    A password without percent-encoding may contain any character. But an ``@`` in a value of the query does
    not precede the host.
    """
    login, at, target = rest.rpartition("@")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not at or len(authority) > len(login):
        return login, at, target
    could_be_a_host = ":" not in authority or "@" in authority or _HOST_AND_PORT.fullmatch(authority)
    if could_be_a_host or _ASSIGNED.match(login):
        return rest, "@", ""
    return login, at, target


def _user(login: str) -> str:
    """Return the user if a password follows; a single word may be the password."""
    name, colon, _ = login.partition(":")
    if not colon:
        return _HIDDEN if login else ""
    return f"{name if not name or _NAME.fullmatch(name) else _HIDDEN}:{_HIDDEN}"


def _hosts(hosts: str) -> str:
    if _HOSTS.fullmatch(hosts):
        return hosts
    named = _HOST_AND_MORE.fullmatch(hosts)
    return f"{named[1]}:{_HIDDEN}" if named else _HIDDEN


def _parameters(query: str) -> Iterator[str]:
    """Yield the parameters up to the first secret; everything after it may belong to it."""
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        is_known = name in (*PARAMETERS, *sentinel_url.PARAMETERS) and not name.endswith(_SECRET)
        if is_known and equals and _looks_valid(name, value):
            yield part
            continue
        yield f"{name}={_HIDDEN}" if equals and _UNKNOWN.fullmatch(name) else _HIDDEN
        return


def _looks_valid(name: str, value: str) -> bool:
    """Whether a value looks valid for this parameter."""
    form = VALUES[name][0] if name in VALUES else ""
    return bool(
        _VARIABLES.fullmatch(value) or (re.fullmatch(form, value) if form else _VALUE.fullmatch(value))
    )
