"""Check a whole feed before any of it is published."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.ops.publish.feed import encoded_lines, require_first_line

if TYPE_CHECKING:
    from streamroute.ops.publish.feed import SupportsPublish

_SHOWN: Final = 50


@dataclass(slots=True)
class FeedFindings:
    """What a check has found: the number of events, of wrong ones, and the texts for the first of those."""

    events: int = 0
    wrong: int = 0
    shown: list[str] = field(default_factory=list)


async def check_feed(
    target: SupportsPublish,
    chunks: AsyncIterable[list[bytes]],
    name: str,
    *,
    first_line: int = 1,
    on_read: Callable[[int], None],
) -> FeedFindings:
    """Encode every event of a feed, and return what is wrong; ``on_read`` is called with the bytes read.

    The lines before ``first_line`` are skipped; raises StreamrouteError if the feed ends before it.
    """
    findings = FeedFindings()
    before = 0
    async for lines in chunks:
        for event in encoded_lines(target, lines, before, first_line):
            findings.events += 1
            if event.problem:
                findings.wrong += 1
                if findings.wrong <= _SHOWN:
                    findings.shown.append(f"{name}:{event.number}: {event.problem}")
        before += len(lines)
        on_read(sum(len(line) + 1 for line in lines))
    require_first_line(name, before, first_line)
    return findings
