"""Dead letters as groups of failures, from the index that the workers keep, or by reading all letters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.adapters.dead_letters.failure_index import FailureIndex, IndexReading, mark_group
from streamroute.adapters.dead_letters.letter_group import LetterGroup
from streamroute.errors import SetupError
from streamroute.ops.dead_letters.letter_count import LetterCount
from streamroute.ops.dead_letters.redacted_group import shown_group
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys
    from streamroute.ops.audit import Audit
    from streamroute.ops.dead_letters.letter_box import LetterBox
    from streamroute.ops.dead_letters.query import DeadLetterQuery

_ATTEMPTS: Final = 3  # at counting letters that change meanwhile


def ignore_progress(_letters: int) -> None:
    """Default no-op callback."""


@dataclass(frozen=True, slots=True)
class StreamGroup:
    """A group of dead letters of the consumer group with these keys."""

    keys: GroupKeys
    group: LetterGroup

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.keys.stream


@dataclass(slots=True)
class GroupReport:
    """The groups of a configuration, the newest first; ``now`` is Redis time in ms.

    ``notes`` say why an index was not used, or could not be written.
    """

    now: int
    groups: list[StreamGroup] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def letters(self) -> int:
        """The number of letters."""
        return sum(row.group.count for row in self.groups)

    def of(self, signature: str) -> list[StreamGroup]:
        """Return the groups with this signature, one for each stream."""
        return [row for row in self.groups if row.group.signature == signature]


class GroupReader:
    """Reads the groups of a configuration.

    ``progress`` receives the number of letters of each page, if letters have to be read. The methods raise
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(
        self,
        redis: RedisConnection,
        query: DeadLetterQuery,
        progress: Callable[[int], None] = ignore_progress,
    ) -> None:
        self._redis = redis
        self._query = query
        self._progress = progress

    async def read(self, streams: Sequence[str] = (), *, rebuild: bool = False) -> GroupReport:
        """Return the groups of these streams (none: of all).

        An index that does not count as many letters as there are is built again, as all are with ``rebuild``:
        workers of an earlier release wrote some, or the stream was trimmed by hand.
        """
        report = GroupReport(await self._query.now())
        for box in self._query.boxes:
            if not streams or any(owner.config.name in streams for owner in box.owners):
                await self._read_box(box, report, streams, rebuild=rebuild)
        report.groups.sort(key=lambda row: (-row.group.last, row.stream, row.group.signature))
        return report

    async def _read_box(
        self, box: LetterBox, report: GroupReport, streams: Sequence[str], *, rebuild: bool
    ) -> None:
        keys = [owner.keys for owner in box.owners]
        index = FailureIndex(self._redis, box.letters.key, keys)
        reading = await index.read()
        if rebuild or not reading.is_true:
            report.notes += reading.problems
            reading = await self._rebuilt(box, index, report)
        for owner in keys:
            if not streams or owner.stream in streams:
                groups = [group for group in reading.groups.get(owner.failures, ()) if not group.is_hidden]
                shown = [await shown_group(box, group) for group in groups]
                report.groups += [StreamGroup(owner, group) for group in shown]

    async def _rebuilt(self, box: LetterBox, index: FailureIndex, report: GroupReport) -> IndexReading:
        """Count all letters, and write the index unless they change too fast or the server refuses."""
        count, problem = LetterCount(box), ""
        for _ in range(_ATTEMPTS):
            last = await box.letters.last_id()
            async for page in box.letters.pages_after(count.position):
                count.add(page)
                self._progress(len(page))
            try:
                if await index.replace(count.seen, last, count.packed()):
                    return await index.read()
                problem = "they changed meanwhile"
            except SetupError as error:
                problem = str(error)
                break
            if await box.letters.count() < count.seen:  # some were dropped or requeued
                count = LetterCount(box)
        report.notes.append(f"counted {pluralize(count.seen, 'dead letter')} by reading them: {problem}")
        return count.reading()


async def mark_groups(
    redis: RedisConnection, rows: Iterable[StreamGroup], audit: Audit, *, resolved: bool, reason: str
) -> list[StreamGroup]:
    """Mark groups as resolved, or as open again; returns those that exist.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    marked, action = [], "dead resolve" if resolved else "dead reopen"
    for row in rows:
        signature = row.group.signature
        if await mark_group(redis, row.keys, signature, resolved=resolved, who=audit.who, reason=reason):
            marked.append(row)
            await audit.write([row.keys], action, f"group {signature}", count=row.group.count, reason=reason)
    return marked
