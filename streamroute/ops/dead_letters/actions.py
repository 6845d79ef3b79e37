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
    """How many letters were changed, and how many were refused, by reason."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)


async def retry_page(
    query: DeadLetterQuery,
    page: DeadLetterPage,
    result: ActionResult,
    *,
    to: str | None = None,
    dry_run: bool = False,
) -> None:
    """Requeue the letters of a page that the configuration can still route, or send them to route ``to``."""
    accepted: dict[DeadLetters, list[tuple[StoredDeadLetter, DeadRecord]]] = {}
    for letter in page.letters:
        refusal = query.requeue_refusal(letter, to)
        if refusal is not None:
            result.refused[refusal] += 1
        elif letter.current is not None:
            accepted.setdefault(letter.dead_letter_stream, []).append((letter.stored, letter.current))
    for stream, letters in accepted.items():
        result.done += len(letters) if dry_run else await stream.requeue(letters, to)


async def drop_page(page: DeadLetterPage, result: ActionResult, *, dry_run: bool = False) -> None:
    """Delete the letters of a page."""
    by_stream: dict[DeadLetters, list[tuple[StoredDeadLetter, DeadRecord | None]]] = {}
    for letter in page.letters:
        by_stream.setdefault(letter.dead_letter_stream, []).append((letter.stored, letter.current))
    for stream, letters in by_stream.items():
        result.done += len(letters) if dry_run else await stream.drop(letters)
