"""A Telegram bot's background worker, written for codex_bot 0.4.0; it sends through ``container.bot``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from codex_bot.redis import BotRedisDispatcher, RedisRouter, RedisStreamProcessor
from redis.asyncio import Redis
from redis.exceptions import ResponseError

log = logging.getLogger("bot")

bookings = RedisRouter()


@bookings.message("booking.confirmed")
async def confirm(payload: dict[str, Any], container: Container) -> None:
    await container.bot.send_message(payload["user_id"], f"See you on {payload['date']}")


@bookings.message("booking.confirmed", filter_func=lambda payload: int(payload["nights"]) >= 7)
async def offer_transfer(payload: dict[str, Any], container: Container) -> None:
    await container.bot.send_message(payload["user_id"], "Shall we pick you up?")


payments = RedisRouter()


@payments.message("payment.failed")
async def ask_for_another_card(payload: dict[str, Any], container: Container) -> None:
    container.attempts.append(payload["user_id"])
    if len(container.attempts) == 1:
        raise ConnectionError("Telegram is away")
    await container.bot.send_message(payload["user_id"], "Your card was declined")


class StreamAdapter:
    """StreamStorageProtocol on redis-py, as the framework's documentation shows it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def create_group(self, stream: str, group: str) -> None:
        with contextlib.suppress(ResponseError):
            await self.redis.xgroup_create(stream, group, id="0", mkstream=True)

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        result = await self.redis.xreadgroup(group_name, consumer_name, {stream_name: ">"}, count=count)
        return [entry for _, entries in result for entry in entries]

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        await self.redis.xack(stream_name, group_name, message_id)

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        reply = await self.redis.xautoclaim(
            stream_name, group_name, consumer_name, min_idle_time, count=count
        )
        return [(entry_id, fields) for entry_id, fields in reply[1] if fields]


class RetryLater:
    """RetrySchedulerProtocol: a message that failed is added to its stream again."""

    def __init__(self, redis: Redis, seconds: float | None = None) -> None:
        self.redis = redis
        self.seconds = seconds
        self.delays: list[int] = []
        self._waiting: set[asyncio.Task[None]] = set()

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        self.delays.append(delay)
        wait = delay if self.seconds is None else self.seconds
        task = asyncio.create_task(self._add(stream_name, payload, wait))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _add(self, stream_name: str, payload: dict[str, Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.redis.xadd(stream_name, payload)


class Container:
    """The project's dependencies, and its stream processor."""

    def __init__(self, redis: Redis, bot: Any, *, stream: str = "bot_events", retry: float | None = None):
        self.bot = bot
        self.attempts: list[str] = []
        self.retries = RetryLater(redis, retry)
        self.redis_dispatcher = BotRedisDispatcher(retry_scheduler=self.retries)
        for router in (bookings, payments):
            self.redis_dispatcher.include_router(router)
        self.stream_processor = RedisStreamProcessor(
            storage=StreamAdapter(redis),
            stream_name=stream,
            consumer_group_name="bot_group",
            consumer_name="bot-1",
            batch_count=20,
            poll_interval=0.05,
        )

    async def start(self) -> None:
        self.redis_dispatcher.setup(container=self)
        self.stream_processor.set_message_callback(self.redis_dispatcher.process_message)
        await self.stream_processor.start_listening()
        log.info("%s reads %s", self.stream_processor.group_name, self.stream_processor.stream_name)

    async def stop(self) -> None:
        await self.stream_processor.stop_listening()

    @property
    def is_healthy(self) -> bool:
        return self.stream_processor.is_running


async def run(redis: Redis, bot: Any, until: Callable[[], Awaitable[Any]], **settings: Any) -> Container:
    """Consume until ``until`` returns."""
    container = Container(redis, bot, **settings)
    await container.start()
    try:
        await until()
    finally:
        await container.stop()
    return container
