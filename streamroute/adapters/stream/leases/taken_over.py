"""Tells whose entries were claimed: a worker that died names nothing itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from streamroute.adapters.redis.replies import text
from streamroute.keys import RELEASED
from streamroute.logs.coalescing import coalesced_by
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.adapters.stream.leases.claiming import ClaimReply

log = logging.getLogger(__name__)

_MAX_NAMED: Final = 10  # entries in one line


def log_taken_over(stream: str, reply: ClaimReply) -> None:
    """Log the entries that each consumer held when its lease ended; released entries are not mentioned."""
    by_holder: dict[str, list[str]] = {}
    for (number, entry_id, deliveries, _), holder in zip(reply.claimed, reply.holders, strict=True):
        name = text(holder)
        if name != RELEASED:
            origin = " (a retry)" if reply.streams[number - 1] != stream else ""
            found = f"{text(entry_id)}{origin} delivery {deliveries}"
            by_holder.setdefault(clip(name, NAME), []).append(found)
    for name, entries in by_holder.items():
        more = f" and {len(entries) - _MAX_NAMED:,} more" if len(entries) > _MAX_NAMED else ""
        log.warning(
            "%s stopped renewing its leases; taken over from it in %s: %s%s",
            *(name, stream, ", ".join(entries[:_MAX_NAMED]), more),
            extra=coalesced_by("taken over", stream, name),
        )
