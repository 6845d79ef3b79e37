"""Tests without a server: ``pip install pytest-asyncio httpx``, then ``pytest``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from hotel.app import ROUTES, app, events
from hotel.handlers import Hotel
from streamroute.testing import TestApp


@pytest_asyncio.fixture
async def routes() -> AsyncIterator[TestApp]:
    """The routes in memory, in the place of the ones that the lifespan opens."""
    app.state.hotel = Hotel()
    async with TestApp(ROUTES, container=app.state.hotel) as routes:
        app.dependency_overrides[events] = lambda: routes
        yield routes
    app.dependency_overrides.clear()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, whose lifespan does not begin."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hotel") as client:
        yield client


@pytest.mark.asyncio
async def test_a_short_stay_is_reserved(routes: TestApp, client: httpx.AsyncClient) -> None:
    """From the request to what the handler left."""
    booked = await client.post("/bookings", params={"guest": "ann", "nights": 3})
    await routes.settled()
    routes.assert_handled("reserve-room", times=1)
    routes.assert_not_handled("ask-the-manager")
    shown = await client.get(f"/bookings/{booked.json()['booking']}")
    assert shown.json() == {"state": "reserved for 3 nights"}


@pytest.mark.asyncio
async def test_a_long_stay_waits_for_the_manager(routes: TestApp, client: httpx.AsyncClient) -> None:
    """The filter decides."""
    await client.post("/bookings", params={"guest": "bob", "nights": 45})
    await routes.settled()
    routes.assert_handled("ask-the-manager", times=1)


@pytest.mark.asyncio
async def test_what_does_not_fit_is_refused(routes: TestApp, client: httpx.AsyncClient) -> None:
    """By the schema in routes.yaml."""
    refused = await client.post("/bookings", params={"guest": "ann", "nights": 61})
    await routes.settled()
    assert (refused.status_code, routes.runs()) == (422, [])
