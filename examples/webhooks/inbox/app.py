"""The endpoint: verify, publish, answer. ``uvicorn inbox.app:app``."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import streamroute
from inbox.signature import is_signed

ROUTES: Final = Path(__file__).parents[1] / "routes.yaml"
MAX_BYTES: Final = 1024 * 1024


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Hold one connection to Redis while the app serves; refuse to start without a secret."""
    app.state.secret = os.environ["WEBHOOK_SECRET"].encode()
    async with streamroute.Publisher(ROUTES) as app.state.publisher:
        yield


async def receive(request: Request) -> Response:
    """Publish a webhook of GitHub; the sender knows that it is kept when it sees 202."""
    body = await _body(request)
    if not is_signed(body, request.headers.get("x-hub-signature-256", ""), request.app.state.secret):
        raise HTTPException(401, "the signature does not fit the body")
    event, data = _event(request, body)
    try:
        entry = await request.app.state.publisher.publish(
            "webhooks", event, data, id=request.headers.get("x-github-delivery") or None
        )
    except streamroute.RedisUnavailableError as error:
        raise HTTPException(503, "not kept; deliver it again", {"retry-after": "10"}) from error
    except streamroute.EncodeError as error:
        raise HTTPException(400, "the payload cannot be published") from error
    return JSONResponse({"entry": entry}, 202)


async def _body(request: Request) -> bytes:
    """Return the body, which is read no further than it may be long: the sender is not known yet."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"more than {MAX_BYTES:,} bytes")
    return bytes(body)


def _event(request: Request, body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the type and the data: ``github.issues.opened`` and the JSON object of the body."""
    name = request.headers.get("x-github-event", "")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not name or not isinstance(data, dict):
        raise HTTPException(400, "expected the header X-GitHub-Event and a JSON object")
    action = data.get("action")
    return f"github.{name}.{action}" if isinstance(action, str) else f"github.{name}", data


app = Starlette(routes=[Route("/github", receive, methods=["POST"])], lifespan=lifespan)
