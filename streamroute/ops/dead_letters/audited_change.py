"""Records a change of many dead letters in the audit logs of the groups that it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamroute.ops.audit import group_keys
from streamroute.text.limits import HISTORY
from streamroute.text.safe_text import redacted_str, type_name

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.audit import Audit
    from streamroute.ops.dead_letters.actions import ActionResult
    from streamroute.ops.dead_letters.query import DeadLetterPage


@dataclass(slots=True)
class AuditedChange:
    """A change whose counts are in ``result``.

    ``audit`` is None for a dry run, which is not recorded. ``action`` is such as ``dead drop``, ``target``
    describes the selection. ``is_brief``: there is no record of its start, as for letters named by their ids.
    """

    audit: Audit | None
    document: Document
    result: ActionResult
    action: str
    target: str
    reason: str = ""
    is_brief: bool = False
    streams: list[str] = field(default_factory=list)

    async def begin(self, page: DeadLetterPage) -> None:
        """Record the start for each stream before the first of its letters is changed."""
        for letter in page.letters:
            if letter.stream not in self.streams:
                self.streams.append(letter.stream)
                if not self.is_brief:
                    await self._write(letter.stream, "started", None)

    async def end(self, outcome: str) -> None:
        """Record the end, with the counts."""
        for stream in self.streams:
            await self._write(stream, outcome, self.result.streams[stream])

    async def _write(self, stream: str, outcome: str, count: int | None) -> None:
        if self.audit is not None:
            facts = {"result": outcome, "reason": self.reason}
            keys = group_keys(self.document, [stream])
            await self.audit.write(keys, self.action, self.target, count=count, **facts)


@asynccontextmanager
async def audited(change: AuditedChange) -> AsyncIterator[None]:
    """Record the end of a change, even if the block raises or is cancelled."""
    try:
        yield
    except BaseException as error:
        is_interrupt = isinstance(error, asyncio.CancelledError | KeyboardInterrupt)
        cause = "interrupted" if is_interrupt else redacted_str(error, HISTORY) or type_name(error)
        await change.end(f"stopped: {cause}")
        raise
    await change.end("done")
