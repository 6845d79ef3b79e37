"""Live pages: server-sent events that replace parts of an open page.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from streamroute.board.http.bounded_protocol import LIVE_STREAM
from streamroute.board.row_batches import RowBatches
from streamroute.errors import StreamrouteError

MAX_STREAMS: Final = 64
"""Open pages that are live at the same time; others are refreshed by their readers."""

_EVERY: Final = 2.0  # seconds between two renderings
_RETRY: Final = 5_000  # ms after which a browser connects again
_LIFETIME: Final = 3600.0  # seconds; then the browser connects again, and has to be authorised again

RenderParts = Callable[[], Awaitable[Mapping[str, str]]]
"""Renders the parts of a page now, by name; raises nothing but errors that end the stream."""


@dataclass(slots=True)
class LivePages:
    """The open streams of one board; ``every`` is the time between two renderings in seconds."""

    every: float = _EVERY
    most: int = MAX_STREAMS
    open: int = 0

    def answer(self, request: Request, render: RenderParts) -> Response:
        """Return a stream of the parts that change, or 503 if too many streams are open."""
        if self.open >= self.most:
            return PlainTextResponse("too many live pages\n", 503, {"Retry-After": "30"})
        setattr(request.state, LIVE_STREAM, True)
        headers = {"X-Accel-Buffering": "no"}  # nginx would keep events back
        return StreamingResponse(self._events(render), media_type="text/event-stream", headers=headers)

    def answer_rows(self, request: Request, rows: AsyncGenerator[str, None]) -> Response:
        """Return a stream of rows to append, or 503 if too many streams are open."""
        if self.open >= self.most:
            return PlainTextResponse("too many live pages\n", 503, {"Retry-After": "30"})
        setattr(request.state, LIVE_STREAM, True)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._rows(rows), media_type="text/event-stream", headers=headers)

    async def _rows(self, rows: AsyncGenerator[str, None]) -> AsyncIterator[str]:
        """Yield rows in batches, and a comment where none comes, which fails if the client has left."""
        self.open += 1
        ends_at = asyncio.get_running_loop().time() + _LIFETIME
        batches = RowBatches(rows)
        try:
            yield f"retry: {_RETRY}\n\n"
            while asyncio.get_running_loop().time() < ends_at:
                batch = await batches.next(self.every)
                if batch is None:
                    return
                yield f"event: rows\ndata: {json.dumps(batch)}\n\n" if batch else ": still here\n\n"
        finally:
            self.open -= 1
            await batches.close()

    async def _events(self, render: RenderParts) -> AsyncIterator[str]:
        self.open += 1
        sent: dict[str, str] = {}
        ends_at = asyncio.get_running_loop().time() + _LIFETIME
        try:
            yield f"retry: {_RETRY}\n\n"
            while asyncio.get_running_loop().time() < ends_at:
                try:
                    parts = await render()
                except StreamrouteError:
                    return  # such as Redis is away: the browser connects again, and the page says why
                changed = {name: html for name, html in parts.items() if sent.get(name) != html}
                sent |= changed
                for name, html in changed.items():
                    yield f"event: part\ndata: {json.dumps({'name': name, 'html': html})}\n\n"
                if not changed:
                    yield ": still here\n\n"  # a client that has left is noticed by writing
                await asyncio.sleep(self.every)
        finally:
            self.open -= 1
