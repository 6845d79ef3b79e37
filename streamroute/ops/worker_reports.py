"""Worker reports: each worker leaves its counts in a file, again and again; the supervisor adds them up."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from streamroute.ops.metrics.vitals import Vitals
from streamroute.ops.tally import Tally

log = logging.getLogger(__name__)

_EVERY: Final = 1.0  # seconds
_SILENT: Final = 3.0  # seconds after which a worker that says nothing is taken for stopped


@contextmanager
def reporting(path: Path, tally: Tally, vitals: Callable[[], Vitals]) -> Iterator[None]:
    """Leave a report at ``path`` every second, and a last one on leaving.

    It is written by a thread of its own, so that a worker whose event loop is blocked says so.
    """
    ended = threading.Event()

    def write() -> None:
        _write(path, {"counts": tally.as_dict(), "vitals": vitals().as_dict(), "time": time.monotonic()})

    def run() -> None:
        while not ended.wait(_EVERY):
            write()

    thread = threading.Thread(target=run, name="streamroute report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        write()


def _write(path: Path, report: Mapping[str, Any]) -> None:
    """Replace the report as a whole: whoever reads it finds the old one or the new one."""
    new = path.with_name(f".{path.name}")
    try:
        new.write_text(json.dumps(report), encoding="utf-8")
        new.replace(path)
    except OSError as error:
        log.warning("the supervisor is not told what this worker has counted: %s", error)


class WorkerReports:
    """The reports of the workers in ``folder``; may be used from any thread.

    ``ended`` holds the counts of workers that have ended.
    """

    def __init__(self, folder: Path, ended: Tally) -> None:
        self.folder = folder
        self.ended = ended
        self._lock = threading.Lock()

    def end(self, path: Path) -> None:
        """The worker with this report has ended: what it counted is kept."""
        with self._lock:
            if path.exists():
                self.ended.add(Tally.from_dict(_read(path)["counts"]))
                path.unlink()

    def counts(self) -> Tally:
        """What all workers have counted, those that have ended included."""
        with self._lock:
            total = Tally(self.ended.routes)
            total.add(self.ended)
            for report in self._reports():
                total.add(Tally.from_dict(report["counts"]))
            return total

    def vitals(self) -> list[Vitals]:
        """What each running worker says of itself; the lag of one that says nothing grows."""
        with self._lock:
            return [_vitals(report) for report in self._reports()]

    def _reports(self) -> list[Mapping[str, Any]]:
        return [_read(path) for path in self.folder.iterdir() if not path.name.startswith(".")]


def _read(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def _vitals(report: Mapping[str, Any]) -> Vitals:
    vitals, silence = Vitals(**report["vitals"]), time.monotonic() - report["time"]
    if silence < _SILENT:
        return vitals
    return Vitals(max(vitals.lag, silence), vitals.running, vitals.slots)
