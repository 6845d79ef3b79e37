"""Filters compared with jmespath: ``python tests/benchmarks/filters.py``, in one process, no server."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import jmespath

from streamroute.expressions.filters import compile_filter

MIX: Final = (
    "tier == 'gold'",
    "guest.tier == 'gold' && nights >= `3`",
    "price > `100` || guest.vip",
    "!cancelled && contains(['web', 'app'], channel)",
    "starts_with(guest.email, 'ada@') && length(rooms) > `1`",
    "rooms[?beds > `1`] | [0].view == 'sea'",
)
PAYLOAD: Final[dict[str, Any]] = {
    "type": "booking.confirmed",
    "tier": "gold",
    "nights": 4,
    "price": 260.5,
    "channel": "app",
    "cancelled": False,
    "guest": {"tier": "gold", "vip": True, "email": "ada@example.com"},
    "rooms": [{"beds": 1, "view": "court"}, {"beds": 2, "view": "sea"}],
}
ROUNDS: Final = 7
REPEATS: Final = 2_000


class Timing(NamedTuple):
    """One expression: processor time per message, in µs."""

    expression: str
    library: float
    ours: float

    @property
    def ratio(self) -> float:
        """The speed-up over jmespath."""
        return self.library / self.ours


def measured() -> list[Timing]:
    """Measure every expression with both, interleaved."""
    return [_timed(expression) for expression in MIX]


def whole(timings: list[Timing]) -> float:
    """Return the speed-up of the whole mix."""
    return sum(each.library for each in timings) / sum(each.ours for each in timings)


def _timed(expression: str) -> Timing:
    parsed, ours = jmespath.compile(expression), compile_filter(expression)
    rounds = [(_microseconds(parsed.search), _microseconds(ours)) for _ in range(ROUNDS)]
    library, own = zip(*rounds, strict=True)
    return Timing(expression, statistics.median(library), statistics.median(own))


def _microseconds(function: Callable[[Any], Any]) -> float:
    start = time.process_time()
    for _ in range(REPEATS):
        function(PAYLOAD)
    return (time.process_time() - start) / REPEATS * 1e6


def main() -> None:
    """Print a line for each expression."""
    timings = measured()
    for each in timings:
        sys.stdout.write(
            f"{each.expression:58}{each.library:8.2f} µs{each.ours:7.2f} µs{each.ratio:7.1f} times\n"
        )
    sys.stdout.write(f"{'the mix':58}{'':21}{whole(timings):7.1f} times\n")


if __name__ == "__main__":
    main()
