"""The cost of idle streams: ``python tests/benchmarks/idle.py`` serves streams without any messages.

For each number of streams it prints one line: processor time of the worker and of the server as a fraction
of one core, commands a second, connections, threads, memory, the seconds until every group was created, and
the seconds from SIGTERM to the end of the process. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from measuring import new_server
from redis import Redis
from serving import serving

from servers import RealServer

HANDLER: Final = "async def work(payload):\n    pass\n"
GROUP: Final = "idle"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def routes(url: str, streams: int) -> str:
    """Return a configuration of this many streams with one route each and default settings."""
    names = [f"idle-{number}" for number in range(streams)]
    return "\n".join(
        [
            "version: 1",
            f'redis: {{url: "{url}"}}',
            f"defaults: {{group: {GROUP}}}",
            "streams:",
            *(f"  {name}: {{}}" for name in names),
            "routes:",
            *(
                f"  - {{name: {name}, stream: {name}, type: bench.event, handler: serving_handlers.work}}"
                for name in names
            ),
        ]
    )


def measured(server: RealServer, streams: int, seconds: float) -> dict[str, float]:
    """Return the figures for this many idle streams."""
    with (
        Redis.from_url(server.url) as client,
        tempfile.TemporaryDirectory() as name,
        serving(server.url, Path(name), HANDLER, text=routes(server.url, streams)) as worker,
    ):
        began = time.monotonic()
        started = wait_for_groups(client, streams) - began
        time.sleep(3)  # the start-up cost is over
        before = sample(client, worker.pid)
        time.sleep(seconds)
        after = sample(client, worker.pid)
        lasted = after["time"] - before["time"]
        worker.terminate()
        ended = time.monotonic()
        worker.wait(120)
        ended = time.monotonic() - ended
    return {
        "streams": streams,
        "cpu": (after["cpu"] - before["cpu"]) / lasted,
        "server_cpu": (after["server_cpu"] - before["server_cpu"]) / lasted,
        "commands": (after["commands"] - before["commands"] - 4) / lasted,  # without this program's own four
        "connections": after["connections"] - 1,
        "threads": after["threads"],
        "megabytes": after["megabytes"],
        "start": started,
        "stop": ended,
    }


def wait_for_groups(client: Redis, streams: int) -> float:
    deadline = time.monotonic() + 120
    last = f"idle-{streams - 1}"
    while time.monotonic() < deadline:
        pipeline = client.pipeline(transaction=False)
        for number in range(streams) if client.exists(last) else ():
            pipeline.xinfo_groups(f"idle-{number}")
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        if len(replies) == streams and all(isinstance(reply, list) and reply for reply in replies):
            return time.monotonic()
        time.sleep(0.05)
    raise SystemExit(f"after two minutes not all of {streams} groups are there")


def sample(client: Redis, pid: int) -> dict[str, float]:
    stats: Any = client.info("stats")
    cpu: Any = client.info("cpu")
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {
        "time": time.monotonic(),
        "cpu": (int(used[11]) + int(used[12])) / _TICKS,
        "server_cpu": cpu["used_cpu_user"] + cpu["used_cpu_sys"],
        "commands": stats["total_commands_processed"],
        "connections": len(client.client_list()),
        "threads": int(status["Threads"]),
        "megabytes": int(status["VmRSS"].split()[0]) / 1e3,
    }


def main() -> None:
    """Print a line for each number of streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 10, 50, 200, 1000])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    figures = []
    sys.stdout.write("streams   cpu %  server %  commands/s  connections  threads    MB  start s  stop s\n")
    for streams in options.streams:
        with new_server() as server:
            row = measured(server, streams, options.seconds)
        figures.append(row)
        sys.stdout.write(
            "{streams:7} {0:7.2f} {1:9.2f} {commands:11.0f} {connections:12} {threads:8} {megabytes:5.0f} "
            "{start:8.1f} {stop:7.1f}\n".format(row["cpu"] * 100, row["server_cpu"] * 100, **row)
        )
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
