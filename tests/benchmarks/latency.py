"""Latency: ``python tests/benchmarks/latency.py`` prints median and p99 from XADD to the handler's start.

On an idle stream (50 messages a second), compared with a bare blocking loop, and at ``--load`` messages a
second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from typing import NamedTuple

from measuring import new_server, run_script


class Latency(NamedTuple):
    """Medians of the rounds, in µs."""

    median: float
    p99: float


def measured(rounds: int, load: int = 0) -> dict[str, Latency]:
    """Run interleaved rounds; return the medians by load and consumer: idle, and at ``load`` if given."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    loads = {"idle": ("500", "50")} | ({f"{load:,}/s": (str(3 * load), str(load))} if load else {})
    with new_server() as server:
        for _ in range(rounds):
            for name, (messages, rate) in loads.items():
                for consumer in ("bare", "routed"):
                    server.command("FLUSHALL")
                    words = ["--url", server.url, "--consumer", consumer]
                    result = run_script("latency_run", [*words, "--messages", messages, "--rate", rate])
                    found[f"{name}, {consumer}"].append(result)
    return {name: _latency(results) for name, results in found.items()}


def _latency(results: list[dict[str, float]]) -> Latency:
    return Latency(*(statistics.median(each[key] for each in results) for key in ("median_us", "p99_us")))


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--load", type=int, default=5_000)
    options = parser.parse_args()
    for name, each in measured(options.rounds, options.load).items():
        sys.stdout.write(f"{name:24} median {each.median:8.0f} µs   p99 {each.p99:8.0f} µs\n")


if __name__ == "__main__":
    main()
