"""A server under measurement: ``streamroute serve`` as a process, with a configuration of one route."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from measuring import ROOT
from redis import Redis

ROUTES: Final = """
version: 1
redis: {{url: "{url}"}}
streams: {{bench: {{group: bench, concurrency: {concurrency}}}}}
routes:
  - {{name: work, type: bench.event, handler: serving_handlers.work}}
"""


@contextmanager
def serving(
    url: str,
    folder: Path,
    handler: str,
    *options: str,
    concurrency: int = 32,
    text: str = "",
    errors: IO[str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the stream ``bench`` with the function ``work`` defined by the source ``handler``.

    ``text`` is another configuration, which may name that function too. ``errors`` is the file for its log.
    """
    (folder / "routes.yaml").write_text(text or ROUTES.format(url=url, concurrency=concurrency))
    (folder / "serving_handlers.py").write_text(handler)
    words = [sys.executable, "-m", "streamroute", "serve", str(folder), "--log-level", "error", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(words, env=environment, stderr=errors)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_lag(client: Redis, most: int, patience: float = 300) -> float:
    """Wait until the group's lag is at most ``most`` entries; return the time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        groups: Any = client.xinfo_groups("bench")
        if groups and (groups[0]["lag"] or 0) <= most and groups[0]["entries-read"]:
            return time.monotonic()
        time.sleep(0.02)
    raise SystemExit(f"the worker left more than {most} entries unread for {patience:.0f} s")
