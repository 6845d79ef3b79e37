"""Fakes for tests of reloads: a target, candidates without files, and a loader that a test controls."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.loaded import FindingsText, Loaded
from streamroute.ops.reload.watched_files import WatchedFiles


def candidate(generation: str, cause: ReloadCause = ReloadCause.START) -> Candidate:
    """Return a candidate of this generation, whose parts must not be used."""
    nothing: Any = None
    return Candidate(generation, nothing, nothing, (), nothing, cause)


class FakeTarget:
    """A target that swaps at once, unless told to refuse, to fail or to wait."""

    def __init__(self, generation: str = "a") -> None:
        self.generation = generation
        self.history = [generation]
        self.error: Exception | None = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.waiting = asyncio.Event()

    def runs(self, candidate: Candidate) -> bool:
        """See ``ReloadTarget``."""
        return candidate.generation == self.generation

    async def apply(self, new: Candidate) -> None:
        """See ``ReloadTarget``."""
        self.waiting.set()
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        self.generation = new.generation
        self.history.append(new.generation)

    def refuse(self, reason: str) -> None:
        """Refuse from now on."""
        self.error = ReloadRefusedError(reason)


class FakeLoader:
    """Loads the generation in ``disk``; a text that starts with ``bad`` has errors."""

    def __init__(self, disk: str = "a") -> None:
        self.disk = disk
        self.causes: list[ReloadCause] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, cause: ReloadCause, record: Any, running: Candidate) -> Loaded:
        """See ``LoadCandidate``."""
        self.causes.append(cause)
        self.has_begun.set()
        text = self.disk if record is None else str(record)
        self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        if text.startswith("bad"):
            texts = FindingsText("1 error in routes.yaml", (f"routes.yaml:1:1: error: {text}",), text)
            return Loaded(WatchedFiles({text: None}), None, texts)
        return Loaded(WatchedFiles({text: None}), candidate(text, cause))


def record(generation: str) -> Any:
    """Return a record that ``FakeLoader`` loads as this generation."""
    return generation
