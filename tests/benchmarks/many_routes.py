"""What it takes to see many routes: ``python tests/benchmarks/many_routes.py`` prints seconds.

The keys are written as a fleet of workers would: 200 streams, 10,000 routes that are all active, four workers
a stream. Then the commands run as users run them, and a board answers its pages. The second column is the
processor time of the command or the board, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from measuring import ROOT, new_server
from redis import Redis
from tail import processor_seconds

from streamroute.adapters.snapshots.worker_snapshot import RouteActivity, RunningEntry, WorkerSnapshot
from streamroute.core.recording.histogram import LIMITS
from streamroute.keys import GroupKeys

COMMANDS: Final = (
    ("status",),
    ("status", "--format", "json"),
    ("status", "retries"),
    ("paused",),
    ("dead", "groups"),
)
PAGES: Final = ("/", "/routes", "/route/r0", "/failures", "/retries", "/")
_GROUP: Final = "bench"
_LEASE: Final = 3_600_000  # ms


def write_config(folder: Path, url: str, streams: int, routes: int) -> None:
    """Write a configuration of many streams, each with its share of the routes."""
    lines = ["version: 1", f'redis: {{url: "{url}"}}', "streams:"]
    lines += [f"  s{number}: {{group: {_GROUP}}}" for number in range(streams)]
    lines += ["routes:"]
    lines += [
        f"  - {{name: r{number}, stream: s{number % streams}, type: t{number}, handler: many_handlers.work}}"
        for number in range(routes)
    ]
    (folder / "routes.yaml").write_text("\n".join(lines) + "\n")
    (folder / "many_handlers.py").write_text("async def work(payload):\n    pass\n")


def write_keys(client: Any, streams: int, routes: int, workers: int) -> None:
    """Write what the workers of all streams would: entries, leases, and a snapshot each."""
    now = int(time.time() * 1000)
    for number in range(streams):
        keys = GroupKeys.of(f"s{number}", _GROUP)
        client.xgroup_create(keys.stream, _GROUP, "0", mkstream=True)
        pipe = client.pipeline(transaction=False)
        for _ in range(20):
            pipe.xadd(keys.stream, {"type": "t", "data": "{}"})
        active = [f"r{route}" for route in range(number, routes, streams)]
        for worker in range(workers):
            name = f"worker-{worker}"
            pipe.xreadgroup(_GROUP, name, {keys.stream: ">"}, count=2)
            pipe.hset(keys.workers, name, f"{now + _LEASE} {_LEASE} d")
            pipe.hset(keys.generations, name, "0123456789abcdef")
            pipe.hset(keys.stats, name, snapshot(now, active).pack())
        pipe.execute()


def snapshot(now: int, routes: list[str]) -> WorkerSnapshot:
    """Return the snapshot of a busy worker."""
    counts = {"matched": 1_000_000, "filtered": 20_000, "succeeded": 970_000, "retried": 9_000, "dead": 1_000}
    seconds = tuple(range(len(LIMITS) + 1))
    running = [RunningEntry(f"{now}-{number}", f"{now}-{number}", routes[0], 1.5) for number in range(32)]
    return WorkerSnapshot(
        at=now + _LEASE, started=now, host="web-1", pid=7, generation="0123456789abcdef", concurrency=32,
        held=64, running_count=len(running), running=running, window=60.0, buckets=LIMITS,
        routes=[RouteActivity(route, counts, counts, seconds) for route in routes],
    )  # fmt: skip


def timed(folder: Path, words: tuple[str, ...]) -> str:
    """Run a command; return its seconds, its processor time, and the bytes of its output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start, before = time.monotonic(), _children_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "streamroute", *words, "--config", str(folder)],
        env=environment, capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr.decode()[-3000:]}")
    seconds, used = time.monotonic() - start, _children_seconds() - before
    return f"{seconds:7.2f} s {used:7.2f} s {len(done.stdout):12,} bytes"


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def board(folder: Path) -> Iterator[tuple[HTTPConnection, int]]:
    """Serve a board; yields a connection to it, and the id of its process."""
    words = [sys.executable, "-m", "streamroute", "board", str(folder), "--http", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            log = iter(process.stderr)
            found = next(found for line in log if (found := re.search(r"board is at http://([^/\s]+)", line)))
            yield HTTPConnection(found[1], timeout=600), process.pid
        finally:
            process.terminate()


def main() -> None:
    """Write the keys, and print the seconds of each command and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    with new_server() as server, tempfile.TemporaryDirectory() as name, Redis.from_url(server.url) as client:
        folder = Path(name)
        write_config(folder, server.url, options.streams, options.routes)
        write_keys(client, options.streams, options.routes, options.workers)
        for words in COMMANDS:
            sys.stdout.write(f"{' '.join(words):24} {timed(folder, words)}\n")
            sys.stdout.flush()
        with board(folder) as (connection, pid):
            for path in PAGES:
                start, before = time.monotonic(), processor_seconds(pid)
                connection.request("GET", path, headers={"Accept": "text/html"})
                answer = connection.getresponse()
                size, seconds = len(answer.read()), time.monotonic() - start
                used = processor_seconds(pid) - before
                figures = f"{seconds:7.2f} s {used:7.2f} s {size:12,} bytes, status {answer.status}"
                sys.stdout.write(f"board {path:18} {figures}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
