"""Events pass through the routes and handlers in memory: no server, and no waiting for retries."""

from pathlib import Path

import pytest
from streamroute.testing import TestApp

ROUTES = Path(__file__).parents[1] / "routes.yaml"


async def test_a_new_user_is_welcomed(capsys: pytest.CaptureFixture[str]) -> None:
    async with TestApp(ROUTES) as app:
        await app.publish("events", "user.signed_up", {"name": "Ada"})
        await app.settled()
        app.assert_handled("welcome", times=1)
    assert "welcome, Ada\n" in capsys.readouterr().out


async def test_a_small_order_earns_no_thanks() -> None:
    async with TestApp(ROUTES) as app:
        await app.publish("events", "order.paid", {"order": "A-2", "total": 99})
        await app.settled()
        assert app.handled("thank-for-large-orders") == []


async def test_an_event_that_keeps_failing_becomes_a_dead_letter() -> None:
    async with TestApp(ROUTES) as app:
        await app.publish("events", "user.signed_up", {"nmae": "Ada"})
        await app.settled()
        assert len(app.retries) == 1
        await app.advance("1h")
        assert len(app.dead_letters) == 1
