"""PathPrefix: serve an application below a path, whether or not the proxy removes it from the requests."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class PathPrefix:
    """ASGI middleware that sets ``root_path``; ``prefix`` is empty, or as in ``/tools/streamroute``.

    Source: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole path."""
        if scope["type"] == "http" and self._prefix:
            path = scope["path"]
            is_whole = path == self._prefix or path.startswith(f"{self._prefix}/")
            whole = path if is_whole else self._prefix + path
            scope = {**scope, "root_path": self._prefix, "path": whole, "raw_path": whole.encode()}
        await self._app(scope, receive, send)
