"""Decodes entries in a thread if their validation may take long.

The event loop stays responsive: the thread yields every few milliseconds. Meanwhile the leases of the entries
are renewed like those of entries in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, TypeVar

from streamroute.adapters.codecs.validating import ValidatingCodec
from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.adapters.redis.replies import text
from streamroute.delivery import Delivery
from streamroute.message import Message

_LARGE: Final = 64_000  # bytes of entries; below, a validation that is linear in them takes milliseconds
_THREADS: Final = 8  # so that a stream with slow validation does not delay the others

RawEntry = tuple[str, bytes, int, Sequence[bytes]]
"""An undecoded entry: the key of its stream, its id, its delivery count, and its fields."""
Entries = list[tuple[str, dict[str, Any]]]
Held = Callable[[], Mapping[str, Delivery]]
T = TypeVar("T")


class EntriesInValidation:
    """The entries of one consumer that a thread is decoding; ``with_held`` may be called from any thread."""

    def __init__(self) -> None:
        self._batches: tuple[Mapping[str, Delivery], ...] = ()

    def with_held(self, held: Held) -> Held:
        """Return a function that returns both the held entries and those being decoded."""

        def both() -> Mapping[str, Delivery]:
            batches = self._batches
            found = held()
            for batch in batches:
                found = {**batch, **found}
            return found

        return both

    async def read(
        self,
        reader: EntryReader,
        deliveries: Callable[[], Iterator[RawEntry]],
        read_at: int,
        read: Callable[[], Entries],
    ) -> Entries:
        """Return the result of ``read``, which decodes entries delivered at ``read_at`` (Redis time, ms)."""
        if not isinstance(reader.codec, ValidatingCodec):
            return read()
        if not may_take_long(reader.codec, [fields for *_, fields in deliveries()]):
            return read()
        batch = {
            reader.name(key, text(entry_id)): Delivery(text(entry_id), key, count, read_at)
            for key, entry_id, count, _ in deliveries()
        }
        with self._kept(batch):
            entries = await in_validation_thread(read)
        for name, message in entries:
            if isinstance(message, Message):
                message.delivery.lease_confirmed_at = batch[name].lease_confirmed_at
        return entries

    @contextmanager
    def _kept(self, batch: Mapping[str, Delivery]) -> Iterator[None]:
        self._batches += (batch,)
        try:
            yield
        finally:
            self._batches = tuple(other for other in self._batches if other is not batch)


def may_take_long(codec: ValidatingCodec, parts: Sequence[Sequence[bytes]]) -> bool:
    """Whether entries with these names and values may take more than milliseconds to validate."""
    size = sum(len(part) for entry in parts for part in entry)
    return size > (_LARGE if codec.is_linear else 0)


async def in_validation_thread(read: Callable[[], T]) -> T:
    """Run ``read`` in a thread, and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), read)


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the process's threads for validation, apart from those of handlers, which may all be busy."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="streamroute-validation")
