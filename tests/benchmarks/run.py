"""All variants in one run, interleaved: ``python tests/benchmarks/run.py [--rounds 7] [--quick]``.

It compares the medians over the rounds; the figure to quote is the ratio to the bare loop. With
``--markdown FILE``, all other measurements follow, and everything is written as tables.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from measuring import Figures, Variant, interleaved
from picture import bars
from tables import other_tables, pool_table, throughput_table, write_tables

FAST: Final = ("orjson", "uvloop")
THROUGHPUT: Final = (
    Variant("bare loop", "bare"),
    Variant("streamroute", "routed"),
    Variant("bare loop, orjson + uvloop", "bare", ("--fast",), needs=FAST),
    Variant("streamroute[fast]", "routed", ("--fast",), needs=FAST),
    Variant("an XACK awaited each", "awaited", share=0.1),
    Variant("FastStream", "faststream_peer", share=0.05, needs=("faststream",)),
    Variant("FastStream, batches", "faststream_peer", ("--concurrency", "0"), 0.2, ("faststream",)),
    Variant("taskiq-redis", "taskiq_peer", share=0.03, needs=("taskiq_redis",)),
)
SIZES: Final = ((1, 0.002), (32, 0.05), (256, 0.3), (1000, 0.5))
WAITING: Final = tuple(
    Variant(
        f"{name}, 10 ms, {n} at once",
        script,
        ("--sleep", "0.01", "--concurrency", str(n)),
        share,
        least=max(500, 30 * n),  # so that each concurrent handler runs often enough to outweigh the start
    )
    for n, share in SIZES
    for name, script in (("bare pool", "pool"), ("streamroute", "routed"))
)
THREADS: Final = tuple(
    Variant(f"{name}, sync 10 ms, 32 threads", script, ("--sleep", "0.01", "--sync"), 0.05)
    for name, script in (("bare pool", "pool"), ("streamroute", "routed"))
)


def say(text: str) -> None:
    """Print progress on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def table(title: str, figures: Sequence[Figures]) -> str:
    """Return the figures as a table; each ratio is to the first variant."""
    columns = f"{'messages/s':>12}{'spread':>9}{'ratio':>8}{'CPU µs':>9}{'server µs':>11}{'peak MB':>9}"
    return "\n".join([f"{title:38}{columns}", *(_row(each, figures[0].rate) for each in figures), ""])


def _row(each: Figures, base: float) -> str:
    cpu, server = statistics.median(each.cpu_us), statistics.median(each.server_us)
    return (
        f"{each.variant.name:38}{each.rate:12,.0f}{each.spread:9.0%}{each.rate / base:8.2f}"
        f"{cpu:9.2f}{server:11.2f}{each.peak_bytes / 1e6:9.0f}"
    )


def pairs(figures: Sequence[Figures]) -> str:
    """Return each pool beside streamroute with the same concurrency."""
    lines = [f"{'handlers that wait':38}{'pool/s':>12}{'ours/s':>12}{'ratio':>8}{'CPU µs':>9}"]
    for pool, ours in zip(figures[::2], figures[1::2], strict=True):
        lines.append(
            f"{ours.variant.name:38}{pool.rate:12,.0f}{ours.rate:12,.0f}{ours.rate / pool.rate:8.2f}"
            f"{statistics.median(ours.cpu_us):9.2f}"
        )
    return "\n".join([*lines, ""])


def chosen(variants: Sequence[Variant], only: str) -> list[Variant]:
    """Return the variants to run; name and skip those with missing packages."""
    wanted = [variant for variant in variants if re.search(only, variant.name)]
    for variant in wanted:
        if not variant.installed:
            say(f"left out: {variant.name} (needs {', '.join(variant.needs)})")
    return [variant for variant in wanted if variant.installed]


def main() -> None:
    """Run all rounds, print the tables, and save every figure if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--messages", type=int, default=100_000, help="for the fast variants; others get a share"
    )
    parser.add_argument("--quick", action="store_true", help="three rounds of a third")
    parser.add_argument("--only", default="", help="variants whose name matches this pattern")
    parser.add_argument("--json", type=Path, help="keep every figure in this file")
    parser.add_argument("--svg", type=Path, help="draw the throughput into this file")
    parser.add_argument("--markdown", type=Path, help="measure all the rest, too; tables go into this file")
    options = parser.parse_args()
    if options.markdown and options.only:
        parser.error("--markdown takes everything, and --only does not")
    rounds = 3 if options.quick else options.rounds
    messages = options.messages // 3 if options.quick else options.messages
    throughput = interleaved(chosen(THROUGHPUT, options.only), rounds, messages, say)
    waiting = interleaved(chosen((*WAITING, *THREADS), options.only), rounds, messages, say)
    if throughput:
        sys.stdout.write(table("no-op async handlers", throughput) + "\n")
    if len(waiting) % 2 == 0 and waiting:
        sys.stdout.write(pairs(waiting))
    if options.json:
        options.json.write_text(json.dumps([each.as_dict() for each in (*throughput, *waiting)], indent=2))
    if options.svg and throughput:
        options.svg.write_text(bars("messages a second", [(f.variant.name, f.rate) for f in throughput]))
    if options.markdown:
        load = next(int(0.8 * each.rate) for each in throughput if each.variant.name == "streamroute")
        tables = [throughput_table(throughput), pool_table(waiting), *other_tables(rounds, load, say)]
        write_tables(options.markdown, tables)


if __name__ == "__main__":
    main()
