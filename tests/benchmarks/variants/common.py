"""The common parts of all variants: arguments, clock, and the printed line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from slow_clock import slow_down, slow_loop

STREAM = "bench"
GROUP = "bench"


def arguments() -> argparse.Namespace:
    """Parse ``--url URL --messages N [--fast] [--concurrency N] [--sleep S] ...``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--handled", type=int, help="how many of them a route takes; the last is among them")
    parser.add_argument("--fast", action="store_true", help="uvloop, and orjson where the variant decodes")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--sync", action="store_true", help="the handler is a plain function, in a thread")
    parser.add_argument("--sleep", type=float, default=0.0, help="seconds that a handler awaits")
    parser.add_argument("--traces", choices=("off", "link", "child"), default="off", help="as of serve")
    parser.add_argument(
        "--metrics",
        choices=("none", "counters", "histograms"),
        default="histograms",
        help="what is counted; `serve` has the histograms",
    )
    parser.add_argument("--part", help="of what a message costs, see parts.py")
    parser.add_argument("--slow", type=float, default=1, help="how many times slower the clocks pass")
    parser.add_argument("--sampled", help="the share of the messages whose spans are recorded")
    return parser.parse_args()


def loads(fast: bool) -> Callable[[bytes], Any]:
    """Return the JSON parser of a variant that decodes by itself."""
    if fast:
        import orjson

        return orjson.loads
    return json.loads


class Clock:
    """Wall and processor time from ``start`` to ``stop``."""

    def start(self) -> None:
        """Start: everything is connected, and the first read comes next."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Stop: every message is handled and acknowledged."""
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu


def run(main: Callable[[argparse.Namespace, Clock], Coroutine[Any, Any, None]]) -> None:
    """Run a variant and print its figures."""
    options, clock = arguments(), Clock()
    if not options.fast:
        sys.modules["orjson"] = None  # type: ignore[assignment]  # streamroute uses it where it is installed
    with asyncio.Runner(loop_factory=_loop_factory(options)) as runner:
        runner.run(main(options, clock))
    report(clock)


def _loop_factory(options: argparse.Namespace) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the event loop of the variant, and slow the clocks down if requested; None: asyncio's own."""
    if options.slow != 1:
        slow_down(options.slow)
        return slow_loop(options.slow, options.fast)
    if options.fast:
        import uvloop

        return uvloop.new_event_loop
    return None


def report(clock: Clock) -> None:
    """Print the figures."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    figures = {
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "peak_bytes": peak,
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
