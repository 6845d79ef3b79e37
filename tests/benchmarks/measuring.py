"""Measurement: each run is a separate process on an emptied server; rounds are interleaved."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "support"), str(ROOT)]

from servers import RealServer, redis_binary, valkey_binary  # noqa: E402 - found by the line above

PAYLOAD: Final = {
    "tier": "gold",
    "nights": 4,
    "guest": {"name": "Ada", "email": "ada@example.com"},
    "note": "x" * 90,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A script in ``variants/`` and its arguments; slow ones get only a ``share`` of the messages.

    It gets ``least`` messages at any rate.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    share: float = 1.0
    needs: tuple[str, ...] = ()
    least: int = 500

    @property
    def installed(self) -> bool:
        """Whether its packages are installed."""
        return all(find_spec(name) for name in self.needs)


@dataclass(slots=True)
class Figures:
    """The figures of one variant by round: rates in messages a second, all else per message."""

    variant: Variant
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    def add(self, result: dict[str, float], server_seconds: float, messages: int) -> None:
        """Record one run."""
        self.rates.append(messages / result["seconds"])
        self.cpu_us.append(result["cpu_seconds"] / messages * 1e6)
        self.server_us.append(server_seconds / messages * 1e6)
        self.peak_bytes = max(self.peak_bytes, int(result["peak_bytes"]))

    @property
    def rate(self) -> float:
        """The median rate."""
        return statistics.median(self.rates)

    @property
    def spread(self) -> float:
        """The spread of the rounds, as a fraction of the median."""
        return (max(self.rates) - min(self.rates)) / self.rate

    def as_dict(self) -> dict[str, Any]:
        """Return every figure, for a file."""
        return {
            "variant": self.variant.name,
            "rates": self.rates,
            "cpu_us": self.cpu_us,
            "server_us": self.server_us,
            "peak_bytes": self.peak_bytes,
        }


def new_server() -> RealServer:
    """Start Redis, or the embedded server's Valkey if it is not installed; without persistence."""
    return RealServer(redis_binary() or valkey_binary(), append_only=False)


def fill(server: RealServer, messages: int) -> None:
    """Empty the server, then add the entries: a type and 176 bytes of JSON."""
    from redis import Redis

    with Redis.from_url(server.url) as client:
        client.flushall()
        data = json.dumps(PAYLOAD)
        for start in range(0, messages, 1000):
            pipeline = client.pipeline(transaction=False)
            for _ in range(min(1000, messages - start)):
                pipeline.xadd("bench", {"type": "bench.event", "data": data})
            pipeline.execute()


def run_script(script: str, arguments: Sequence[str]) -> dict[str, float]:
    """Return the figures that a script in ``variants/`` prints; exit with its output if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(HERE / "variants" / f"{script}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(server: RealServer, figures: Figures, messages: int) -> None:
    """Run a variant once."""
    count = max(figures.variant.least, int(messages * figures.variant.share))
    fill(server, count)
    before = _server_seconds(server)
    arguments = ["--url", server.url, "--messages", str(count), *figures.variant.arguments]
    result = run_script(figures.variant.script, arguments)
    figures.add(result, _server_seconds(server) - before, count)


def interleaved(
    variants: Sequence[Variant], rounds: int, messages: int, tell: Callable[[str], None]
) -> list[Figures]:
    """Run all variants in turn, ``rounds`` times, so that other load on the machine affects all."""
    figures = [Figures(variant) for variant in variants]
    with new_server() as server:
        for number in range(1, rounds + 1):
            for each in figures:
                measure(server, each, messages)
            tell(f"round {number} of {rounds}")
    return figures


def _server_seconds(server: RealServer) -> float:
    """Return the server's processor time so far."""
    lines = server.command("INFO", "cpu").decode().splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    return float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"])
