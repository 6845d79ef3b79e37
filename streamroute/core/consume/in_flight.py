"""In flight: the entries that a consumer holds, from the read until they are settled or released."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from streamroute.core.consume.pool.worker_pool import Entry
from streamroute.delivery import Delivery
from streamroute.message import Message


class InFlight:
    """Held payloads by entry id. ``snapshot`` may be called from any thread."""

    def __init__(self) -> None:
        self.payloads: dict[str, dict[str, Any]] = {}
        self._change: asyncio.Future[None] | None = None

    def add(self, entries: Iterable[Entry]) -> list[Entry]:
        """Hold these entries; return those that were not held yet, which have to be handled.

        A held entry is delivered again if the group was recreated, or if it ran past its lease and this
        consumer claimed it again: the run in progress covers the new delivery.
        """
        new = list(entries)
        payloads = dict(new)
        if not self.payloads.keys().isdisjoint(payloads):
            new = [entry for entry in new if not self._merge_redelivery(*entry)]
            payloads = dict(new)
        self.payloads.update(payloads)
        return new

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self.payloads

    def get(self, entry_id: str) -> dict[str, Any]:
        """Return the payload of an entry; empty if the entry is not held."""
        return self.payloads.get(entry_id, {})

    def has(self, entry_id: str, payload: dict[str, Any]) -> bool:
        """Whether this payload object is held: an entry whose lease was lost may return as a new one."""
        return self.payloads.get(entry_id) is payload

    def has_delivery(self, entry_id: str, deliveries: int) -> bool:
        """Whether the entry is held with this delivery count."""
        message = self.payloads.get(entry_id)
        return isinstance(message, Message) and message.delivery.deliveries == deliveries

    def discard(self, entries: Iterable[Entry]) -> None:
        """Stop holding these payloads; a newer delivery of the same entry stays held."""
        payloads = self.payloads
        for entry_id, payload in entries:
            if payloads.get(entry_id) is payload:
                del payloads[entry_id]
        self._changed()

    def clear(self) -> None:
        """Stop holding everything."""
        self.payloads.clear()
        self._changed()

    async def next_change(self) -> None:
        """Wait until an entry is discarded; one caller at a time."""
        self._change = asyncio.get_running_loop().create_future()
        await self._change

    def _changed(self) -> None:
        change, self._change = self._change, None
        if change is not None and not change.done():
            change.set_result(None)

    def snapshot(self) -> Mapping[str, Delivery]:
        """Return the deliveries held now, by entry id."""
        return {
            entry_id: payload.delivery
            for entry_id, payload in list(self.payloads.items())
            if isinstance(payload, Message)
        }

    def _merge_redelivery(self, entry_id: str, payload: dict[str, Any]) -> bool:
        held = self.payloads.get(entry_id)
        if held is None:
            return False
        if isinstance(held, Message) and isinstance(payload, Message):
            same = held.fields == payload.fields
            # This run must not settle another entry with the same id (a recreated stream): with delivery
            # count 0 the fence refuses it, and the entry is claimed later.
            held.delivery.deliveries = payload.delivery.deliveries if same else 0
            held.delivery.lease_confirmed_at = payload.delivery.lease_confirmed_at if same else 0
        return True
