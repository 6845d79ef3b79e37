"""EntrySkipper: new entries that no route takes leave the read before they become messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, Protocol

from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.adapters.redis.replies import Row, text
from streamroute.values import SkippedEntries

_MARKER: Final = MARKER.encode()
_DATA: Final = b"data"
_BACKSLASH: Final = 92
_ESCAPED_ASCII: Final = b"\\u00"
_SAMPLE: Final = 8  # entries measured in each read


class PayloadRule(Protocol):
    """The filters of one message type."""

    waits: bool
    """Whether messages of the type are handled without asking in this read."""

    def rejects(self, payload: dict[str, Any]) -> bool:
        """Whether a payload is skipped, since every filter rejects it."""
        ...


class EntryFilter(Protocol):
    """What a pipeline says about new entries before they are handled."""

    unlisted: frozenset[str]
    """Types that no route lists, which are skipped if no other worker lists them."""

    @property
    def rules(self) -> Mapping[str, PayloadRule | None] | None:
        """The rule of each type (None: its messages have to be handled), if there may be any."""
        ...

    def start(self) -> bool:
        """Prepare for one read; return whether any of its messages may be skipped."""
        ...

    def count(self, stream: str, unlisted: Mapping[str, int]) -> None:
        """Count the skipped messages of the read: those ``unlisted``, by type, and the rejected ones."""
        ...


class SkippedSink(Protocol):
    """What acknowledges skipped entries for one consumer."""

    @property
    def is_open(self) -> bool:
        """Whether entries that are read now may be skipped."""
        ...

    def skip(self, entries: SkippedEntries) -> None:
        """Acknowledge entries soon; called in the step of the event loop in which they were read."""
        ...


class ListedTypes(Protocol):
    """Knows the types that other workers of the group list."""

    def listed_types(self) -> AbstractSet[str] | None:
        """Return the types that a worker lists, or listed lately; None if that is not known now."""
        ...


class Skipping:
    """What is skipped of one read: ``ids``. ``rules`` are those of the listed types.

    Call ``without_unlisted()``, and ``finish()`` in the same step of the event loop.
    """

    __slots__ = (
        "_filter",
        "_raw_types",
        "_read_at",
        "_rows",
        "_skipper",
        "_type_field",
        "_types",
        "ids",
        "rules",
    )

    def __init__(
        self,
        skipper: EntrySkipper,
        rows: Sequence[Row],
        read_at: int,
        entry_filter: EntryFilter,
        type_field: bytes,
        raw_types: frozenset[bytes],
    ) -> None:
        self.ids: list[bytes] = []
        self.rules = entry_filter.rules
        self._filter = entry_filter
        self._skipper = skipper
        self._rows = rows
        self._read_at = read_at
        self._type_field = type_field
        self._raw_types = raw_types
        self._types: list[bytes] = []

    def without_unlisted(self) -> Sequence[Row]:
        """Skip the entries of unlisted types, undecoded; return the others."""
        raw_types, type_field = self._raw_types, self._type_field
        if not raw_types:
            return self._rows
        others = []
        for row in self._rows:
            entry_id, parts = row
            if parts[0] == type_field and parts[1] in raw_types and _has_one_meaning(parts):
                self.ids.append(entry_id)
                self._types.append(parts[1])
            else:
                others.append(row)
        return others

    def finish(self) -> None:
        """Count what is skipped, and have it acknowledged."""
        if not self.ids:
            return
        types = {raw_type.decode(): count for raw_type, count in Counter(self._types).items()}
        self._filter.count(self._skipper.stream, types)
        rows = self._rows
        self._skipper.sink.skip(SkippedEntries(self.ids, self._read_at, len(rows), _mean_bytes(rows)))


class EntrySkipper:
    """Skips entries of one consumer of ``stream``; ``sink`` acknowledges them.

    An entry whose id is not higher than all ids before is handled: it is delivered as a new one if the group
    was created again, and may be running here.
    """

    def __init__(self, stream: str, sink: SkippedSink) -> None:
        self.stream = stream
        self.sink = sink
        self._highest = (-1, -1)
        self._judged_by: tuple[object, object] = (None, None)
        self._raw_types: frozenset[bytes] = frozenset()

    def start(
        self,
        rows: Sequence[Row],
        read_at: int,
        type_field: bytes | None,
        entry_filter: EntryFilter | None,
        workers: ListedTypes | None,
    ) -> Skipping | None:
        """Return what may be skipped of a read that is not empty; None if every entry has to be handled.

        ``type_field`` holds the undecoded type of an entry (None: it cannot be known).
        """
        if not self._are_new(rows) or type_field is None or entry_filter is None:
            return None
        if not self.sink.is_open or not entry_filter.start():
            return None
        raw_types = self._skipped_types(entry_filter.unlisted, workers)
        return Skipping(self, rows, read_at, entry_filter, type_field, raw_types)

    def note_id(self, entry_id: str) -> None:
        """Note the id of an entry of the stream that was read, or claimed."""
        self._highest = max(self._highest, _position(entry_id))

    def _are_new(self, rows: Sequence[Row]) -> bool:
        highest = self._highest
        self.note_id(text(rows[-1][0]))
        return _position(text(rows[0][0])) > highest

    def _skipped_types(self, unlisted: frozenset[str], workers: ListedTypes | None) -> frozenset[bytes]:
        """Return the unlisted types that no other worker lists either, or listed lately."""
        elsewhere = None if workers is None else workers.listed_types()
        if elsewhere is None:
            return frozenset()
        if (unlisted, elsewhere) != self._judged_by:
            self._judged_by = (unlisted, elsewhere)
            self._raw_types = frozenset(name.encode() for name in unlisted - elsewhere)
        return self._raw_types


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


def _has_one_meaning(parts: Sequence[bytes]) -> bool:
    """Whether an entry whose first field is its type is neither a scheduler's retry nor has a second type."""
    if len(parts) == 4 and parts[2] == _DATA:
        data = parts[3]
        return data.find(_MARKER) < 0 and (_BACKSLASH not in data or data.find(_ESCAPED_ASCII) < 0)
    names = parts[2::2]
    return parts[0] not in names and not any(_MARKER in part or _ESCAPED_ASCII in part for part in parts)


def _mean_bytes(rows: Sequence[Row]) -> float:
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    return sum(len(part) for _, parts in sample for part in parts) / len(sample)
