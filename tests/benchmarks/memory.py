"""Memory: ``python tests/benchmarks/memory.py`` prints one worker's peak memory by the kind of its backlog.

An empty stream, a backlog of small entries with fast and with slow handlers, and entries of 1 MB. Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from measuring import fill, new_server
from redis import Redis
from serving import serving

from servers import RealServer

FAST: Final = "async def work(payload):\n    pass\n"
SLOW: Final = "import asyncio\nasync def work(payload):\n    await asyncio.sleep(1)\n"
LARGE: Final = '{"note": "' + "x" * 1_000_000 + '"}'


def fill_large(server: RealServer, entries: int) -> None:
    """Empty the server, then add entries of 1 MB."""
    with Redis.from_url(server.url) as client:
        client.flushall()
        for _ in range(entries):
            client.xadd("bench", {"type": "bench.event", "data": LARGE})


def peak(server: RealServer, handler: str, seconds: float) -> float:
    """Return a worker's peak memory over this many seconds, in MB."""
    with tempfile.TemporaryDirectory() as folder, serving(server.url, Path(folder), handler) as worker:
        time.sleep(seconds)
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(facts["VmHWM"].split()[0]) / 1e3


def measured(backlog: int, large: int, seconds: float) -> dict[str, float]:
    """Return the peak memory in MB by the kind of backlog."""
    small = f"{backlog:,} small entries"
    cases: dict[str, tuple[Callable[[RealServer], object], str]] = {
        "an empty stream": (lambda server: fill(server, 1), FAST),
        f"{small}, fast handlers": (lambda server: fill(server, backlog), FAST),
        f"{small}, handlers of 1 s": (lambda server: fill(server, backlog), SLOW),
        f"{large} entries of 1 MB, fast handlers": (lambda server: fill_large(server, large), FAST),
        f"{large} entries of 1 MB, handlers of 1 s": (lambda server: fill_large(server, large), SLOW),
    }
    found = {}
    for name, (prepare, handler) in cases.items():
        with new_server() as server:
            prepare(server)
            found[name] = peak(server, handler, seconds)
    return found


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    for name, megabytes in measured(options.backlog, options.large, options.seconds).items():
        sys.stdout.write(f"{name:50}{megabytes:8.1f} MB\n")


if __name__ == "__main__":
    main()
