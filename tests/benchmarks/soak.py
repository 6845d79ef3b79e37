"""A soak test: ``python tests/benchmarks/soak.py --seconds 3600`` serves at full speed, watching the memory.

A producer keeps a backlog for one worker; acknowledged entries are trimmed. Prints the worker's resident
memory periodically, and exits with 1 if the last quarter of the run used over a tenth more memory than the
second one.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from measuring import PAYLOAD, ROOT, new_server
from redis import Redis

ROUTES: Final = """
version: 1
redis: {{url: "{url}"}}
defaults: {{trim: {{keep: acked}}}}
streams: {{bench: {{group: bench}}}}
routes:
  - {{name: count, type: bench.event, filter: nights >= `3`, handler: soak_handlers.count}}
"""
HANDLERS: Final = "async def count(payload):\n    return None\n"
BACKLOG: Final = 100_000
_QUARTERS: Final = 4


def resident(pid: int) -> float:
    """Return a process's resident memory in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def top_up(client: Redis) -> int:
    """Add entries up to the backlog; return their number."""
    groups = client.xinfo_groups("bench") if client.exists("bench") else []
    missing = BACKLOG - int(groups[0]["lag"] or 0) if groups else BACKLOG
    data = json.dumps(PAYLOAD)
    for _ in range(0, missing, 1000):
        pipeline = client.pipeline(transaction=False)
        for _ in range(1000):
            pipeline.xadd("bench", {"type": "bench.event", "data": data})
        pipeline.execute()
    return max(0, missing)


def soak(url: str, folder: Path, seconds: float) -> list[float]:
    """Serve for this many seconds; return the memory at each second."""
    (folder / "routes.yaml").write_text(ROUTES.format(url=url))
    (folder / "soak_handlers.py").write_text(HANDLERS)
    command = [sys.executable, "-m", "streamroute", "serve", str(folder), "--log-level", "error"]
    sizes, added, start = [], 0, time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Redis.from_url(url) as client, subprocess.Popen(command, env=environment) as worker:
        while (passed := time.monotonic() - start) < seconds:
            added += top_up(client)
            sizes.append(resident(worker.pid))
            if len(sizes) % 10 == 0:
                sys.stdout.write(f"{passed:6.0f} s  {added:12,} entries  {sizes[-1]:6.1f} MB\n")
                sys.stdout.flush()
            time.sleep(max(0.0, 1 - (time.monotonic() - start - passed)))
        worker.send_signal(signal.SIGTERM)
    return sizes


def main() -> int:
    """Run the soak test, and report whether the memory was flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with new_server() as server, tempfile.TemporaryDirectory() as folder:
        sizes = soak(server.url, Path(folder), options.seconds)
    if len(sizes) < _QUARTERS:
        parser.exit(2, f"too short a run: its memory was measured {len(sizes)} times, and 4 are needed\n")
    quarter = len(sizes) // _QUARTERS
    before, after = statistics.median(sizes[quarter : 2 * quarter]), statistics.median(sizes[-quarter:])
    sys.stdout.write(f"second quarter {before:.1f} MB, last quarter {after:.1f} MB\n")
    return 0 if after <= before * 1.1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
