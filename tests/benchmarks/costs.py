"""What is seen costs: ``python tests/benchmarks/costs.py`` prints one table of ratios, from one run.

Each row is the same load, with one more thing switched on. The rounds are interleaved, and a ratio is that of
the least disturbed rounds: what else the machine does only adds to a round. A new row needs an entry in
``ROWS``.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from measuring import Figures, Variant, interleaved

ROWS: Final = {
    "off": ("--metrics", "none"),
    "metrics": ("--metrics", "counters"),
    "metrics with histograms": ("--metrics", "histograms"),
}
"""What is on -> arguments of ``variants/routed.py``; the ratios are to the first row."""


def table(rows: list[Figures]) -> str:
    """Return the table: processor time a message, its ratio to the first row's, and that of the rates."""
    base_cpu, base_rate = min(rows[0].cpu_us), max(rows[0].rates)
    lines = [f"{'on':<24} {'cpu a message':>14} {'ratio':>6} {'messages/s':>11} {'ratio':>6}"]
    for row in rows:
        cpu, rate = min(row.cpu_us), max(row.rates)
        lines.append(
            f"{row.variant.name:<24} {cpu:>11.1f} µs {cpu / base_cpu:>6.3f} "
            f"{rate:>11,.0f} {rate / base_rate:>6.3f}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--fast", action="store_true", help="with uvloop and orjson")
    options = parser.parse_args()
    fast = ("--fast",) if options.fast else ()
    variants = [Variant(name, "routed", (*fast, *arguments)) for name, arguments in ROWS.items()]
    sys.stdout.write(table(interleaved(variants, options.rounds, options.messages, lambda _round: None)))


if __name__ == "__main__":
    main()
