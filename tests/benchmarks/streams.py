"""The cost of many streams: ``python tests/benchmarks/streams.py`` spreads one load over more streams.

One worker consumes 2,000 messages a second: from one stream, then from 200. For each number of streams it
prints one line: processor time of the worker and of the server in µs a message, the server's commands for
each message, and the ratio of the worker's time to that of the first line. Rounds are interleaved, and each
figure is the least of them, as other load on the machine only adds. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import idle
from measuring import HERE, new_server
from redis import Redis
from serving import serving

SIZES: Final = (1, 200)
RATE: Final = 2_000
"""Messages a second, of all streams together."""
EVERY: Final = 0.0005
"""Seconds between the pipelines of the producer."""
_WARM_UP: Final = 3.0  # seconds before the measurement
_SLACK: Final = 3.0  # seconds for which the producer goes on


def measured(streams: int, rate: int, seconds: float, every: float) -> dict[str, float]:
    """Return the figures of one run, on a server of its own."""
    with (
        new_server() as server,
        Redis.from_url(server.url) as client,
        tempfile.TemporaryDirectory() as name,
        serving(server.url, Path(name), idle.HANDLER, text=idle.routes(server.url, streams)) as worker,
    ):
        idle.wait_for_groups(client, streams)
        count = int(rate * (_WARM_UP + seconds + _SLACK))
        with _producer(server.url, streams, (str(count), str(rate), str(every))) as producer:
            time.sleep(_WARM_UP)
            before, read_before = idle.sample(client, worker.pid), _entries_read(client, streams)
            time.sleep(seconds)
            after, read = idle.sample(client, worker.pid), _entries_read(client, streams) - read_before
            producer.kill()
    used = {key: (after[key] - before[key]) / read for key in ("cpu", "server_cpu", "commands")}
    return {
        "streams": streams,
        "cpu_us": used["cpu"] * 1e6,
        "server_us": used["server_cpu"] * 1e6,
        "commands": used["commands"],
        "rate": read / (after["time"] - before["time"]),
    }


def interleaved(
    sizes: Sequence[int], rounds: int, seconds: float, *, rate: int = RATE, every: float = EVERY
) -> list[dict[str, float]]:
    """Return the least figures of the rounds for each number of streams."""
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, results in found.items():
            results.append(measured(size, rate, seconds, every))
    return [{key: min(each[key] for each in results) for key in results[0]} for results in found.values()]


def _producer(url: str, streams: int, words: Sequence[str]) -> subprocess.Popen[bytes]:
    names = ",".join(f"idle-{number}" for number in range(streams))
    script = str(HERE / "variants" / "steady_producer.py")
    return subprocess.Popen([sys.executable, script, url, names, *words])


def _entries_read(client: Redis, streams: int) -> int:
    pipeline = client.pipeline(transaction=False)
    for number in range(streams):
        pipeline.xinfo_groups(f"idle-{number}")
    replies: list[Any] = pipeline.execute()
    return sum(int(groups[0]["entries-read"] or 0) for groups in replies)


def main() -> None:
    """Print a line for each number of streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rate", type=int, default=RATE, help="messages a second, of all streams together")
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between the producer's pipelines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    figures = interleaved(
        options.streams, options.rounds, options.seconds, rate=options.rate, every=options.every
    )
    sys.stdout.write("streams   messages/s   CPU us   server us   commands   ratio\n")
    for row in figures:
        sys.stdout.write(
            "{streams:7.0f} {rate:12,.0f} {cpu_us:8.1f} {server_us:11.1f} {commands:10.2f} {0:7.2f}\n".format(
                row["cpu_us"] / figures[0]["cpu_us"], **row
            )
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
