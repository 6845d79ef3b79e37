"""Kept and lost leases; run in memory and over servers."""

from __future__ import annotations

import asyncio
from typing import Any

from backends import Backend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually
from streamroute.core.observer import Result


class KeptLeases:
    """A live worker keeps the leases of its entries."""

    async def test_an_entry_whose_handler_outlasts_the_lease_runs_once(self, backend: Backend) -> None:
        """Entries queued behind it are kept as well.

        The lease leaves room for a busy machine: heartbeats come every third of it.
        """
        proceed = asyncio.Event()
        busy, idle = Handling(then=lambda payload: proceed.wait()), Handling()
        kept = {"lease": 2.5, "claim_interval": 600}  # kept by heartbeats, not by claiming its own entries
        async with consuming(backend.storage(lease=2.5), dispatcher_of(busy).process_message, **kept):
            for n in "123":
                await backend.add(type="booked", n=n)
            await eventually(lambda: busy.seen)
            await eventually(lambda: _count(3, backend))
            async with consuming(backend.storage(lease=2.5), dispatcher_of(idle).process_message, lease=2.5):
                await asyncio.sleep(3.5)
                proceed.set()
                await eventually(lambda: _count(0, backend))
        assert (busy.numbers(), idle.numbers()) == (["1", "2", "3"], [])

    async def test_a_lost_lease_cancels_the_handler_and_settles_nothing(self, backend: Backend) -> None:
        never, results, ended = asyncio.Event(), [], []

        async def until_cancelled(payload: Any) -> None:
            if payload["n"] == "1":
                try:
                    await never.wait()
                finally:
                    ended.append(payload["n"])

        handler = Handling(then=until_cancelled)
        storage = backend.storage(lease=0.15)
        async with consuming(
            storage,
            dispatcher_of(handler).process_message,
            lease=60,
            observer=lambda payload, route, result: results.append(result),
        ):
            added = await backend.add(type="booked", n="1")
            await eventually(lambda: handler.seen)
            taken = await eventually(lambda: _steal(backend))
            await eventually(lambda: ended == ["1"])
            assert await backend.pending() == [added]
            await backend.add(type="booked", n="2")
            await eventually(lambda: handler.numbers() == ["1", "2"])
            await eventually(lambda: _is_pending([added], backend))
        assert [entry_id for entry_id, _ in taken] == [added]
        assert results == [Result.LOST]

    async def test_an_entry_lost_while_waiting_does_not_start(self, backend: Backend) -> None:
        proceed, results = asyncio.Event(), []
        handler = Handling(then=lambda payload: proceed.wait())
        async with consuming(
            backend.storage(lease=0.15),
            dispatcher_of(handler).process_message,
            lease=60,
            observer=lambda payload, route, result: results.append(result),
        ):
            for n in "12":
                await backend.add(type="booked", n=n)
            await eventually(lambda: handler.seen)
            await eventually(lambda: _count(2, backend))
            await eventually(lambda: _steal(backend))
            await eventually(lambda: len(results) == 2)
            proceed.set()
            await backend.add(type="booked", n="3")
            await eventually(lambda: handler.numbers() == ["1", "3"])


async def _steal(backend: Backend) -> Any:
    """Take held entries regardless of their leases, like a manual XCLAIM."""
    await backend.end_leases()
    return await backend.storage(lease=0.15).claim_stale_events(STREAM, GROUP, "thief", 0, 10)


async def _count(expected: int, backend: Backend) -> bool:
    return len(await backend.pending()) == expected


async def _is_pending(expected: list[str], backend: Backend) -> bool:
    return await backend.pending() == expected
