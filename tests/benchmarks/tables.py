"""Markdown tables of all measurements, as in about/speed.md."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import filters
import latency
import memory
import routes
import workers
from measuring import Figures

Rows = Sequence[Sequence[str]]
_LARGE: Final = 400
_BACKLOG: Final = 1_000_000
_BEGIN: Final = "<!-- figures -->\n"
_END: Final = "<!-- end of figures -->\n"


def throughput_table(figures: Sequence[Figures]) -> str:
    """Return the table of no-op handlers; each ratio is to the first variant."""
    rows = [
        [
            each.variant.name,
            f"{each.rate:,.0f}",
            f"{each.rate / figures[0].rate:.2f}",
            f"{statistics.median(each.cpu_us):.1f}",
            f"{statistics.median(each.server_us):.1f}",
            f"{each.peak_bytes / 1e6:.0f}",
        ]
        for each in figures
    ]
    return table(["no-op async handlers", "messages/s", "ratio", "CPU µs", "server µs", "peak MB"], rows)


def pool_table(figures: Sequence[Figures]) -> str:
    """Return each pool beside streamroute with the same concurrency."""
    rows = [
        [
            ours.variant.name.removeprefix("streamroute, "),
            f"{pool.rate:,.0f}",
            f"{ours.rate:,.0f}",
            f"{ours.rate / pool.rate:.2f}",
            f"{statistics.median(ours.cpu_us):.1f}",
        ]
        for pool, ours in zip(figures[::2], figures[1::2], strict=True)
    ]
    return table(["handlers that wait", "bare pool/s", "streamroute/s", "ratio", "CPU µs"], rows)


def other_tables(rounds: int, load: int, tell: Callable[[str], None]) -> Iterator[str]:
    """Yield filters, routes, latency, workers and memory, each measured in turn.

    ``load`` is the rate, in messages a second, of the latency under load.
    """
    tell("filters")
    yield _filters()
    tell("routes")
    yield _routes()
    tell("latency")
    yield _latency(rounds, load)
    tell("workers")
    yield _workers()
    tell("memory")
    yield _memory()


def write_tables(path: Path, tables: Sequence[str]) -> None:
    """Write the tables to a file of their own, or between the marks of a file that has them."""
    text = "\n".join(tables)
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = known.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}" if end else text, encoding="utf-8")


def table(heads: Sequence[str], rows: Rows) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _filters() -> str:
    timings = filters.measured()
    rows = [
        [
            f"`` {each.expression} ``".replace("|", "\\|"),
            f"{each.library:.1f}",
            f"{each.ours:.2f}",
            f"{each.ratio:.0f}",
        ]
        for each in timings
    ]
    rows.append(["all of them", "", "", f"{filters.whole(timings):.0f}"])
    return table(["filter, µs a message", "jmespath", "streamroute", "times"], rows)


def _routes() -> str:
    found = asyncio.run(routes.measured())
    rows = [[name, *(f"{each:.1f}" for each in medians)] for name, medians in found.items()]
    return table(["µs a message with so many routes", *(f"{size:,}" for size in routes.SIZES)], rows)


def _latency(rounds: int, load: int) -> str:
    found = latency.measured(rounds, load)
    rows = [[name, f"{each.median:,.0f}", f"{each.p99:,.0f}"] for name, each in found.items()]
    return table(["from XADD to the handler, µs", "median", "p99"], rows)


def _workers() -> str:
    one, two = workers.measured(3, 10_000).values()
    row = ["handlers that compute", f"{one:,.0f}", f"{two:,.0f}", f"{two / one:.2f}"]
    return table(["`serve --workers N`", "1 worker/s", "2 workers/s", "ratio"], [row])


def _memory() -> str:
    found = memory.measured(_BACKLOG, _LARGE, seconds=10)
    return table(
        ["one worker in front of", "peak MB"], [[name, f"{each:.0f}"] for name, each in found.items()]
    )
