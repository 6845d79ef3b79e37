"""Events pass through the routes and handlers in memory: no server, no Telegram, no waiting."""

from pathlib import Path

from streamroute.testing import TestApp

from greetings.services import Services

ROUTES = Path(__file__).parents[1] / "routes.yaml"


class Bot:
    """Remembers what it would send."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []

    async def send_message(self, chat_id: int, text: str) -> None:
        self.sent.append((chat_id, text))


async def test_a_user_who_starts_the_bot_is_welcomed() -> None:
    bot = Bot()
    async with TestApp(ROUTES, container=Services(bot)) as app:
        await app.publish("events", "user.started", {"chat": 7, "name": "Ada"})
        await app.settled()
        app.assert_handled("welcome", times=1)
    assert bot.sent == [(7, "Welcome, Ada!")]


async def test_a_small_order_earns_no_thanks() -> None:
    bot = Bot()
    async with TestApp(ROUTES, container=Services(bot)) as app:
        await app.publish("events", "order.paid", {"chat": 7, "order": "A-2", "total": 99})
        await app.settled()
        assert app.handled("thank-for-large-orders") == []
    assert bot.sent == []


async def test_an_event_that_keeps_failing_becomes_a_dead_letter() -> None:
    async with TestApp(ROUTES, container=Services(Bot())) as app:
        await app.publish("events", "user.started", {"name": "Ada"})
        await app.settled()
        assert len(app.retries) == 1
        await app.advance("1h")
        assert len(app.dead_letters) == 1
