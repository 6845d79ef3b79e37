"""Latency: ``python tests/benchmarks/latency.py`` prints median and p99 from XADD to the handler's start.

On an idle stream (50 messages a second) beside a bare blocking loop, and under ``--load`` messages a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict

from measuring import new_server, run_script


def main() -> None:
    """Interleaved rounds; the medians of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--load", type=int, default=5_000)
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    loads = {"idle": ("500", "50"), f"{options.load:,}/s": (str(3 * options.load), str(options.load))}
    with new_server() as server:
        for _ in range(options.rounds):
            for load, (messages, rate) in loads.items():
                for consumer in ("bare", "routed"):
                    server.command("FLUSHALL")
                    words = ["--url", server.url, "--consumer", consumer]
                    result = run_script("latency_run", [*words, "--messages", messages, "--rate", rate])
                    found[f"{load}, {consumer}"].append(result)
    for name, results in found.items():
        median = statistics.median(result["median_us"] for result in results)
        p99 = statistics.median(result["p99_us"] for result in results)
        sys.stdout.write(f"{name:24} median {median:8.0f} µs   p99 {p99:8.0f} µs\n")


if __name__ == "__main__":
    main()
