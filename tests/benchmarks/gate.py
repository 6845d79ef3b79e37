"""The gate against slower code: ``python tests/benchmarks/gate.py`` exits 1 when a ratio is above its bound.

It compares processor time a message with the bare loop's in the same run, round by round, and never seconds
with those of another machine or day. The bound leaves room for a noisy machine: the figure itself is in
the benchmark's README.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Final

from measuring import Variant, interleaved

BOUND: Final = 1.8
BARE: Final = Variant("bare loop", "bare")
OURS: Final = Variant("streamroute", "routed")


def main() -> int:
    """Measure, print one line, and say whether the bound is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--bound", type=float, default=BOUND)
    options = parser.parse_args()
    bare, ours = interleaved([BARE, OURS], options.rounds, options.messages, lambda _line: None)
    ratios = [mine / theirs for mine, theirs in zip(ours.cpu_us, bare.cpu_us, strict=True)]
    ratio = statistics.median(ratios)
    shown = ", ".join(f"{each:.2f}" for each in sorted(ratios))
    sys.stdout.write(f"processor time a message, beside the bare loop's: {ratio:.2f}\n")
    sys.stdout.write(f"bound {options.bound}; rounds {shown}\n")
    return 0 if ratio <= options.bound else 1


if __name__ == "__main__":
    raise SystemExit(main())
