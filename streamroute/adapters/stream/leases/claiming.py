"""Claims entries of dead consumers and released entries, in one script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.keys import RELEASED, GroupKeys
from streamroute.values import Quotas


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """The work of one claim: pending entries to examine beyond those of dead consumers, and bytes to return.

    A single entry may be larger than ``reply_bytes``.
    """

    sweep: int = 1000
    reply_bytes: int = 16 * 1024 * 1024


class ClaimReply(NamedTuple):
    """The reply of the script ``claim``; entries refer to ``streams`` by number, starting at 1.

    ``time`` is Redis time in ms; the next sweep of each stream starts at its cursor in ``cursors``.
    ``holders`` are the consumers that held the claimed entries, in the same order.
    """

    streams: Sequence[str]
    time: int
    claimed: Sequence[tuple[int, bytes, int, Sequence[bytes]]]
    deleted: Sequence[tuple[int, bytes]]
    held_back: int
    last_deliveries: int
    cursors: list[str]
    holders: Sequence[bytes]

    def entries(self, reader: EntryReader) -> list[tuple[str, dict[str, Any]]]:
        """Decode the claimed entries."""
        return [
            reader.read(
                self.streams[number - 1],
                text(entry_id),
                fields_from_reply(fields),
                read_at=self.time,
                deliveries=count,
            )
            for number, entry_id, count, fields in self.claimed
        ]

    def deleted_of(self, key: str) -> list[bytes]:
        """Return the ids of entries of this stream that were deleted while pending."""
        number = self.streams.index(key) + 1
        return [entry_id for stream_number, entry_id in self.deleted if stream_number == number]


async def claim(  # noqa: PLR0913 - whose entries, which of them, and how much work
    client: Redis,
    keys: GroupKeys,
    group: str,
    consumer: str,
    *,
    min_idle: int,
    count: int,
    quotas: Quotas,
    cursors: Sequence[str] | None,
    limits: ClaimLimits = ClaimLimits(),
) -> ClaimReply:
    """Claim up to ``count`` entries idle for ``min_idle`` ms or released; raises what redis-py raises.

    Promoted retries come first. Without ``cursors`` the sweep starts at the oldest pending entries.

    Sources: https://redis.io/docs/latest/commands/xpending/,
    https://redis.io/docs/latest/commands/xclaim/
    """
    streams = (keys.retry, keys.stream)
    reply = await script("leases/claim").run(
        client,
        [keys.workers, *streams],
        [
            *(group, consumer, min_idle, count, RELEASED, limits.sweep, limits.reply_bytes),
            *(quotas.last, _quota_argument(quotas)),
            *(cursors or ["-"] * len(streams)),
        ],
    )
    return ClaimReply(streams, *reply)


def _quota_argument(quotas: Quotas) -> str:
    """Format quotas for the script: ``2:32 3:8 *:0``."""
    parts = [f"{delivery}:{quota}" for delivery, quota in quotas.by_delivery.items()]
    return " ".join(parts if quotas.others is None else [*parts, f"*:{quotas.others}"])
