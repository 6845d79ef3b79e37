"""The gate against slower code: ``python tests/benchmarks/gate.py`` exits 1 if a ratio is above its bound.

It compares processor time per message with that of a base in the same run: the bare loop's, or a routed
message's. Both are from the least disturbed round, and never from another machine or day. The bounds leave
room for a noisy machine, and a ratio above its bound is measured again, twice: slower code is slower each
time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cases import FILTERED_FAST, LOOPS, ROUTED, ROUTED_FAST, UNLISTED_FAST
from measuring import Figures, Variant, interleaved

BOUNDS: Final[Mapping[Variant, float]] = {
    ROUTED: 1.4,
    ROUTED_FAST: 1.8,
    UNLISTED_FAST: 0.7,
    FILTERED_FAST: 0.9,
}
"""Variant -> the most processor time per message, as a ratio to its base's."""

_BY_NAME: Final = {each.name: each for each in LOOPS}

Measure = Callable[[Sequence[Variant]], Sequence[Figures]]


def exceeded(bounds: Mapping[Variant, float], tries: int, measure: Measure) -> list[Variant]:
    """Return the variants whose ratio was above its bound in each try; print every ratio."""
    left = list(bounds)
    for _ in range(tries):
        ratios = _ratios(left, measure) if left else {}
        for variant, ratio in ratios.items():
            sys.stdout.write(f"{variant.name}: ratio {ratio:.2f}, bound {bounds[variant]}\n")
        left = [variant for variant in left if ratios[variant] > bounds[variant]]
    return left


def _ratios(variants: Sequence[Variant], measure: Measure) -> dict[Variant, float]:
    bases = [_BY_NAME[each.base] for each in variants]
    found = measure(list(dict.fromkeys([*bases, *variants])))
    least = {figures.variant.name: min(figures.cpu_us) for figures in found}
    for name, microseconds in least.items():
        sys.stdout.write(f"{name}: {microseconds:.1f} µs of processor time a message\n")
    return {each: least[each.name] / least[each.base] for each in variants}


def main() -> int:
    """Measure, print the ratios, and return 1 if a bound is exceeded in each try."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, no verdict")
    options = parser.parse_args()
    rounds, messages = (1, 2_000) if options.quick else (options.rounds, options.messages)

    def measure(variants: Sequence[Variant]) -> Sequence[Figures]:
        return interleaved(variants, rounds, messages, lambda _line: None)

    above = exceeded(BOUNDS, 1 if options.quick else options.tries, measure)
    return 1 if above and not options.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
