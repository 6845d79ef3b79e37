"""Requeue and drop dead letters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.ops.dead_letters.query import DeadLetterPage, DeadLetterQuery


@dataclass(slots=True)
class ActionResult:
    """How many letters were changed, by their stream, and how many were refused, by reason."""

    streams: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """How many letters were changed."""
        return self.streams.total()


async def retry_page(
    query: DeadLetterQuery,
    page: DeadLetterPage,
    result: ActionResult,
    *,
    to: str | None = None,
    dry_run: bool = False,
) -> None:
    """Requeue the letters of a page that the configuration can still route, or send them to route ``to``."""
    accepted: dict[tuple[DeadLetters, str], list[tuple[StoredDeadLetter, DeadRecord]]] = {}
    for letter in page.letters:
        refusal = query.requeue_refusal(letter, to)
        if refusal is not None:
            result.refused[refusal] += 1
        elif letter.current is not None:
            where = letter.dead_letter_stream, letter.stream
            accepted.setdefault(where, []).append((letter.stored, letter.current))
    for (dead, stream), letters in accepted.items():
        result.streams[stream] += len(letters) if dry_run else await dead.requeue(letters, to)


async def drop_page(page: DeadLetterPage, result: ActionResult, *, dry_run: bool = False) -> None:
    """Delete the letters of a page."""
    selected: dict[tuple[DeadLetters, str], list[tuple[StoredDeadLetter, DeadRecord | None]]] = {}
    for letter in page.letters:
        where = letter.dead_letter_stream, letter.stream
        selected.setdefault(where, []).append((letter.stored, letter.current))
    for (dead, stream), letters in selected.items():
        result.streams[stream] += len(letters) if dry_run else await dead.drop(letters)
