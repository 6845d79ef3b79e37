"""BoardService: the router that a board shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.board.background import Background
from streamroute.board.computing import Computing
from streamroute.board.shared_reading import SharedReading
from streamroute.ops.audit import group_keys
from streamroute.ops.dead_letters.groups import GroupReader, GroupReport
from streamroute.ops.dead_letters.query import DeadLetterQuery
from streamroute.ops.pauses.listing import PausedItem, paused_items
from streamroute.ops.status.query import StatusQuery

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document
    from streamroute.config.findings.finding import Finding
    from streamroute.ops.generations.store import GenerationStore
    from streamroute.ops.reload.result import ReloadResult
    from streamroute.ops.status.stream_status import Status


_MAX_RELOADS: Final = 50


@dataclass(frozen=True, slots=True)
class ShownConfig:
    """The configuration that the pages show, with its findings (no errors)."""

    document: Document
    compiled: Compiled
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class FinishedReload:
    """A reload that has ended, at ``at`` (ms since the epoch)."""

    result: ReloadResult
    at: int


@dataclass(slots=True)
class BoardService:
    """A configuration, its Redis, and the generations of it that ran on this machine.

    A reload replaces ``config``. ``reloads`` are the latest ones, oldest first; empty unless the board is
    linked to its router. ``trace_url`` is where a trace is shown, with ``{trace_id}`` in place of its id.
    ``computing`` bounds the expensive computations that visitors ask for.
    """

    name: str
    config: ShownConfig
    redis: RedisConnection
    generations: GenerationStore
    trace_url: str = ""
    _status: SharedReading[Status] = field(init=False, repr=False)
    _failures: SharedReading[GroupReport] = field(init=False, repr=False)
    _paused: SharedReading[list[PausedItem]] = field(init=False, repr=False)
    background: Background = field(init=False, repr=False)
    computing: Computing = field(init=False, repr=False)
    reloads: deque[FinishedReload] = field(default_factory=lambda: deque(maxlen=_MAX_RELOADS))

    def __post_init__(self) -> None:
        self._status = SharedReading(self._read_status)
        self._failures = SharedReading(self._read_failures)
        self._paused = SharedReading(self._read_paused)
        self.background = Background()
        self.computing = Computing()

    @property
    def document(self) -> Document:
        """The configuration that the pages show."""
        return self.config.document

    async def status(self) -> Status:
        """Return what the streams, workers and routes do now, the same for all visitors of a second.

        Raises RedisUnavailableError if Redis cannot be reached.
        """
        return await self._status.value()

    async def paused(self) -> list[PausedItem]:
        """Return what is paused or has parked messages, the same for all visitors of a second.

        Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
        """
        return await self._paused.value()

    async def _read_paused(self) -> list[PausedItem]:
        return await paused_items(self.redis, group_keys(self.document))

    async def failures(self) -> GroupReport:
        """Return the dead letters grouped by failure, the same for all visitors of a second.

        Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
        """
        return await self._failures.value()

    def forget_readings(self) -> None:
        """Read again for the next visitor: an action has changed something."""
        self._status.forget()
        self._failures.forget()
        self._paused.forget()

    async def _read_failures(self) -> GroupReport:
        return await GroupReader(self.redis, DeadLetterQuery(self.redis, self.document)).read()

    async def _read_status(self) -> Status:
        return await StatusQuery(self.redis, list(self.document.streams.values())).read()
