"""Ledgers: what was produced and what was done, one line each, in files outside Redis.

A line is written with one call and, if it records an effect, synced before the caller continues, so that it
survives whatever kills the process next. Times are CLOCK_MONOTONIC in seconds: the same clock for all
processes of a machine, unaffected by changes of the wall clock.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

What = Literal["start", "done", "fail"]


class Ledger:
    """An append-only file; each process writes its own."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *, sync: bool = True, **facts: Any) -> None:
        """Append a line; with ``sync`` it is on the disk when this returns."""
        os.write(self._file, json.dumps(facts).encode() + b"\n")
        if sync:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A message that the server accepted: its number, its id, when it was sent and when it was confirmed.

    ``routes`` are those that must handle it; empty for an entry that can only be dead-lettered.
    ``doomed`` are the routes that fail permanently on purpose. Messages of one ``job`` take effect once
    together.
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
    """A line about one run of a route: it started, took effect, or failed.

    ``facts`` are what else the handler says.
    """

    what: What
    n: int
    id: str
    route: str
    attempt: int
    deliveries: int
    worker: str
    at: float
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


def now() -> float:
    """Return the time on the ledgers' clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def read_orders(folder: Path) -> list[Order]:
    """Return what the producer has written so far."""
    return [
        Order(**{**line, "routes": frozenset(line["routes"]), "doomed": frozenset(line["doomed"])})
        for line in read_lines(folder / "produced.jsonl")
    ]


def read_runs(folder: Path) -> list[Run]:
    """Return what all workers have written so far, by time."""
    runs = [Run(**line) for path in folder.glob("runs-*.jsonl") for line in read_lines(path)]
    return sorted(runs, key=lambda run: run.at)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the complete lines of a ledger: the last one may be incomplete."""
    if path.exists():
        *lines, _ = path.read_bytes().split(b"\n")
        for line in lines:
            yield json.loads(line)
