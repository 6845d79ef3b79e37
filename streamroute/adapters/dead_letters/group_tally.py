"""Counts dead letters by signature, as the scripts do that write them, to build an index again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.dead_letters.letter_group import FOREIGN, HOURS, MINUTES, OTHER, SAMPLES, UNREADABLE
from streamroute.adapters.entries.dead_record import group_facts
from streamroute.adapters.entries.settlement import MAX_FAILURE_GROUPS

if TYPE_CHECKING:
    from streamroute.adapters.dead_letters.letters import StoredDeadLetter

_OF_OTHERS: Final = json.dumps({"title": "failures beyond the limit of groups"}).encode()
_OF_UNREADABLE: Final = json.dumps({"title": "not a dead letter of streamroute, or damaged"}).encode()


@dataclass(slots=True)
class _Tally:
    facts: bytes
    count: int = 0
    first: int = 0
    last: int = 0
    samples: list[str] = field(default_factory=list)
    minutes: Counter[int] = field(default_factory=Counter)

    def add(self, letter: StoredDeadLetter) -> None:
        self.first = self.first or letter.at
        self.count, self.last = self.count + 1, letter.at
        self.samples = [*self.samples, letter.id][-SAMPLES:]
        self.minutes[letter.at // 60_000] += 1

    def pack(self) -> bytes:
        hours: Counter[int] = Counter()
        for minute, count in self.minutes.items():
            hours[minute // 60] += count
        facts: dict[str, Any] = {**json.loads(self.facts), "count": self.count, "total": self.count}
        facts |= {"first": self.first, "last": self.last, "samples": self.samples}
        facts |= {"minutes": _series(self.minutes, MINUTES), "hours": _series(hours, HOURS)}
        return json.dumps(facts).encode()


class GroupTally:
    """Counts the letters of one consumer group, oldest first; beyond ``limit`` groups, in ``OTHER``."""

    def __init__(self, limit: int = MAX_FAILURE_GROUPS) -> None:
        self._limit = limit
        self._tallies: dict[str, _Tally] = {}

    def add(self, letter: StoredDeadLetter) -> None:
        """Count a letter of the group, or one that cannot be read."""
        record = letter.record
        if record is None:
            self._tally(UNREADABLE, _OF_UNREADABLE).add(letter)
        elif record.signature in self._tallies or len(self._tallies) < self._limit:
            self._tally(record.signature, group_facts(record)).add(letter)
        else:
            self._tally(OTHER, _OF_OTHERS).add(letter)

    def add_foreign(self, letter: StoredDeadLetter) -> None:
        """Count a letter of another configuration, which shares the stream."""
        self._tally(FOREIGN, b"{}").add(letter)

    def packed(self) -> dict[str, bytes]:
        """Return the groups as the index stores them, by signature."""
        return {signature: tally.pack() for signature, tally in self._tallies.items()}

    def _tally(self, signature: str, facts: bytes) -> _Tally:
        return self._tallies.setdefault(signature, _Tally(facts))


def _series(counts: Counter[int], size: int) -> dict[str, Any]:
    last = max(counts)
    return {"at": last, "n": [counts[bucket] for bucket in range(last - size + 1, last + 1)]}
