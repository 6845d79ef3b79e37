"""Watches whether retried messages fail again: as new dead letters, or in an attempt that is not the last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamroute.adapters.dead_letters.letters import DeadLetters
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.retries.retry_progress import RetryProgress
    from streamroute.ops.dead_letters.letter import StreamLetter

_TRACKED: Final = 100_000  # messages: the oldest ones are forgotten
_EVERY: Final = 0.2  # seconds between two looks

_Key = tuple[str, str | None]
"""The id of a message, and the route that runs it; None: all that match."""


@dataclass(slots=True)
class FailedAgain:
    """How many retried messages failed again, and how many of them are dead letters again.

    ``same`` counts those of the dead letters that failed in the same way as before.
    """

    messages: int = 0
    dead: int = 0
    same: int = 0


class FailureWatch:
    """Watches the messages that one process has retried; those of an earlier process are not known here."""

    def __init__(
        self,
        letters: DeadLetters,
        progress: RetryProgress,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seen = FailedAgain()
        self._letters = letters
        self._progress = progress
        self._clock = clock
        self._signatures: dict[_Key, str] = {}
        self._failed: set[_Key] = set()
        self._dead: set[_Key] = set()
        self._after: str | None = None
        self._next = 0.0
        self._last_retry = "0-0"

    async def start(self) -> None:
        """Note where new dead letters begin; called before the first retry, and without effect after it."""
        if self._after is None:
            self._after = await self._letters.last_id()

    def track(self, retried: Iterable[tuple[StreamLetter, str | None]]) -> None:
        """Watch the messages of letters, each with the route that runs it."""
        for letter, route in retried:
            if letter.current is not None:
                self._signatures[letter.current.id, route] = letter.current.signed().signature
        while len(self._signatures) > _TRACKED:
            self._signatures.pop(next(iter(self._signatures)))

    async def look(self, *, now: bool = False) -> FailedAgain:
        """Return what has failed so far; looks at most five times a second, unless ``now``."""
        if self._signatures and (now or self._clock() >= self._next):
            await self._look_at_letters()
            for retry in await self._progress.delayed():
                key = self._key(retry.id, ",".join(retry.routes))
                if key is not None and retry.attempt > 1:
                    self._failed.add(key)
            self._next = self._clock() + _EVERY
            self.seen.messages, self.seen.dead = len(self._failed), len(self._dead)
        return self.seen

    async def note_last_retry(self) -> None:
        """Note which entry of the retry stream is the last of the retried messages."""
        self._last_retry = await self._progress.last_id()

    async def has_ended(self) -> bool:
        """Whether every retried message has succeeded or is a dead letter again."""
        if not await self._progress.has_ended(self._last_retry):
            return False
        delayed = await self._progress.delayed()
        return not any(self._key(each.id, ",".join(each.routes)) for each in delayed)

    async def _look_at_letters(self) -> None:
        async for page in self._letters.pages_after(self._after or "0-0"):
            for letter in page:
                if letter.record is not None:
                    self._note_letter(letter.record)
            self._after = page[-1].id

    def _note_letter(self, record: DeadRecord) -> None:
        key = self._key(record.id, record.route)
        if key is None or key in self._dead:
            return
        self._failed.add(key)
        self._dead.add(key)
        self.seen.same += record.signed().signature == self._signatures[key]

    def _key(self, entry: str, route: str | None) -> _Key | None:
        """Return the key of a watched message; None if it is not watched."""
        return next((key for key in ((entry, route), (entry, None)) if key in self._signatures), None)
