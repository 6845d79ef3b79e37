"""What a test asks a test app: runs, outcomes, dead letters, and assertions about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamroute.testing.loading import require_route
from streamroute.testing.report import report
from streamroute.testing.waiting_messages import (
    DeadMessage,
    RetryMessage,
    dead_messages,
    scheduled_retries,
)

if TYPE_CHECKING:
    from streamroute.adapters.memory.server import MemoryServer
    from streamroute.compiler.compiled import Compiled
    from streamroute.message import Message
    from streamroute.services.service import Service
    from streamroute.testing.event_log import EventLog
    from streamroute.testing.pause_control import PauseControl
    from streamroute.testing.recording.handled_message import HandledMessage
    from streamroute.testing.recording.recorder import Recorder


class AppResults:
    """What has happened in a test app; the app sets the attributes when it is opened."""

    _compiled: Compiled
    _log: EventLog
    _pauses: PauseControl
    _recorder: Recorder
    _server: MemoryServer
    _services: Mapping[str, Service]

    @property
    def now(self) -> float:
        """The time of the test, as ``time.time`` gives it."""
        return self._server.clock()

    def handled(self, route: str | None = None) -> list[HandledMessage]:
        """Return the runs of a route's handler (None: of all) that succeeded, in order."""
        return [run for run in self.runs(route) if run.result == "succeeded"]

    def runs(self, route: str | None = None) -> list[HandledMessage]:
        """Return all runs of a route's handler (None: of all), those that failed or still run included."""
        if route is None:
            return list(self._recorder.runs)
        require_route(self._compiled, route)
        return [run for run in self._recorder.runs if run.route == route]

    @property
    def running(self) -> list[HandledMessage]:
        """The runs that have not ended."""
        return list(self._recorder.running.values())

    @property
    def dead_letters(self) -> list[DeadMessage]:
        """The dead letters of all streams, oldest first for each stream."""
        return [letter for service in self._services.values() for letter in dead_messages(service)]

    @property
    def retries(self) -> list[RetryMessage]:
        """The messages that wait to run again."""
        services = self._services.values()
        return [retry for service in services for retry in scheduled_retries(service, self.now)]

    @property
    def paused(self) -> frozenset[str]:
        """The routes that are paused, by ``pause`` or by their circuit."""
        return self._pauses.paused

    @property
    def parked(self) -> Mapping[str, int]:
        """How many messages wait for the end of a pause, by route."""
        return self._pauses.parked

    @property
    def unmatched(self) -> list[Message]:
        """The messages that no route took, in order."""
        return list(self._recorder.unmatched)

    @property
    def outcomes(self) -> Mapping[tuple[str | None, str], int]:
        """How often each outcome was, by route (None: of whole messages) and result.

        The results are ``succeeded``, ``retried``, ``postponed``, ``parked``, ``dead``, ``filtered``,
        ``skipped``, ``unknown``, ``failed``, ``lost`` and, of shadows, ``shadow_matched``,
        ``shadow_not_matched``, ``shadow_filter_error`` and ``shadow_transform_error``.
        """
        return dict(self._recorder.outcomes)

    def entries(self, stream: str) -> list[Mapping[bytes, bytes]]:
        """Return the raw fields of a stream's entries, for example of one that a route forwards to."""
        return list(self._server.stream(stream).entries.values())

    def assert_handled(self, route: str, *, times: int | None = None) -> None:
        """Raise AssertionError unless the route's handler succeeded: ``times`` times, or at least once.

        The text says what happened, and why each route did or did not take the last messages.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        count = len(self.handled(route))
        if count == times or (times is None and count):
            return
        wanted = "at least once" if times is None else _times(times)
        raise AssertionError(
            f"{route} should have succeeded {wanted}, and did {_times(count)}\n{self.report(route)}"
        )

    def assert_not_handled(self, route: str) -> None:
        """Raise AssertionError if the route's handler ran, also if it failed."""
        __tracebackhide__ = True
        if self.runs(route):
            text = f"{route} should not have run, and did {_times(len(self.runs(route)))}"
            raise AssertionError(f"{text}\n{self.report(route)}")

    def report(self, route: str | None = None) -> str:
        """Return what happened so far as text, and why each route did or did not take the last events.

        With ``route``, events that it did not take come first.
        """
        facts = (self._log.published, self._recorder.runs, self.retries, self.dead_letters)
        return report(self._compiled, *facts, route)


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")
