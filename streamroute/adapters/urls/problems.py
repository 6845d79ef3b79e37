"""Finds mistakes in the URL of a server, and suggests corrections.

No message quotes the URL: it may come from an environment variable, and may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from streamroute.adapters.urls import cluster_url, sentinel_url
from streamroute.adapters.urls.cluster_url import read_cluster_url
from streamroute.adapters.urls.multi_host import HostsUrlError, split_url
from streamroute.adapters.urls.sentinel_url import read_sentinel_url
from streamroute.adapters.urls.url_forms import FORMS, OTHER_SCHEMES, PARAMETERS, PERCENT, SCHEMES, VALUES


class UrlProblem(NamedTuple):
    """``text`` completes "the URL of Redis ..."; ``correction`` is the corrected URL, or None."""

    text: str
    advice: str
    correction: str | None = None


_VARIABLE: Final = re.compile(
    r"(\$\w+|\{\w+\}|%\w+%|<\w+>)$|\$\(\w+\)|(?:(?!\$\{).)*+\$\{[^}]*\}|(?:(?!\{\{).)*+\{\{.*\}\}", re.DOTALL
)
_BARE_HOST: Final = re.compile(
    r"([^/?#]*@)?(localhost(:[0-9]+)?|[\w-]+(\.[\w-]+)*:[0-9]+)(/[0-9]*)?|[^/?#]*:[^/?#]*@[^/?#]+", re.ASCII
)
_NO_HOST: Final = re.compile(r"[\s<>{}$\"'|\\^`]")
_ADDRESS: Final = re.compile(r"(?=[^:]*+:[^:]*+:)[0-9a-fA-F:.]*")
_NO_CONNECTIONS: Final = re.compile(r"\s*[+-]?0[0_]*\s*")
_UNREADABLE: Final = "has a host or a port that cannot be read"


def problem_of(url: str) -> UrlProblem | None:
    """Return the first mistake in a URL, or None."""
    return next(_problems(url), None)


def _problems(url: str) -> Iterator[UrlProblem]:
    yield from _text_problems(url)
    scheme, colon, rest = url.partition(":")
    if scheme == "embedded":
        if rest.startswith("//"):
            yield UrlProblem(
                "has slashes before its folder", "write embedded:DIR", f"embedded:{rest.lstrip('/')}"
            )
    elif not colon or scheme not in SCHEMES:
        yield _unknown_scheme(url, scheme.lower())
    elif not rest.startswith("//"):
        form = "unix:///PATH" if scheme == "unix" else f"{scheme}://HOST:PORT"
        yield UrlProblem('has no "//" after its scheme', f"write {form}")
    elif scheme in sentinel_url.SCHEMES:
        yield from _problems_of_several(url, sentinel_url.FORM, sentinel_url.PARAMETERS)
    elif scheme in cluster_url.SCHEMES:
        yield from _problems_of_several(url, cluster_url.FORM)
    else:
        yield from _problems_of_one(url)


def _text_problems(url: str) -> Iterator[UrlProblem]:
    bare = url.strip()
    if not bare:
        yield UrlProblem("is blank" if url else "is empty", f"write {FORMS}")
    elif bare != url:
        yield UrlProblem("begins or ends with a space or a line break", "remove it", bare)
    elif bare[0] in "\"'":
        yield UrlProblem("begins with a quote", "remove the quotes", bare.strip("\"'"))
    elif "\0" in unquote(bare):
        yield UrlProblem("contains a NUL, which neither a host name nor a path can contain", "remove it")
    elif _VARIABLE.match(bare):
        yield UrlProblem("contains the name of a variable that was not replaced", "write it as ${REDIS_URL}")


def _unknown_scheme(url: str, scheme: str) -> UrlProblem:
    """Explain a URL with an unknown scheme, or a text that is not a URL."""
    if url.startswith("/") and not url.startswith("//"):
        return UrlProblem("has no scheme", "the path of a socket is written unix:///PATH", f"unix://{url}")
    if _BARE_HOST.fullmatch(url):
        return UrlProblem("has no scheme", "write redis://HOST:PORT, or rediss:// for TLS", f"redis://{url}")
    text = "has an unknown scheme" if "://" in url else "has no scheme"
    word = re.match(r"[\w+-]*", scheme)
    intended = _scheme_meant(word[0] if word else "")
    if not intended:
        return UrlProblem(text, f"write {FORMS}")
    end = "" if intended == "embedded" else "://"
    rest = url[len(scheme) :]
    return UrlProblem(
        text, f"did you mean {intended}{end}?", intended + rest if rest.startswith(end) else None
    )


def _scheme_meant(word: str) -> str | None:
    intended = OTHER_SCHEMES.get(word, word)
    if intended in SCHEMES:
        return intended
    near = get_close_matches(word, (*SCHEMES, "valkey", "valkeys"), n=1)
    return OTHER_SCHEMES.get(near[0], near[0]) if near else None


def _problems_of_several(url: str, form: str, parameters: Sequence[str] = ()) -> Iterator[UrlProblem]:
    try:
        parts = split_url(url)
    except ValueError:
        yield UrlProblem(_UNREADABLE, f"write {form}")
        return
    yield from _stray_password(parts)
    try:
        read = read_sentinel_url if parts.scheme in sentinel_url.SCHEMES else read_cluster_url
        read(url)
    except ValueError as error:
        # The message of ``urlsplit`` quotes its input, which may be a password.
        reason = str(error) if isinstance(error, HostsUrlError) else _UNREADABLE
        yield UrlProblem(reason, f"write {form}")
    yield from _wrong_parameters(parts, (*PARAMETERS, *parameters))


def _problems_of_one(url: str) -> Iterator[UrlProblem]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield UrlProblem(_UNREADABLE, PERCENT if "@" in url else "an IPv6 address is written [::1]")
        return
    yield from _stray_password(parts)
    yield from _wrong_socket(parts) if parts.scheme == "unix" else _wrong_host(parts)
    yield from _wrong_parameters(parts, PARAMETERS)


def _stray_password(parts: SplitResult) -> Iterator[UrlProblem]:
    """Find an unescaped / ? or # in a password: it ends the host part, so that the @ is in a later part."""
    before_query = parts.path if parts.scheme != "unix" else ""
    unnamed = parts.query.partition("=")[0]
    if "@" in before_query or "@" in unnamed or "@" in parts.fragment:
        yield UrlProblem(_UNREADABLE, PERCENT)
    elif parts.fragment:
        yield UrlProblem('has a "#", and what follows it is ignored', "remove it")


def _wrong_socket(parts: SplitResult) -> Iterator[UrlProblem]:
    if not parts.path or (parts.netloc and not parts.netloc.endswith("@")):
        yield UrlProblem("names no socket", "write unix:///path/to/socket, with three slashes")


def _wrong_host(parts: SplitResult) -> Iterator[UrlProblem]:
    hosts = parts.netloc.rpartition("@")[2]
    host, _, port = hosts.partition("]")[2].partition(":") if "]" in hosts else hosts.partition(":")
    scheme = parts.scheme
    if not parts.netloc and parts.path in {"", "/"}:
        yield UrlProblem("names no host", f"write {scheme}://HOST:PORT/DB")
    elif "," in hosts:
        yield UrlProblem("names several hosts", f"write {sentinel_url.FORM} or {cluster_url.FORM}")
    elif _ADDRESS.fullmatch(hosts):
        yield UrlProblem(_UNREADABLE, f"an IPv6 address needs brackets: {scheme}://[::1]:6379")
    elif "%" in host:
        yield UrlProblem('has a "%" in its host', "write the @ between password and host unescaped")
    elif _NO_HOST.search(host):
        yield UrlProblem(
            "has a host with a character that host names cannot contain", f"write {scheme}://HOST:PORT/DB"
        )
    elif port and not (port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        is_password = "@" not in parts.netloc and not port.isdecimal()
        login = "; write a password before the host: redis://:PASSWORD@HOST" if is_password else ""
        yield UrlProblem(
            "has a port that is not a number from 1 to 65535", f"write {scheme}://HOST:6379{login}"
        )
    elif not re.fullmatch(r"/?[0-9]*", parts.path):
        yield UrlProblem("does not end with a database number", f"write {scheme}://HOST/0")


def _wrong_parameters(parts: SplitResult, known: Sequence[str]) -> Iterator[UrlProblem]:
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            yield _unknown_parameter(name, value, known)
        elif name == "max_connections" and _NO_CONNECTIONS.fullmatch(value):
            # redis-py treats 0 as no limit.
            yield UrlProblem("has max_connections=0", "write 2 or more, or leave it out")
        elif name in VALUES and not re.fullmatch(VALUES[name][0], value):
            yield UrlProblem(
                f'has a value of "{name}" that is not {VALUES[name][1]}', f"write {name}={VALUES[name][2]}"
            )


def _unknown_parameter(name: str, value: str, known: Sequence[str]) -> UrlProblem:
    """Report an unknown parameter. It may be the rest of a password, so only a misspelt name is quoted."""
    if "@" in value:
        return UrlProblem(_UNREADABLE, PERCENT)
    near = get_close_matches(name, known, n=1)
    if near:
        return UrlProblem(f'has an unexpected parameter "{name}"', f'did you mean "{near[0]}"?')
    return UrlProblem("has an unexpected parameter", f"these may be set: {', '.join(known)}")
