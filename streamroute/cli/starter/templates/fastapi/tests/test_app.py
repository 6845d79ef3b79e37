"""The API publishes to the routes in memory, without a server."""

from pathlib import Path

from httpx import ASGITransport, AsyncClient
from streamroute.testing import TestApp

from greetings.app import app

ROUTES = Path(__file__).parents[1] / "routes.yaml"


async def test_a_user_who_signs_up_is_welcomed() -> None:
    async with TestApp(ROUTES) as events:
        app.state.events = events
        transport = ASGITransport(app=app)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/users", json={"name": "Ada"})
        assert answer.status_code == 202
        await events.settled()
        events.assert_handled("welcome", times=1)


async def test_a_user_without_a_name_is_refused() -> None:
    async with TestApp(ROUTES) as events:
        app.state.events = events
        transport = ASGITransport(app=app)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/users", json={})
        assert answer.status_code == 422
        await events.settled()
        assert events.handled("welcome") == []
