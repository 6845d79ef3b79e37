"""The cost of those who watch: ``serve`` beside tails and visitors of its board, one run at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import tail
from redis import Redis
from serving import serving, wait_for_lag
from visitors import visiting

from servers import free_port

_HANDLER: Final = "async def work(payload):\n    pass\n"
_FIRST: Final = 2_000  # entries before the measurement, which warm the worker up


@dataclass(frozen=True, slots=True)
class Watched:
    """Who watches: the options of a tail, or those of ``visitors.py``."""

    tail: tuple[str, ...] | None = None
    has_board: bool = False
    visitors: tuple[str, ...] = ()


ROWS: Final = {
    "serve": Watched(),
    "serve, tail open": Watched(tail=("--format", "json")),
    "serve --http, nobody there": Watched(has_board=True),
    "board open, 5 live pages": Watched(has_board=True, visitors=("--live", "5")),
    "board hammered": Watched(has_board=True, visitors=("--live", "5", "--hammer", "32", "--slow", "1000")),
}
"""What is on -> who watches; the ratios are to the first row."""


def run(server: Any, watched: Watched, messages: int) -> tuple[float, float]:
    """Consume the messages once; returns messages a second, and the worker's µs for each."""
    server.command("FLUSHALL")
    with Redis.from_url(server.url) as client, tempfile.TemporaryDirectory() as name:
        folder, address = Path(name), f"127.0.0.1:{free_port()}"
        options = ("--http", address) if watched.has_board else ()
        with serving(server.url, folder, _HANDLER, *options) as worker:
            tail.add(client, _FIRST)
            wait_for_lag(client, 0)
            with _watchers(folder, address, watched):
                before = _processor_seconds(worker.pid)
                start = time.monotonic()
                tail.add(client, messages)
                seconds = wait_for_lag(client, 0) - start
                used = _processor_seconds(worker.pid) - before
    return messages / seconds, used / messages * 1e6


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a process's threads, in finer steps than those of ``/proc/PID/stat``."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


@contextmanager
def _watchers(folder: Path, address: str, watched: Watched) -> Iterator[None]:
    if watched.tail is not None:
        with tail.tails(folder, [watched.tail]):
            time.sleep(3)  # until the worker has seen a watcher of outcomes
            yield
    elif watched.has_board:
        _wait_for_board(f"http://{address}/readyz")
        with visiting(address, *watched.visitors):
            yield
    else:
        yield


def _wait_for_board(url: str, patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=patience):  # noqa: S310 - http
                return
        except URLError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {patience:.0f} s")
