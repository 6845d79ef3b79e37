"""Gate: the checks that each request passes before a page sees it.

In this order: host, identity, origin of a request that changes something, role. A page reads the result from
``request.state.visitor``.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamroute.board.access.headers import SECURITY_HEADERS
from streamroute.board.access.identity import Identity
from streamroute.board.access.policy import AccessPolicy
from streamroute.board.access.sessions import Sessions
from streamroute.ops.metrics.bounded_server import is_local_name
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

COOKIE: Final = "streamroute_session"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics", "/login"})
"""Paths that need no identity; probes and scrapers have none. Files below ``/static/`` need none either."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({*_SAFE_METHODS, "POST"})
_MAX_NAME: Final = 64  # characters of a name in a proxy's header


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request. ``may_act`` is whether they may change something.

    ``csrf`` is the token that their forms must carry; empty if the request itself proves who sends it.
    """

    identity: Identity
    may_act: bool
    csrf: str = ""
    has_session: bool = False


class Gate:
    """ASGI middleware that answers requests which no page should see."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy, sessions: Sessions) -> None:
        self._app = app
        self._policy = policy
        self._sessions = sessions
        self._secret = secrets.token_bytes(32)  # of the forms of people who do not sign in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        scope.setdefault("state", {})["base"] = scope.get("root_path", "")
        connection = HTTPConnection(scope)
        refusal = self._refusal(connection, scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, connection: HTTPConnection, scope: Scope) -> Response | None:
        if scope["method"] not in _METHODS:
            return PlainTextResponse("method not allowed\n", 405, {"Allow": "GET, HEAD, POST"})
        if not self._is_known_host(connection.headers):
            return PlainTextResponse("request it by an IP address, as localhost, or see --http-name\n", 421)
        path = _path(scope)
        visitor = self._visitor(connection)
        if visitor is None and not (path in OPEN_PATHS or path.startswith("/static/")):
            return _sign_in(connection, path)
        connection.state.visitor = visitor
        if scope["method"] not in _SAFE_METHODS and not _is_own_origin(connection.headers):
            return PlainTextResponse("the request comes from another site\n", 403)
        return None

    def _is_known_host(self, headers: Headers) -> bool:
        host = headers.get("host")
        return host is not None and is_local_name(host, *self._policy.hosts)

    def _visitor(self, connection: HTTPConnection) -> Visitor | None:
        """Return who sends the request; None if that is unknown."""
        policy = self._policy
        if policy.is_open:
            return Visitor(policy.anonymous, may_act=False, csrf=self._csrf_of(policy.anonymous))
        by_token = self._bearer(connection.headers)
        if by_token is not None:
            return Visitor(by_token, policy.may_act(by_token))
        session = self._sessions.find(connection.cookies.get(COOKIE))
        if session is not None:
            return Visitor(session.identity, policy.may_act(session.identity), session.csrf, has_session=True)
        by_proxy = self._proxied(connection)
        if by_proxy is not None:
            return Visitor(by_proxy, policy.may_act(by_proxy), self._csrf_of(by_proxy))
        return None

    def _csrf_of(self, identity: Identity) -> str:
        """Return the token of the forms of a person who has no session; no other person knows it."""
        return hmac.new(self._secret, identity.name.encode(), sha256).hexdigest()

    def _bearer(self, headers: Headers) -> Identity | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._policy.tokens is None:
            return None
        return self._policy.tokens.find(token.strip())

    def _proxied(self, connection: HTTPConnection) -> Identity | None:
        proxy, client = self._policy.proxy, connection.client
        if proxy is None or client is None or not proxy.is_trusted(client.host):
            return None
        names = connection.headers.getlist(proxy.header)
        if len(names) != 1 or not names[0].strip():
            return None  # the proxy names nobody, or a client added a second name
        return proxy.identify(clip(one_line(names[0].strip()), _MAX_NAME))


def is_intended(visitor: Visitor | None, form: Mapping[str, object], headers: Headers) -> bool:
    """Whether a request that changes something carries the token of the visitor's own forms."""
    if visitor is None:
        return False
    if not visitor.csrf:
        return True  # a bearer token, which no other site can add
    sent = form.get(CSRF_FIELD) or headers.get(CSRF_HEADER) or ""
    return isinstance(sent, str) and hmac.compare_digest(sent.encode(), visitor.csrf.encode())


def _is_own_origin(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of this board; programs send no origin.

    Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _sign_in(connection: HTTPConnection, path: str) -> Response:
    """Return the answer to a request of an unknown person: the form to sign in, or 401 for a program."""
    accepts_page = "text/html" in connection.headers.get("accept", "")
    if accepts_page and not path.startswith("/api/"):  # a form too, whose session has ended
        return RedirectResponse(f"{connection.scope.get('root_path', '')}/login", 303)
    return JSONResponse(
        {"error": "sign in, or send the header Authorization: Bearer TOKEN"},
        401,
        {"WWW-Authenticate": 'Bearer realm="streamroute"'},
    )


def _path(scope: Scope) -> str:
    """Return the path below the prefix under which a proxy serves the board."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
