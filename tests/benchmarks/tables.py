"""Markdown tables of all measurements, as in about/speed.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import aims
import check_speed
import filters
import memory
import routes
import workers
from aims import Measured
from latency import Latency
from measuring import Figures

Rows = Sequence[Sequence[str]]
_LARGE: Final = 400
_BACKLOG: Final = 1_000_000
FIGURES: Final = "figures"
INSTRUCTIONS: Final = "instructions"
VERSIONS: Final = "versions"
_END: Final = "<!-- end of figures -->\n"


def aims_table(measured: Measured) -> str:
    """Return the table of what should be reached, and what is."""
    return table(aims.HEADS, aims.rows(measured))


def throughput_table(figures: Sequence[Figures]) -> str:
    """Return the table of no-op handlers; each ratio is to the first variant."""
    rows = [
        [
            each.variant.name,
            f"{each.rate:,.0f}",
            f"{each.rate / figures[0].rate:.2f}",
            f"{each.cpu:.1f}",
            f"{each.server:.1f}",
            f"{each.peak_bytes / 1e6:.0f}",
        ]
        for each in figures
    ]
    return table(["no-op async handlers", "messages/s", "ratio", "CPU µs", "server µs", "peak MB"], rows)


def skipped_table(measured: Measured, skipped: Sequence[Figures]) -> str:
    """Return the table of messages that no route takes, each beside the same number of routed ones."""
    rows = [
        [each.variant.name, f"{each.rate:,.0f}", f"{each.cpu:.1f}", f"{measured.cpu(each.variant):.2f}"]
        for each in skipped
    ]
    return table(["messages that no route takes", "messages/s", "CPU µs", "to routed ones"], rows)


def pool_table(figures: Sequence[Figures]) -> str:
    """Return each pool beside streamroute with the same concurrency."""
    rows = [
        [
            ours.variant.name.removeprefix("streamroute, "),
            f"{pool.rate:,.0f}",
            f"{ours.rate:,.0f}",
            f"{ours.rate / pool.rate:.2f}",
            f"{ours.cpu:.1f}",
        ]
        for pool, ours in zip(figures[::2], figures[1::2], strict=True)
    ]
    return table(["handlers that wait", "bare pool/s", "streamroute/s", "ratio", "CPU µs"], rows)


def check_table(above: Mapping[str, float]) -> str:
    """Return the milliseconds of ``check`` beside a bare read of the same file."""
    rows = [
        [f"{size:,}", *(f"{each:.0f}" for each in (read, check)), f"{check / read:.2f}"]
        for size in check_speed.SIZES
        for read, check in [(above[f"read {size}"], above[f"check {size}"])]
    ]
    return table(["`streamroute check`, ms above the interpreter", "bare read", "check", "ratio"], rows)


def streams_table(found: Mapping[int, Mapping[str, float]]) -> str:
    """Return what one load costs, spread over more streams."""
    least = min(found)
    rows = [
        [
            f"{size:,}",
            *(f"{each[key]:.1f}" for key in ("cpu_us", "server_us", "commands")),
            f"{each['cpu_us'] / found[least]['cpu_us']:.2f}",
        ]
        for size, each in found.items()
    ]
    return table(["2,000 messages/s from so many streams", "CPU µs", "server µs", "commands", "ratio"], rows)


def latency_table(found: Mapping[str, Latency]) -> str:
    """Return the latencies in µs."""
    rows = [[name, f"{each.median:,.0f}", f"{each.p99:,.0f}"] for name, each in found.items()]
    return table(["from XADD to the handler, µs", "median", "p99"], rows)


def other_tables(tell: Callable[[str], None]) -> Iterator[str]:
    """Yield filters, routes, workers and memory, each measured in turn."""
    tell("filters")
    yield _filters()
    tell("routes")
    yield _routes()
    tell("workers")
    yield _workers()
    tell("memory")
    yield _memory()


def write_tables(path: Path, tables: Sequence[str], mark: str = FIGURES) -> None:
    """Write the tables to a file of their own, or between the marks of a file that has them."""
    text, begin = "\n".join(tables), f"<!-- {mark} -->\n"
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    before, _, rest = known.partition(begin)
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


def _workers() -> str:
    one, two = workers.measured(3, 10_000).values()
    row = ["handlers that compute", f"{one:,.0f}", f"{two:,.0f}", f"{two / one:.2f}"]
    return table(["`serve --workers N`", "1 worker/s", "2 workers/s", "ratio"], [row])


def _memory() -> str:
    found = memory.measured(_BACKLOG, _LARGE, seconds=10)
    return table(
        ["one worker in front of", "peak MB"], [[name, f"{each:.0f}"] for name, each in found.items()]
    )
