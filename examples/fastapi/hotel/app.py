"""The app: its lifespan runs the routes. ``uvicorn hotel.app:app``."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response

import streamroute
from hotel.handlers import Hotel

logging.basicConfig(level=logging.INFO)  # streamroute logs, and leaves the set-up to the program

ROUTES: Final = Path(__file__).parents[1] / "routes.yaml"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Consume while the app serves; at the end, running handlers finish within ``grace``."""
    app.state.hotel = Hotel()
    async with streamroute.open(ROUTES, container=app.state.hotel) as app.state.events:
        await app.state.events.start()
        yield


app = FastAPI(lifespan=lifespan)


def events(request: Request) -> Any:
    """The running routes; a test may override this dependency."""
    return request.app.state.events


Events = Annotated[Any, Depends(events)]


@app.post("/bookings", status_code=202)
async def book(
    guest: str, nights: int, events: Events, idempotency_key: Annotated[str | None, Header()] = None
) -> dict[str, str]:
    """Publish a request for a booking; the same ``Idempotency-Key`` is one booking."""
    booking = str(uuid.uuid5(uuid.NAMESPACE_URL, idempotency_key)) if idempotency_key else str(uuid.uuid4())
    data = {"booking": booking, "guest": guest, "nights": nights}
    try:
        await events.publish("hotel", "booking.requested", data, id=booking, validate=True)
    except streamroute.PayloadError as error:
        raise HTTPException(422, list(error.findings)) from error
    except streamroute.RedisUnavailableError as error:
        raise HTTPException(503, "try again", {"Retry-After": "5"}) from error
    return {"booking": booking}


@app.get("/bookings/{booking}")
async def show(booking: str, request: Request) -> dict[str, str]:
    """What the handlers made of a booking."""
    state = request.app.state.hotel.bookings.get(booking)
    if state is None:
        raise HTTPException(404, "not handled yet")
    return {"state": state}


@app.get("/healthz")
async def health(events: Events, response: Response) -> dict[str, Any]:
    """Whether this process handles events; for a liveness probe."""
    found = events.health()
    response.status_code = 200 if found.ok else 503
    return {"ok": found.ok, "problems": found.problems, "generation": events.generation}
