"""What is seen costs: ``python tests/benchmarks/costs.py`` prints one table of ratios, from one run.

Each row is the same load, with one more thing switched on. The rounds are interleaved, and a ratio is that of
the least disturbed rounds: what else the machine does only adds to a round. A new row needs an entry in
``ROWS``, or in that of ``watched.py``, whose worker is ``serve`` while others look at it.

Processor time is the worker's. With few processors, visitors and the board compete with the worker for them,
which lowers its rate, and costs no processor time of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import watched
from measuring import Figures, Variant, measure, new_server
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


_SHARE_WATCHED: Final = 1 / 3
_QUICK: Final = (1, 6_000)  # rounds, messages


@dataclass(slots=True)
class Row:
    """What is on, and by round the rate in messages a second and the processor time of a message in µs."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def table(rows: Sequence[Row]) -> str:
    """Return the table: processor time a message, its ratio to the first row's, and that of the rates."""
    base_cpu, base_rate = min(rows[0].cpu_us), max(rows[0].rates)
    lines = [f"{'on':<26} {'cpu a message':>14} {'ratio':>6} {'messages/s':>11} {'ratio':>6}"]
    for row in rows:
        cpu, rate = min(row.cpu_us), max(row.rates)
        lines.append(
            f"{row.name:<26} {cpu:>11.1f} µs {cpu / base_cpu:>6.3f} {rate:>11,.0f} {rate / base_rate:>6.3f}"
        )
    return "\n".join(lines) + "\n"


def measured(variants: Sequence[Variant], rounds: int, messages: int) -> tuple[list[Row], list[Row]]:
    """Run everything in turn, ``rounds`` times; returns the rows of this file, and of ``watched.py``."""
    figures = [Figures(variant) for variant in variants]
    watching = [Row(name) for name in watched.ROWS]
    with new_server() as server:
        for _ in range(rounds):
            for each in figures:
                measure(server, each, messages)
            for row in watching:
                rate, cpu = watched.run(server, watched.ROWS[row.name], int(messages * _SHARE_WATCHED))
                row.rates.append(rate)
                row.cpu_us.append(cpu)
    return [Row(each.variant.name, each.rates, each.cpu_us) for each in figures], watching


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--fast", action="store_true", help="with uvloop and orjson")
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, no figures")
    options = parser.parse_args()
    rounds, messages = _QUICK if options.quick else (options.rounds, options.messages)
    fast = ("--fast",) if options.fast else ()
    variants = [
        Variant(name, "routed", (*fast, *arguments), share=_SHARE_TRACED if "--traces" in arguments else 1)
        for name, arguments in ROWS.items()
    ]
    with span_receiver() as address:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
        switched, watching = measured(variants, rounds, messages)
    sys.stdout.write(f"{table(switched)}\n{table(watching)}")


if __name__ == "__main__":
    main()
