"""Coalesce equal log records into one line a second, with a count.

The first record is written at once. Of those that follow within a second, the last is written at the end of
that second, and represents all of them. Records are equal if

- they have the same attribute ``coalesced_by``;
- without it, streamroute's own warnings and errors have the same template;
- all other records have the same text, so that no record of another package is dropped.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.logs.exception_text import error_text
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_str, type_name

_ATTRIBUTE: Final = "coalesced_by"
_UNSET: Final = object()
_MAX_KEYS: Final = 1_000
_QUOTED: Final = re.compile(r"""'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)""", re.DOTALL)
_OTHERS: Final = "others"

NEVER_COALESCED: Final[Mapping[str, Any]] = {_ATTRIBUTE: None}
"""``extra=NEVER_COALESCED``: a record that is always written."""


def coalesced_by(*key: Hashable) -> Mapping[str, Any]:
    """Return ``extra`` for a record that equals others with this key, whatever their text."""
    return {_ATTRIBUTE: key}


def coalesced_by_reason(what: str, reason: str) -> Mapping[str, Any]:
    """Return ``extra`` for a record that equals others whose reason is the same up to its first colon.

    Text after the colon or in quotes is specific to a single message.
    """
    return coalesced_by(what, _QUOTED.sub("", reason[:NAME]).partition(":")[0])


@dataclass(slots=True)
class _RecordRun:
    """A run of equal records: until when (by the clock) none is written, and those pending."""

    until: float
    count: int = 0
    last: logging.LogRecord | None = None


class CoalescingHandler(logging.Handler):
    """Passes records to ``target``, equal ones once in ``interval`` seconds.

    A record that represents several has their number in its attribute ``repeated``, and with ``annotate``
    also at the end of its message. Pending records are written at the end of their interval, by a thread
    that exists only while there are any, and on ``flush()``, which ``logging.shutdown()`` calls. At most a
    thousand keys are distinguished; further records of streamroute share one key.

    >>> logging.basicConfig(handlers=[CoalescingHandler(logging.StreamHandler())])  # doctest: +SKIP
    """

    def __init__(
        self,
        target: logging.Handler,
        *,
        interval: float = 1.0,
        annotate: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.target = target
        self._interval = interval
        self._annotate = annotate
        self._clock = clock
        self._runs: dict[Hashable, _RecordRun] = {}
        self._timer: threading.Timer | None = None

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Set the target's formatter."""
        self.target.setFormatter(fmt)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or keep it until the end of its interval."""
        if record.levelno < self.target.level:
            return
        try:
            self._emit(record)
        except Exception:  # noqa: BLE001 - logging never raises
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        run = self._run_of(record, now)
        if run is None:
            self.target.handle(record)
            return
        run.count, run.last = run.count + 1, record
        if now >= run.until or not self._wait(run.until - now):
            self._write([run], now)

    def flush(self) -> None:
        """Write pending records."""
        self.acquire()
        try:
            self._write(list(self._runs.values()), self._clock())
        finally:
            self.release()
        self.target.flush()

    def close(self) -> None:
        """Write pending records, and close the handler."""
        self.flush()
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
        finally:
            self.release()
        super().close()

    def _run_of(self, record: logging.LogRecord, now: float) -> _RecordRun | None:
        """Return the run to which the record belongs; None if it has to be written now."""
        try:
            key = _key(record)
            hash(key)
        except Exception:  # noqa: BLE001 - user code may put anything into a record: it is equal to no other
            return None
        if key is None or key in self._runs:
            return None if key is None else self._runs[key]
        if len(self._runs) >= _MAX_KEYS:
            self._forget(now)
        if len(self._runs) < _MAX_KEYS:
            self._runs[key] = _RecordRun(now + self._interval)
            return None
        # Records of other packages are all written; streamroute's share one key.
        return self._runs.setdefault(_OTHERS, _RecordRun(now + self._interval)) if _is_own(record) else None

    def _write(self, runs: Iterable[_RecordRun], now: float) -> None:
        """Write the last record of each run, and start the next interval of those runs."""
        for run in runs:
            last, count = run.last, run.count
            if last is not None:
                run.until, run.count, run.last = now + self._interval, 0, None
                self.target.handle(self._standing_for(last, count) if count > 1 else last)

    def _standing_for(self, record: logging.LogRecord, count: int) -> logging.LogRecord:
        summary = copy.copy(record)
        vars(summary)["repeated"] = count
        if self._annotate:
            summary.msg, summary.args = f"{message_of(record)} (and {count - 1:,} more like it)", None
        return summary

    def _forget(self, now: float) -> None:
        """Forget runs whose interval is over and that have no pending record."""
        self._runs = {key: run for key, run in self._runs.items() if run.last is not None or run.until > now}

    # The timer: a thread that exists while records are pending.

    def _wait(self, seconds: float) -> bool:
        """Start the timer if necessary; return whether it is running."""
        if self._timer is None:
            timer = threading.Timer(seconds, self._on_time)
            timer.name, timer.daemon = "streamroute log", True
            try:
                timer.start()
            except RuntimeError:
                return False  # no thread can be started, e.g. at shutdown: write the record now
            self._timer = timer
        return True

    def _on_time(self) -> None:
        self.acquire()
        try:
            self._timer, now = None, self._clock()
            self._write([run for run in self._runs.values() if run.until <= now], now)
            self._forget(now)
            waiting = [run.until for run in self._runs.values() if run.last is not None]
            if waiting:
                self._wait(min(waiting) - now)
        finally:
            self.release()


def message_of(record: logging.LogRecord) -> str:
    """Return the record's message; if formatting fails, its template and the error."""
    try:
        return record.getMessage()
    except BaseException as error:  # noqa: BLE001 - foreign objects may raise anything
        return f"{safe_str(record.msg)} ({error_text(error, NAME)})"


def _key(record: logging.LogRecord) -> Hashable | None:
    """Return the key that equal records share; None if the record is never coalesced."""
    stated = getattr(record, _ATTRIBUTE, _UNSET)
    if stated is not _UNSET:
        return None if stated is None else (record.levelno, stated)
    if _is_own(record) and record.levelno >= logging.WARNING:
        error_type = type_name(record.exc_info[1]) if record.exc_info else ""
        return record.levelno, record.msg, error_type
    text = message_of(record)
    return record.name, record.levelno, text if len(text) <= NAME else (len(text), hash(text))


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "streamroute"
