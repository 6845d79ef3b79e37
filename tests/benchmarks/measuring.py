"""Measurement: each run is a separate process on an emptied server; rounds are interleaved."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
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
MIXES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "unlisted": ("bench.other", PAYLOAD),
    "filtered": ("bench.event", {**PAYLOAD, "tier": "iron"}),
}
"""What most entries of a mixed stream are: of a type that no route lists, or refused by its filter."""

_ONE_IN: Final = 20  # entries of a mixed stream is handled; so is the last


@dataclass(frozen=True, slots=True)
class Variant:
    """A script in ``variants/`` and its arguments; slow ones get only a ``share`` of the messages.

    It gets ``least`` messages at any rate. Its ratios are to the variant named ``base``, if it has one.
    ``mix`` is what most of its stream is, and ``python`` the interpreter that runs it.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    share: float = 1.0
    needs: tuple[str, ...] = ()
    least: int = 500
    base: str = ""
    mix: str = ""
    python: str = sys.executable

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
    def cpu(self) -> float:
        """The median processor time of the client."""
        return statistics.median(self.cpu_us)

    @property
    def server(self) -> float:
        """The median processor time of the server."""
        return statistics.median(self.server_us)

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


def say(text: str) -> None:
    """Print progress on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def new_server() -> RealServer:
    """Start Redis, or the embedded server's Valkey if it is not installed; without persistence."""
    return RealServer(redis_binary() or valkey_binary(), append_only=False)


def fill(server: RealServer, messages: int, mix: str = "") -> int:
    """Empty the server, add the entries (a type and 176 bytes of JSON); return how many a route takes."""
    from redis import Redis

    routed = _fields("bench.event", PAYLOAD)
    skipped = _fields(*MIXES[mix]) if mix else routed
    with Redis.from_url(server.url) as client:
        client.flushall()
        for start in range(0, messages, 1000):
            pipeline = client.pipeline(transaction=False)
            for later in range(messages - start - 1, max(messages - start - 1001, -1), -1):
                pipeline.xadd("bench", skipped if later % _ONE_IN else routed)
            pipeline.execute()
    return -(-messages // _ONE_IN) if mix else messages


def _fields(message_type: str, payload: dict[str, Any]) -> dict[Any, Any]:
    return {"type": message_type, "data": json.dumps(payload)}


def run_script(
    script: str, arguments: Sequence[str], python: str = sys.executable, under: Sequence[str] = ()
) -> dict[str, float]:
    """Return the figures that a script in ``variants/`` prints; exit with its output if it fails.

    ``under`` is a command that runs the interpreter, as of valgrind.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [*under, python, str(HERE / "variants" / f"{script}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(server: RealServer, figures: Figures, messages: int) -> None:
    """Run a variant once."""
    variant = figures.variant
    count = max(variant.least, int(messages * variant.share))
    handled = fill(server, count, variant.mix)
    before = _server_seconds(server)
    arguments = ["--url", server.url, "--messages", str(count), *variant.arguments]
    mixed = ["--handled", str(handled)] if variant.mix else []
    result = run_script(variant.script, [*arguments, *mixed], variant.python)
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
