"""Mutants: broken builds of the storage, each with one promise taken out, for the oracle to catch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.records import DeadRecord, flat, retry_record
from streamroute.adapters.scripts import script
from streamroute.adapters.storage import RedisStreamStorage
from streamroute.adapters.wire import command
from streamroute.keys import GroupKeys
from streamroute.values import DeadLetter, RetryLater, Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamroute.message import Message

Whole = Any  # a mutant looks at what the storage hides from others

_settle = RedisStreamStorage.settle
_read = RedisStreamStorage.read_events


def ack_before_the_handler() -> None:
    """What was read is acked at once."""

    async def read_events(storage: Whole, stream: str, group: str, consumer: str, count: int) -> Any:
        entries = await _read(storage, stream, group, consumer, count)
        await storage.ack_events(stream, group, [entry_id for entry_id, _ in entries])
        return entries

    _replace("read_events", read_events)


def unfenced_ack() -> None:
    """Who has finished acks, whoever owns the entry; a lost lease stops nobody."""

    async def settle(
        storage: Whole, stream: str, group: str, consumer: str, messages: Mapping[str, Message]
    ) -> Settled:
        done = {entry_id: message for entry_id, message in messages.items() if not message.outcomes}
        failed = {entry_id: message for entry_id, message in messages.items() if message.outcomes}
        if done:
            await storage.ack_events(stream, group, list(done))
        return await _settle(storage, stream, group, consumer, failed) if failed else Settled()

    _replace("settle", settle)
    _ignore_lost_leases()


def dead_letter_after_the_ack() -> None:
    """Two calls, in the wrong order."""

    async def write(storage: Whole, keys: GroupKeys, message: Message, name: str) -> None:
        await storage.ack_events(keys.stream, message.group, [name])
        for outcome in message.outcomes or []:
            if isinstance(outcome, DeadLetter):
                fields = flat(DeadRecord.of(message, outcome).write())
                await command(storage._client, "XADD", keys.dead, "*", *fields)

    _settle_in_two_calls(DeadLetter, write)


def schedule_then_ack() -> None:
    """Two calls, in the right order, which is not enough."""

    async def write(storage: Whole, keys: GroupKeys, message: Message, name: str) -> None:
        for outcome in message.outcomes or []:
            if isinstance(outcome, RetryLater):
                record = retry_record(message, outcome)
                arguments: list[str | bytes | int] = [record.name, int(outcome.delay * 1000), record.pack()]
                await script("schedule").run(storage._client, [keys.due, keys.delayed], arguments)
        await storage.ack_events(keys.stream, message.group, [name])

    _settle_in_two_calls(RetryLater, write)


def _settle_in_two_calls(kind: type, write: Callable[..., Any]) -> None:
    """Messages with an outcome of this kind are written by ``write``, all others as they should be."""

    async def settle(
        storage: Whole, stream: str, group: str, consumer: str, messages: Mapping[str, Message]
    ) -> Settled:
        mine = {n: m for n, m in messages.items() if any(isinstance(o, kind) for o in m.outcomes or ())}
        for name, message in mine.items():
            await write(storage, GroupKeys.of(stream, group), message, name)
        others = {n: m for n, m in messages.items() if n not in mine}
        return await _settle(storage, stream, group, consumer, others) if others else Settled()

    _replace("settle", settle)


def _ignore_lost_leases() -> None:
    keeper: Any = getattr(RedisStreamStorage, "lease_keeper", None)
    if keeper is None:
        return

    def lease_keeper(storage: Whole, *source: str, held: Any, lost: Any) -> Any:
        return keeper(storage, *source, held=held, lost=lambda leases: None)

    _replace("lease_keeper", lease_keeper)


def _replace(method: str, mutation: Callable[..., Any]) -> None:
    setattr(RedisStreamStorage, method, mutation)


MUTANTS: dict[str, Callable[[], None]] = {
    "ack before the handler": ack_before_the_handler,
    "unfenced ack": unfenced_ack,
    "dead letter after the ack": dead_letter_after_the_ack,
    "schedule and ack in two calls": schedule_then_ack,
}
