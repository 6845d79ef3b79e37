"""Starts a paced retry: finds the stream of the letters, creates the job, and takes it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from streamroute.adapters.jobs.job import Job
from streamroute.adapters.jobs.store import JobStore
from streamroute.errors import StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.ops.paced_retry.selection import KIND, LetterSelection

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.query import DeadLetterQuery


async def count_letters(
    query: DeadLetterQuery, selection: LetterSelection, progress: Callable[[int], None] = lambda _: None
) -> Counter[str]:
    """Return how many letters a selection matches, by stream; ``progress`` gets how many were read."""
    counts: Counter[str] = Counter()
    async for page in query.find(selection.criteria):
        counts.update(letter.stream for letter in page.letters)
        progress(page.scanned)
    return counts


async def create_retry(
    redis: RedisConnection,
    document: Document,
    selection: LetterSelection,
    counts: Counter[str],
    *,
    who: str,
    rate: float | None,
) -> tuple[GroupKeys, HeldJob, Job]:
    """Store a paced retry as a job of the letters' group, and take it.

    Raises StreamrouteError if the letters are of several streams. Raises RedisUnavailableError if Redis
    cannot be reached, SetupError if it refuses.
    """
    if len(counts) != 1:
        found = ", ".join(f"{stream} has {count}" for stream, count in counts.most_common(5))
        raise StreamrouteError(f"a paced retry is of one stream's letters: {found}; add --stream NAME")
    [(name, total)] = counts.items()
    stream = document.streams[name]
    keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
    store = JobStore(redis, keys)
    job = Job(
        id=f"{KIND}-{secrets.token_hex(4)}",
        kind=KIND,
        who=who,
        rate=rate,
        selection=selection.pack(),
        total=total,
    )
    if await store.create(job) is None:
        raise StreamrouteError(f"there is a job {job.id} already; try again")
    held, created = await store.acquire(job.id)
    return keys, held, created
