"""Settles messages: plain acknowledgements in batches, and one script for each message with outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.entries.entry_reader import entry_name, is_retry, server_id
from streamroute.adapters.entries.settlement import ack_mode, settlement
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script, script_error_text
from streamroute.adapters.stream.ack_batches import MAX_IDS, Ack, ack_batches_of
from streamroute.adapters.stream.failure_reports import report_failures
from streamroute.delivery import Delivery
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import SkippedEntries

_KEEP: Final = ack_mode(is_retry=False)


async def ack_deliveries(
    client: Redis, keys: GroupKeys, group: str, consumer: str, deliveries: Sequence[Delivery], lease: int
) -> list[str]:
    """Acknowledge deliveries without outcomes; returns the ids that this consumer does not hold any more.

    ``lease`` is in ms. Raises what redis-py raises.
    """
    lost: list[str] = []
    by_key = {delivery.pending_key for delivery in deliveries}
    for key in (keys.stream, keys.retry):
        if key not in by_key:
            continue
        done = deliveries if len(by_key) == 1 else [each for each in deliveries if each.pending_key == key]
        mode = ack_mode(is_retry=key == keys.retry)
        for start in range(0, len(done), MAX_IDS):
            ack = _ack(key, group, consumer, done[start : start + MAX_IDS], mode, lease)
            gone = await ack_batches_of(client).ack(client, ack)
            lost += [entry_name(keys, key, text(entry_id)) for entry_id in gone]
    return lost


def _ack(key: str, group: str, consumer: str, done: Sequence[Delivery], mode: str, lease: int) -> Ack:
    deadline = min([delivery.lease_confirmed_at for delivery in done]) + lease
    counts = [delivery.deliveries for delivery in done]
    if counts.count(1) == len(counts):
        return Ack(key, group, consumer, deadline, mode, [delivery.entry_id for delivery in done])
    if min(counts) < 1:
        # Another entry has the id of a running one. Force a lookup, which finds no matching count: if a
        # heartbeat confirmed the id, that was for the other entry.
        deadline = 0
    done = sorted(done, key=lambda delivery: len(delivery.entry_id))  # the order of the packed ids
    return Ack(
        *(key, group, consumer, deadline, mode),
        [delivery.entry_id for delivery in done],
        [delivery.deliveries for delivery in done],
    )


async def ack_skipped(
    client: Redis, key: str, group: str, consumer: str, skipped: Sequence[SkippedEntries], lease: int
) -> None:
    """Acknowledge skipped entries of a stream, except those that another consumer has claimed.

    ``lease`` is in ms. Raises what redis-py raises.
    """
    deadline = min(entries.read_at for entries in skipped) + lease
    ids = b" ".join([entry_id for entries in skipped for entry_id in entries.ids]).decode().split(" ")
    for start in range(0, len(ids), MAX_IDS):
        ack = Ack(key, group, consumer, deadline, _KEEP, ids[start : start + MAX_IDS])
        await ack_batches_of(client).ack(client, ack)


async def ack_unconditionally(client: Redis, keys: GroupKeys, group: str, message_ids: Sequence[str]) -> None:
    """Acknowledge entries, whichever consumer holds them; raises what redis-py raises."""
    retries = [server_id(message_id) for message_id in message_ids if is_retry(message_id)]
    others = [message_id for message_id in message_ids if not is_retry(message_id)]
    if others:
        await send_command(client, "XACK", keys.stream, group, *others)
    if retries:
        await send_command(client, "XACK", keys.retry, group, *retries)
        await send_command(client, "XDEL", keys.retry, *retries)


async def settle_outcomes(
    client: Redis,
    keys: GroupKeys,
    group: str,
    consumer: str,
    messages: Mapping[str, Message],
    incidents: Incidents = LOG_ONLY,
) -> tuple[list[str], dict[str, str]]:
    """Write the outcomes of each message and acknowledge it, by one script each, in one round trip.

    Returns the ids that this consumer does not hold any more, and the ids that the server refused, with
    its reason. Raises what redis-py raises if the server cannot be reached.
    """
    calls = [settlement(keys, group, consumer, message) for message in messages.values()]
    answers = await script("settle/settle").run_each(client, calls)
    lost: list[str] = []
    refused: dict[str, str] = {}
    for entry_id, answer in zip(messages, answers, strict=True):
        if isinstance(answer, Exception):
            refused[entry_id] = script_error_text(answer)
        elif not answer:
            lost.append(entry_id)
        elif isinstance(answer, list):
            report_failures(keys, answer, incidents)
    return lost, refused
