"""Ledgers: what was produced and what was done, a line each, in files outside Redis.

A line is written with one call and, where it says that something was done, synced before the caller goes
on: it outlives whatever kills the process next. Times are CLOCK_MONOTONIC, in seconds: the same clock for
every process of a machine, whatever is done to the wall's.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

What = Literal["start", "done", "fail"]


class Ledger:
    """A file that only grows; each process writes its own."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *, sync: bool = True, **facts: Any) -> None:
        """Add a line; with ``sync`` it is on the disk when this returns."""
        os.write(self._file, json.dumps(facts).encode() + b"\n")
        if sync:
            os.fsync(self._file)

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A message that the server has taken: its number, its id, when it was sent and when that was sure.

    ``routes`` are those that must handle it; empty for an entry that can only be dead-lettered.
    ``doomed`` are the routes that are meant to fail for good. Messages of one ``job`` take effect once
    between them, where they have any.
    """

    n: int
    id: str
    sent: float
    at: float
    routes: frozenset[str]
    doomed: frozenset[str] = frozenset()
    job: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A line about one run of a route: it started, took effect, or failed."""

    what: What
    n: int
    id: str
    route: str
    attempt: int
    deliveries: int
    worker: str
    at: float


def now() -> float:
    """The time of the ledgers."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def read_orders(folder: Path) -> list[Order]:
    """What the producer has written so far."""
    return [
        Order(**{**line, "routes": frozenset(line["routes"]), "doomed": frozenset(line["doomed"])})
        for line in _lines(folder / "produced.jsonl")
    ]


def read_runs(folder: Path) -> list[Run]:
    """What all workers have written so far, by time."""
    runs = [Run(**line) for path in folder.glob("runs-*.jsonl") for line in _lines(path)]
    return sorted(runs, key=lambda run: run.at)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last one may be half there."""
    if path.exists():
        *lines, _ = path.read_bytes().split(b"\n")
        for line in lines:
            yield json.loads(line)
