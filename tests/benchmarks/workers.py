"""Workers: ``python tests/benchmarks/workers.py`` compares `--workers` 1 and 2.

The handlers are CPU-bound. The rate is measured between a tenth and nine tenths of the messages, which
excludes the start-up.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from measuring import fill, new_server
from redis import Redis
from serving import serving, wait_for_lag

HANDLER: Final = "async def work(payload):\n    sum(range(20_000))\n"
COUNTS: Final = (1, 2)


def measured(rounds: int, messages: int) -> dict[int, float]:
    """Return messages a second by number of workers: medians of interleaved rounds."""
    rates: dict[int, list[float]] = {count: [] for count in COUNTS}
    with new_server() as server:
        for _ in range(rounds):
            for count in COUNTS:
                fill(server, messages)
                rates[count].append(_rate(server.url, count, messages))
    return {count: statistics.median(found) for count, found in rates.items()}


def _rate(url: str, workers: int, messages: int) -> float:
    options = ("--workers", str(workers))
    with (
        tempfile.TemporaryDirectory() as folder,
        Redis.from_url(url) as client,
        serving(url, Path(folder), HANDLER, *options),
    ):
        start = wait_for_lag(client, messages * 9 // 10)
        end = wait_for_lag(client, messages // 10)
    return messages * 0.8 / (end - start)


def main() -> None:
    """Print the rates and the gain of the second worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=10_000)
    options = parser.parse_args()
    one, two = measured(options.rounds, options.messages).values()
    sys.stdout.write(f"1 worker {one:,.0f}/s, 2 workers {two:,.0f}/s: {two / one:.2f} times\n")


if __name__ == "__main__":
    main()
