"""Settles messages: plain acknowledgements in batches, and one script for each message with outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.entries.entry_reader import entry_name
from streamroute.adapters.entries.settlement import ack_mode, settlement
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script, script_error_text
from streamroute.keys import GroupKeys
from streamroute.message import Message

_ACK: Final = 500  # ids in one script


async def ack_messages(
    client: Redis, keys: GroupKeys, group: str, consumer: str, messages: Sequence[Message], lease: int
) -> list[str]:
    """Acknowledge messages without outcomes; returns the ids that this consumer does not hold any more.

    ``lease`` is in ms. Raises what redis-py raises.
    """
    lost: list[str] = []
    for key in (keys.stream, keys.retry):
        done = [message for message in messages if message.pending_key == key]
        for start in range(0, len(done), _ACK):
            gone = await _ack(client, key, group, consumer, done[start : start + _ACK], lease)
            lost += [entry_name(keys, key, text(entry_id)) for entry_id in gone]
    return lost


async def _ack(
    client: Redis, key: str, group: str, consumer: str, done: list[Message], lease: int
) -> list[bytes]:
    deadline = min([message.lease_confirmed_at for message in done]) + lease
    counts = [message.deliveries for message in done]
    if min(counts) < 1:
        # Another entry has the id of a running one. Force a lookup, which finds no matching count: if a
        # heartbeat confirmed the id, that was for the other entry.
        deadline = 0
    ids = " ".join([message.entry_id for message in done])
    given = " ".join(map(str, counts)) if max(counts) > 1 or min(counts) < 1 else ""
    lost = await script("ack").run(client, [key], [group, consumer, deadline, ack_mode(done[0]), ids, given])
    return list(lost)


async def settle_outcomes(
    client: Redis,
    keys: GroupKeys,
    group: str,
    consumer: str,
    messages: Mapping[str, Message],
    generation: str,
) -> tuple[list[str], dict[str, str]]:
    """Write the outcomes of each message and acknowledge it, by one script each, in one round trip.

    Returns the ids that this consumer does not hold any more, and the ids that the server refused, with
    its reason. ``generation`` is that of the configuration. Raises what redis-py raises if the server cannot
    be reached.
    """
    calls = [settlement(keys, group, consumer, message, generation) for message in messages.values()]
    answers = await script("settle").run_each(client, calls)
    lost: list[str] = []
    refused: dict[str, str] = {}
    for entry_id, answer in zip(messages, answers, strict=True):
        if isinstance(answer, Exception):
            refused[entry_id] = script_error_text(answer)
        elif not answer:
            lost.append(entry_id)
    return lost, refused
