"""Explains on one line why a server cannot be used, and what to change."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

from streamroute.adapters.redis.driver_errors import network_error_text, redact_server_error
from streamroute.adapters.urls.sentinel_url import FORM
from streamroute.adapters.urls.url import Address
from streamroute.adapters.urls.url_forms import PERCENT
from streamroute.errors import RedisUnavailableError
from streamroute.text.safe_text import safe_str, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGIN_WANTED: Final = "requires a password; write redis://:PASSWORD@HOST or redis://USER:PASSWORD@HOST"
_REFUSED: Final = "refuses the connection; is the server running, and the address right?"
_CLOSED: Final = "closes the connection without a word; is it a Redis server, and does it want rediss://?"
_CLUSTER_DOWN: Final = (
    "is a cluster that does not serve the stream now: the slot has no master, or too many nodes are gone; "
    "CLUSTER NODES says which"
)
_ONE_DATABASE: Final = "is a cluster, which has database 0 alone; leave the database out of its URL"

_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLError, "does not do TLS as rediss:// needs it ({}); check the port and the scheme"),
    (socket.gaierror, "has a host name that cannot be found ({}); check it in the URL"),
    (ConnectionRefusedError, _REFUSED),
    (ConnectionResetError, _CLOSED),
    (FileNotFoundError, "has no socket there; is the server running, and the path right?"),
    (PermissionError, "has a socket that this user may not open; check its owner and its mode"),
    (TimeoutError, "timed out; check the address and firewalls"),
)
_OVER_TLS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (FileNotFoundError, "needs a file that is not there: check the ssl_... parameters in its URL"),
    (
        TimeoutError,
        "timed out; check the address, and write redis:// if the server does not use TLS",
    ),
)
_TEXTS: Final = (
    # asyncio joins the errors of several addresses.
    (["Connect call failed"], _REFUSED),
    # redis-py's first command, which Redis 6 introduced.
    (["unknown command", "HELLO"], "is too old: streamroute needs Redis 6.2 or newer, or Valkey"),
    (["unknown command", "SENTINEL"], "is not a sentinel; write redis:// in its URL"),
    (
        ["unknown command", "CLUSTER"],
        "is not a node of a cluster; write redis:// or redis+sentinel://",
    ),
    (["cluster is down"], _CLUSTER_DOWN),
    (["slot not served"], _CLUSTER_DOWN),
    (["no node of the cluster serves"], _CLUSTER_DOWN),
    (["cluster support disabled"], "is no cluster; write redis:// in its URL"),
    (["SELECT is not allowed in cluster mode"], _ONE_DATABASE),
    (
        ["DB index is out of range"],
        "has no database of this number; its setting `databases` says how many it has",
    ),
    (["Connection closed by server"], _CLOSED),
    (["Connection reset by peer"], _CLOSED),
)
"""Words of an error's text, and their explanation."""


def unavailable_error(error: Exception, address: Address) -> RedisUnavailableError:
    """Return an error that explains an error of redis-py or of the network, on one line."""
    return RedisUnavailableError(f"Redis at {address} {_explain(error, address)}")


def sentinel_error(address: Address) -> RedisUnavailableError:
    """Return the error for a server that is a sentinel."""
    return RedisUnavailableError(f"Redis at {address} is a sentinel, which holds no streams; write {FORM}")


def _explain(error: Exception, address: Address) -> str:
    from redis import exceptions

    if isinstance(error, exceptions.AuthenticationError):
        return _refused_login(_error_text(error), address)
    if isinstance(error, exceptions.NoPermissionError):
        return f"does not permit this user to do that: {_error_text(error)}; change the user's ACL"
    if isinstance(error, exceptions.BusyLoadingError):
        return "is still loading its data; try again when it has"
    if isinstance(error, exceptions.InvalidResponse):
        return f"does not speak Redis's protocol ({_error_text(error)}); check the port"
    for cause in _causes(error):
        explained = _explain_cause(cause, over_tls=address.is_tls)
        if explained:
            return explained
    return f"cannot be used: {_error_text(error)}"


def _refused_login(reply: str, address: Address) -> str:
    if "Authentication required" in reply or "must be called with the client already authenticated" in reply:
        return _LOGIN_WANTED
    advice = f"check both in the URL; {PERCENT}"
    if not address.has_password:
        advice = "a password without a user is written with a colon before it: redis://:PASSWORD@HOST"
    return f"refuses the user or the password ({reply}); {advice}"


def _explain_cause(cause: BaseException, *, over_tls: bool) -> str:
    from redis.asyncio.sentinel import MasterNotFoundError

    text = _one_line(cause)
    if isinstance(cause, MasterNotFoundError):  # redis-py's message lists the errors of all sentinels
        if "password" in text:
            return "has sentinels that refuse us; set sentinel_password in the URL, or check it there"
        return "has no master now: no sentinel answers, or none knows one by this name; check both in the URL"
    if isinstance(cause, ssl.SSLCertVerificationError):
        remedy = "set ssl_ca_certs in the URL"
        if "mismatch" in text:
            remedy = "write a host name in the URL that the certificate is for"
        return f"has a certificate that is not trusted ({_error_text(cause)}); {remedy}"
    for error_type, template in (*(_OVER_TLS if over_tls else ()), *_CAUSES):
        if isinstance(cause, error_type):
            return template.format(_error_text(cause))
    return next((explained for words, explained in _TEXTS if all(word in text for word in words)), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _one_line(error: BaseException) -> str:
    return " ".join(safe_str(error).split()) or type_name(error)


def _error_text(error: BaseException) -> str:
    """Return an error's text, without parts of the URL."""
    return network_error_text(error) if isinstance(error, OSError) else redact_server_error(_one_line(error))
