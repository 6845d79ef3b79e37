"""What is seen costs: ``python tests/benchmarks/costs.py`` prints one table of ratios, from one run.

Each row is the same load, with one more thing switched on. The rounds are interleaved, and a ratio is that of
the least disturbed rounds: what else the machine does only adds to a round. A new row needs an entry in
``ROWS``.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

from measuring import Figures, Variant, interleaved
from span_receiver import span_receiver

ROWS: Final = {
    "off": ("--metrics", "none"),
    "metrics": ("--metrics", "counters"),
    "metrics with histograms": ("--metrics", "histograms"),
    "spans, none sampled": ("--metrics", "none", "--traces", "link", "--sampled", "0"),
    "spans, 1% sampled": ("--metrics", "none", "--traces", "link", "--sampled", "0.01"),
    "spans, all sampled": ("--metrics", "none", "--traces", "link", "--sampled", "1"),
}
"""What is on -> arguments of ``variants/routed.py``; the ratios are to the first row."""

_SHARE_TRACED: Final = 0.3  # of the messages: spans take several times as long as all else


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
    variants = [
        Variant(name, "routed", (*fast, *arguments), share=_SHARE_TRACED if "--traces" in arguments else 1)
        for name, arguments in ROWS.items()
    ]
    with span_receiver() as address:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
        figures = interleaved(variants, options.rounds, options.messages, lambda _round: None)
    sys.stdout.write(table(figures))


if __name__ == "__main__":
    main()
