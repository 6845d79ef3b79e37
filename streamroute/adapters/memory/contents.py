"""The contents of an in-memory storage, for tests: add entries, inspect the state, break things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.memory.delayed import Delayed
from streamroute.adapters.memory.pauses import MemoryPauses
from streamroute.adapters.memory.server import MemoryServer
from streamroute.adapters.memory.stream import Pending
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.adapters.entries.entry_pipeline import EntryPipeline


class MemoryContents:
    """What an in-memory storage holds; the storage sets the attributes."""

    _dead_letter: str | None
    _generations: Mapping[tuple[str, str], dict[str, str]]
    _numbers: Iterator[int]
    _pipeline: EntryPipeline
    _server: MemoryServer

    @property
    def codec(self) -> Codec:
        """The codec of the entries."""
        return self._pipeline.codec

    def add(self, stream: str, fields: Mapping[str, str] | Mapping[bytes, bytes]) -> str:
        """Append an entry of raw fields (XADD); returns its id."""
        return self._server.append(stream, {_bytes(name): _bytes(value) for name, value in fields.items()})

    def publish(self, stream: str, payload: Mapping[str, Any], *, delay: float = 0) -> None:
        """Append a payload, encoded by the storage's codec, after ``delay`` seconds.

        A processor that consumes the stream appends due payloads.
        """
        fields = self.codec.encode(payload)
        if delay > 0:
            due = self._server.clock() + delay
            self._server.delay(stream, f"published {next(self._numbers)}", Delayed(due, stream, fields))
        else:
            self._server.append(stream, fields)

    def delete(self, stream: str, *entry_ids: str) -> None:
        """Delete entries (XDEL), pending or not."""
        self._server.stream(stream).delete(entry_ids)

    def clear(self) -> None:
        """Delete everything, including groups (FLUSHALL)."""
        self._server.clear()

    def destroy_group(self, stream: str, group: str) -> None:
        """Delete a group and its pending list, but not the stream (XGROUP DESTROY)."""
        self._server.stream(stream).groups.pop(group, None)
        self._server.arrivals.wake()

    def redeliver(self, stream: str, group: str, entry_id: str, deliveries: int) -> None:
        """Let a worker that died hold an entry of the stream, after so many deliveries."""
        _, found = self._server.group(stream, group)
        found.pending[entry_id] = Pending("a worker that died", self._server.clock(), deliveries)

    def pending(self, stream: str, group: str) -> list[str]:
        """Return the ids of the group's pending entries and retries, in the order of their first delivery."""
        return self._server.pending(self._keys(stream, group), group)

    def unread(self, stream: str, group: str) -> int:
        """Return how many entries the group has not read yet, including promoted retries."""
        keys = self._keys(stream, group)
        return sum(self._server.stream(key).unread(group) for key in (keys.stream, keys.retry))

    def dead_letters(self, stream: str, group: str) -> list[DeadRecord]:
        """Return the group's dead letters, oldest first."""
        letters = self._server.stream(self._keys(stream, group).dead).entries.values()
        return [DeadRecord.read(fields) for fields in letters]

    def retries(self, stream: str, group: str) -> list[tuple[float, RetryRecord]]:
        """Return the group's delayed retries and when each is due, by the storage's clock."""
        waiting = self._server.waiting(self._keys(stream, group).due)
        return [(delayed.due, RetryRecord.unpack(delayed.fields[b"entry"])) for delayed in waiting]

    def scheduled(self, stream: str, group: str) -> list[str]:
        """Return the names of the group's delayed retries: ``id|route|attempt``."""
        return self._server.delayed(self._keys(stream, group).due)

    def pauses(self, stream: str, group: str) -> MemoryPauses:
        """Return the pauses of the group."""
        return self._server.pauses(self._keys(stream, group))

    def generations(self, stream: str, group: str) -> dict[str, str]:
        """Return the generation of each live consumer of the group, by the consumer's name."""
        return dict(self._generations[stream, group])

    def _keys(self, stream: str, group: str) -> GroupKeys:
        return GroupKeys.of(stream, group, self._dead_letter)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
