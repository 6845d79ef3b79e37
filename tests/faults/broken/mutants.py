"""Mutants: broken builds of the storage, each without one promise, for the oracle to catch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.retry_record import retry_record
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.keys import GroupKeys
from streamroute.values import DeadLetter, RetryLater, SettleResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamroute.message import Message

Whole = Any  # mutants access private members

_settle = RedisStreamStorage.settle


def ack_before_the_handler() -> None:
    """Read and claimed entries are acknowledged at once; their outcomes are still written."""

    def acking(get: Callable[..., Any]) -> Callable[..., Any]:
        async def get_and_ack(storage: Whole, stream: str, group: str, *how: Any) -> Any:
            entries = await get(storage, stream, group, *how)
            await storage.ack_events(stream, group, [entry_id for entry_id, _ in entries])
            return entries

        return get_and_ack

    async def settle(
        storage: Whole, stream: str, group: str, consumer: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        for message in messages.values():
            await _write(storage, GroupKeys.of(stream, group), message)
        return SettleResult()

    _replace("read_events", acking(RedisStreamStorage.read_events))
    _replace("claim_stale_events", acking(RedisStreamStorage.claim_stale_events))
    _replace("settle", settle)


def unfenced_ack() -> None:
    """A consumer that has finished an entry acknowledges it without ownership; a lost lease is ignored."""

    async def settle(
        storage: Whole, stream: str, group: str, consumer: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        done = {entry_id: message for entry_id, message in messages.items() if not message.delivery.outcomes}
        failed = {entry_id: message for entry_id, message in messages.items() if message.delivery.outcomes}
        if done:
            await storage.ack_events(stream, group, list(done))
        return await _settle(storage, stream, group, consumer, failed) if failed else SettleResult()

    _replace("settle", settle)
    _ignore_lost_leases()


def dead_letter_after_the_ack() -> None:
    """Two calls, in the wrong order."""

    async def finish(storage: Whole, keys: GroupKeys, message: Message, name: str) -> None:
        await storage.ack_events(keys.stream, message.group, [name])
        await _write(storage, keys, message)

    _settle_in_two_calls(DeadLetter, finish)


def schedule_then_ack() -> None:
    """Two calls in the right order, which still are not atomic."""

    async def finish(storage: Whole, keys: GroupKeys, message: Message, name: str) -> None:
        await _write(storage, keys, message)
        await storage.ack_events(keys.stream, message.group, [name])

    _settle_in_two_calls(RetryLater, finish)


def _settle_in_two_calls(kind: type, finish: Callable[..., Any]) -> None:
    """Let ``finish`` settle messages with an outcome of this kind; settle all others correctly."""

    async def settle(
        storage: Whole, stream: str, group: str, consumer: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        mine = {
            n: m for n, m in messages.items() if any(isinstance(o, kind) for o in m.delivery.outcomes or ())
        }
        for name, message in mine.items():
            await finish(storage, GroupKeys.of(stream, group), message, name)
        others = {n: m for n, m in messages.items() if n not in mine}
        return await _settle(storage, stream, group, consumer, others) if others else SettleResult()

    _replace("settle", settle)


async def _write(storage: Whole, keys: GroupKeys, message: Message) -> None:
    """Write every outcome in a call of its own, regardless of the entry's owner."""
    client = storage._client_of(keys.stream)
    for outcome in message.delivery.outcomes or []:
        if isinstance(outcome, RetryLater):
            record = retry_record(message, outcome)
            arguments: list[str | bytes | int] = [record.name, int(outcome.delay * 1000), record.pack()]
            await script("retries/schedule").run(client, [keys.due, keys.delayed], arguments)
        else:
            fields = flatten_fields(DeadRecord.of(message, outcome).write())
            await send_command(client, "XADD", keys.dead, "*", *fields)


def _ignore_lost_leases() -> None:
    keeper: Any = RedisStreamStorage.lease_keeper

    def lease_keeper(storage: Whole, *source: str, **calls: Any) -> Any:
        return keeper(storage, *source, **{**calls, "lost": lambda leases: None})

    _replace("lease_keeper", lease_keeper)


def _replace(method: str, mutation: Callable[..., Any]) -> None:
    assert hasattr(RedisStreamStorage, method)
    setattr(RedisStreamStorage, method, mutation)


MUTANTS: dict[str, Callable[[], None]] = {
    "ack before the handler": ack_before_the_handler,
    "unfenced ack": unfenced_ack,
    "dead letter after the ack": dead_letter_after_the_ack,
    "schedule and ack in two calls": schedule_then_ack,
}
