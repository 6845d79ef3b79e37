"""In flight: the entries that a consumer answers for, from the read until they are settled or let go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from streamroute.core.consume.worker_pool import Entry
from streamroute.message import Message


class InFlight:
    """``payloads`` by the id of their entry. ``snapshot`` may be called from any thread."""

    def __init__(self) -> None:
        self.payloads: dict[str, dict[str, Any]] = {}
        self._change: asyncio.Future[None] | None = None

    def add(self, entries: Iterable[Entry]) -> list[Entry]:
        """Hold these entries from now on; returns those that were not held, which are to be handled.

        An entry that is held already has come again because its group was lost, or because it ran past
        its lease and this consumer claimed it again: the run in progress covers this delivery as well.
        """
        new = list(entries)
        taken = dict(new)
        if not self.payloads.keys().isdisjoint(taken):
            new = [entry for entry in new if not self._merge_redelivery(*entry)]
            taken = dict(new)
        self.payloads.update(taken)
        return new

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self.payloads

    def get(self, entry_id: str) -> dict[str, Any]:
        """The payload of an entry; empty for one that is not held."""
        return self.payloads.get(entry_id, {})

    def has(self, entry_id: str, payload: dict[str, Any]) -> bool:
        """Whether this very payload is held: an entry that was lost may come back as another."""
        return self.payloads.get(entry_id) is payload

    def has_delivery(self, entry_id: str, deliveries: int) -> bool:
        """Whether the entry is held since this delivery."""
        message = self.payloads.get(entry_id)
        return isinstance(message, Message) and message.deliveries == deliveries

    def discard(self, entries: Iterable[Entry]) -> None:
        """Stop holding exactly these payloads; a newer delivery of the same entry stays held."""
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

    def snapshot(self) -> Mapping[str, Message]:
        """The messages that are held at this moment."""
        return {name: held for name, held in list(self.payloads.items()) if isinstance(held, Message)}

    def _merge_redelivery(self, entry_id: str, payload: dict[str, Any]) -> bool:
        held = self.payloads.get(entry_id)
        if held is None:
            return False
        if isinstance(held, Message) and isinstance(payload, Message):
            same = held.fields == payload.fields
            # Another entry under the same id (a stream that was made anew) must not be settled by this
            # run: with a delivery that never was, the fence refuses it, and the entry is claimed later.
            held.deliveries = payload.deliveries if same else 0
            held.lease_confirmed_at = payload.lease_confirmed_at if same else 0
        return True
