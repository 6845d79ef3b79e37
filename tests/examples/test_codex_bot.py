"""A bot written for codex_bot.redis 0.4.0 runs with one changed import line, and does the same."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from consuming import eventually
from repository import TESTDATA

BOT: Final = TESTDATA / "codex_bot" / "bot.py"
BEFORE: Final = "from codex_bot.redis import"
AFTER: Final = "from streamroute import"
EVENTS: Final = (
    {"type": "booking.confirmed", "user_id": "7", "date": "1 May", "nights": "2"},
    {"type": "booking.confirmed", "user_id": "8", "date": "2 May", "nights": "9"},
    {"type": "guest.arrived", "user_id": "8"},
    {"type": "payment.failed", "user_id": "9"},
)
SENT: Final = [
    ("7", "See you on 1 May"),
    ("8", "See you on 2 May"),
    ("8", "Shall we pick you up?"),
    ("9", "Your card was declined"),
]


class Bot:
    """What the bot sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send_message(self, chat_id: str, text: str) -> None:
        self.sent.append((chat_id, text))


def codex_bot() -> Path:
    """The folder of codex_bot's package, if it is installed; its own dependencies need not be."""
    spec = importlib.util.find_spec("codex_bot")
    if spec is None or spec.origin is None:
        pytest.skip("codex_bot is not installed: pip install --no-deps codex-bot==0.4.0")
    return Path(spec.origin).parent


@pytest.fixture(params=["codex_bot", "streamroute"])
def bot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bot as it was written, and with the changed line."""
    source = BOT.read_text(encoding="utf-8")
    assert source.count(BEFORE) == 1
    if request.param == "codex_bot":
        package = ModuleType("codex_bot")  # the package itself imports aiogram
        package.__path__ = [str(codex_bot())]
        monkeypatch.setitem(sys.modules, "codex_bot", package)
    else:
        source = source.replace(BEFORE, AFTER)
    module = ModuleType("bot")
    monkeypatch.setitem(sys.modules, "bot", module)
    exec(compile(source, BOT, "exec"), vars(module))  # noqa: S102 - it is our own file
    return module


@pytest.fixture
async def texts(redis_url: str) -> AsyncIterator[Any]:
    """A client that decodes replies, as bots use it."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def test_every_event_has_the_effect_that_it_had(bot: Any, texts: Any) -> None:
    telegram = Bot()
    for event in EVENTS:
        await texts.xadd("bot_events", event)
    container = await bot.run(texts, telegram, lambda: _done(texts, telegram), retry=0.01)
    assert sorted(telegram.sent) == SENT
    assert (container.retries.delays, container.attempts) == ([60], ["9", "9"])
    assert not container.is_healthy


async def test_it_is_healthy_while_it_listens(bot: Any, texts: Any) -> None:
    container = bot.Container(texts, Bot())
    assert not container.is_healthy
    await container.start()
    try:
        assert container.is_healthy
        assert container.stream_processor.group_name == "bot_group"
    finally:
        await container.stop()


async def _done(texts: Any, telegram: Bot) -> None:
    await eventually(lambda: len(telegram.sent) == len(SENT))
    await eventually(lambda: _all_acked(texts))


async def _all_acked(texts: Any) -> bool:
    [group] = await texts.xinfo_groups("bot_events")
    [(last, _)] = await texts.xrevrange("bot_events", count=1)
    return bool(group["pending"] == 0 and group["last-delivered-id"] == last)


@pytest.fixture
def kind(request: pytest.FixtureRequest, bot: Any) -> str:
    """Whose classes the bot runs on."""
    return str(bot.BotRedisDispatcher.__module__).partition(".")[0]


class Handling:
    """Handlers of one type that note what they receive; the first raises if it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.seen: list[dict[str, Any]] = []
        self._error = error

    async def first(self, payload: dict[str, Any], container: Any) -> None:
        self.seen.append(dict(payload))
        payload["changed"] = "yes"
        if self._error is not None:
            raise self._error

    async def second(self, payload: dict[str, Any], container: Any) -> None:
        self.seen.append(dict(payload))

    def on(self, dispatcher: Any) -> None:
        """Register both handlers."""
        dispatcher.on_message("booked")(self.first)
        dispatcher.on_message("booked")(self.second)


async def test_a_message_without_a_type_stays_pending(bot: Any, kind: str, texts: Any) -> None:
    assert await _pending_after(bot, texts, {"n": "1"}) == {"codex_bot": 0, "streamroute": 1}[kind]


async def test_without_a_container_nothing_is_acknowledged(bot: Any, kind: str, texts: Any) -> None:
    pending = await _pending_after(bot, texts, {"type": "booked"}, set_up=False)
    assert pending == {"codex_bot": 0, "streamroute": 1}[kind]


async def test_a_failing_handler_does_not_stop_the_next_and_changes_no_payload(bot: Any, kind: str) -> None:
    failing, working = Handling(KeyError("nights")), Handling()
    with pytest.raises(Exception) as raised:
        await _processed(bot, failing)
    await _processed(bot, working)
    error = raised.value if kind == "codex_bot" else raised.value.__cause__
    assert repr(error) == "KeyError('nights')"
    assert len(failing.seen) == {"codex_bot": 1, "streamroute": 2}[kind]
    assert ("changed" in working.seen[1]) is (kind == "codex_bot")


async def test_a_container_may_be_false(bot: Any, kind: str) -> None:
    handling = Handling()
    await _processed(bot, handling, container={})
    assert len(handling.seen) == {"codex_bot": 0, "streamroute": 2}[kind]


async def test_a_handler_of_a_router_may_be_registered_late(bot: Any, kind: str) -> None:
    router, dispatcher, handling = bot.RedisRouter(), bot.BotRedisDispatcher(), Handling()
    dispatcher.setup(Bot())
    dispatcher.include_router(router)
    router.message("booked")(handling.second)
    await dispatcher.process_message({"type": "booked"})
    assert len(handling.seen) == {"codex_bot": 0, "streamroute": 1}[kind]


async def test_running_handlers_may_end(bot: Any, kind: str, texts: Any) -> None:
    started, ended = asyncio.Event(), []

    async def slow(payload: dict[str, Any], container: Any) -> None:
        started.set()
        for _ in range(10):
            await asyncio.sleep(0)
        ended.append(payload)

    container = bot.Container(texts, Bot())
    container.redis_dispatcher.on_message("slow")(slow)
    await texts.xadd("bot_events", {"type": "slow"})
    await container.start()
    await started.wait()
    await container.stop()
    assert len(ended) == {"codex_bot": 0, "streamroute": 1}[kind]


async def test_a_router_of_the_other_package_is_included(bot: Any) -> None:
    """Features that come with codex_bot register their handlers on its own class."""

    class Router:
        def __init__(self, handlers: dict[str, Any]) -> None:
            self.handlers = handlers

    dispatcher, handling = bot.BotRedisDispatcher(), Handling()
    dispatcher.setup(Bot())
    dispatcher.include_router(Router({"booked": [(handling.second, None)]}))
    await dispatcher.process_message({"type": "booked"})
    assert len(handling.seen) == 1


async def _processed(bot: Any, handling: Handling, container: Any = "container") -> None:
    dispatcher = bot.BotRedisDispatcher()
    dispatcher.setup(container=container)
    handling.on(dispatcher)
    await dispatcher.process_message({"type": "booked"})


async def _pending_after(bot: Any, texts: Any, event: dict[str, str], *, set_up: bool = True) -> int:
    """Return how many entries are pending when this one and a later one were read and tried."""
    container = bot.Container(texts, Bot())
    seen: list[dict[str, Any]] = []

    async def process(payload: dict[str, Any]) -> None:
        try:
            await container.redis_dispatcher.process_message(payload)
        finally:
            seen.append(payload)

    if set_up:
        container.redis_dispatcher.setup(container)
    container.stream_processor.set_message_callback(process)
    await texts.xadd("bot_events", event)
    await container.stream_processor.start_listening()
    await eventually(lambda: seen)
    await container.stop()
    [group] = await texts.xinfo_groups("bot_events")
    return int(group["pending"])
