"""An HTTP API that publishes events; the same process consumes them.

Start it by `uvicorn greetings.app:app`. To consume in processes of their own instead, leave out
`start()`, and run `streamroute serve` beside it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamroute
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

ROUTES = Path(__file__).parents[1] / "routes.yaml"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with streamroute.open(ROUTES, reload=True) as events:
        app.state.events = events
        await events.start()
        yield


app = FastAPI(lifespan=lifespan)


class User(BaseModel):
    name: str


@app.post("/users", status_code=202)
async def sign_up(user: User, request: Request) -> dict[str, str]:
    entry = await request.app.state.events.publish("events", "user.signed_up", user.model_dump())
    return {"entry": entry}


@app.get("/healthz")
async def healthz(request: Request, response: Response) -> dict[str, Any]:
    health = request.app.state.events.health()
    response.status_code = 200 if health.ok else 503
    return {"ok": health.ok, "problems": health.problems}
