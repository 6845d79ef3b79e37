"""The gate against slower code: ``python tests/benchmarks/gate.py`` exits 1 if a ratio is above its bound.

It compares processor time per message with the bare loop's in the same run, both from the least disturbed
round, and never with seconds of another machine or day. The bound leaves room for a noisy machine, and a
ratio above it is measured again, twice: slower code is slower each time.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from measuring import Variant, interleaved

BOUND: Final = 1.6
BARE: Final = Variant("bare loop", "bare")
OURS: Final = Variant("streamroute", "routed")


def main() -> int:
    """Measure, print one line, and return 1 if the bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--bound", type=float, default=BOUND)
    parser.add_argument("--tries", type=int, default=3)
    options = parser.parse_args()
    kept = (
        _ratio(options.rounds, options.messages, options.bound) <= options.bound for _ in range(options.tries)
    )
    return 0 if any(kept) else 1


def _ratio(rounds: int, messages: int, bound: float) -> float:
    bare, ours = interleaved([BARE, OURS], rounds, messages, lambda _line: None)
    mine, theirs = min(ours.cpu_us), min(bare.cpu_us)
    ratio = mine / theirs
    sys.stdout.write(f"processor time a message: {mine:.1f} µs, the bare loop {theirs:.1f} µs\n")
    sys.stdout.write(f"ratio {ratio:.2f}, bound {bound}\n")
    return ratio


if __name__ == "__main__":
    raise SystemExit(main())
