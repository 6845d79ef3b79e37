"""All variants in one run, interleaved: ``python tests/benchmarks/run.py [--rounds 7] [--quick]``.

It compares the medians over the rounds; the figure to quote is the ratio to the bare loop. With ``--aims``,
only what the aims need is measured, and a table shows which of them are met. With ``--markdown FILE``, all
other measurements follow, and everything is written as tables.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import aims
import check_speed
import latency
import streams
from aims import Measured
from cases import FILTERED_FAST, LOOPS, SKIPPED, THOUSAND, THREADS, THROUGHPUT, UNLISTED_FAST, WAITING
from measuring import Figures, Variant, interleaved, say
from picture import TITLE, bars
from tables import (
    aims_table,
    check_table,
    latency_table,
    other_tables,
    pool_table,
    skipped_table,
    streams_table,
    throughput_table,
    write_tables,
)

AIMED = (*LOOPS, UNLISTED_FAST, FILTERED_FAST)


def table(title: str, figures: Sequence[Figures]) -> str:
    """Return the figures as a table; each ratio is to the first variant."""
    columns = f"{'messages/s':>12}{'spread':>9}{'ratio':>8}{'CPU µs':>9}{'server µs':>11}{'peak MB':>9}"
    return "\n".join([f"{title:38}{columns}", *(_row(each, figures[0].rate) for each in figures), ""])


def _row(each: Figures, base: float) -> str:
    return (
        f"{each.variant.name:38}{each.rate:12,.0f}{each.spread:9.0%}{each.rate / base:8.2f}"
        f"{each.cpu:9.2f}{each.server:11.2f}{each.peak_bytes / 1e6:9.0f}"
    )


def pairs(figures: Sequence[Figures]) -> str:
    """Return each pool beside streamroute with the same concurrency."""
    lines = [f"{'handlers that wait':38}{'pool/s':>12}{'ours/s':>12}{'ratio':>8}{'CPU µs':>9}"]
    for pool, ours in zip(figures[::2], figures[1::2], strict=True):
        lines.append(
            f"{ours.variant.name:38}{pool.rate:12,.0f}{ours.rate:12,.0f}{ours.rate / pool.rate:8.2f}"
            f"{ours.cpu:9.2f}"
        )
    return "\n".join([*lines, ""])


def chosen(variants: Sequence[Variant], only: str) -> list[Variant]:
    """Return the variants to run; name and skip those with missing packages."""
    wanted = [variant for variant in variants if re.search(only, variant.name)]
    for variant in wanted:
        if not variant.installed:
            say(f"left out: {variant.name} (needs {', '.join(variant.needs)})")
    return [variant for variant in wanted if variant.installed]


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--messages", type=int, default=100_000, help="for the fast variants; others get a share"
    )
    parser.add_argument("--quick", action="store_true", help="three rounds of a third")
    parser.add_argument("--only", default="", help="variants whose name matches this pattern")
    parser.add_argument("--aims", action="store_true", help="measure what the aims need, and show them")
    parser.add_argument("--json", type=Path, help="keep every figure in this file")
    parser.add_argument("--svg", type=Path, help="draw the throughput into this file")
    parser.add_argument("--markdown", type=Path, help="measure all the rest, too; tables go into this file")
    options = parser.parse_args()
    if (options.markdown or options.aims) and options.only:
        parser.error("--markdown and --aims need all their variants, and --only leaves some out")
    if options.quick:
        options.rounds, options.messages = 3, options.messages // 3
    return options


def tables(
    measured: Measured, throughput: Sequence[Figures], skipped: Sequence[Figures], waiting: Sequence[Figures]
) -> Iterator[str]:
    """Yield the tables of a page."""
    yield aims_table(measured)
    yield throughput_table(throughput)
    yield skipped_table(measured, skipped)
    yield pool_table(waiting)
    yield latency_table(measured.latency)
    yield streams_table(measured.streams)
    yield check_table(measured.check_ms)
    yield from other_tables(say)


def beside(figures: Sequence[Figures], rounds: int, load: int) -> Measured:
    """Measure what is not a variant: ``check``, many streams, and latencies, also at ``load`` a second."""
    say("check")
    check = check_speed.measured(check_speed.SIZES, rounds)
    say("streams")
    spread = {int(row["streams"]): row for row in streams.interleaved(streams.SIZES, rounds, seconds=10)}
    say("latency")
    return Measured(figures, check, latency.measured(rounds, load), spread)


def main() -> None:
    """Run all rounds, print the tables, and save every figure if requested."""
    options = arguments()
    only_aims = options.aims and not options.markdown
    first = AIMED if only_aims else (*THROUGHPUT, *SKIPPED)
    second = THOUSAND if only_aims else (*WAITING, *THREADS)
    found = interleaved(chosen(first, options.only), options.rounds, options.messages, say)
    waiting = interleaved(chosen(second, options.only), options.rounds, options.messages, say)
    throughput = [each for each in found if each.variant not in SKIPPED]
    skipped = [each for each in found if each.variant in SKIPPED]
    if found:
        sys.stdout.write(table("no-op async handlers", found) + "\n")
    if len(waiting) % 2 == 0 and waiting:
        sys.stdout.write(pairs(waiting))
    if options.json:
        options.json.write_text(json.dumps([each.as_dict() for each in (*found, *waiting)], indent=2))
    if options.svg and throughput:
        options.svg.write_text(bars(TITLE, [(f.variant.name, f.rate) for f in throughput]))
    if options.aims or options.markdown:
        ours = next(each for each in throughput if each.variant.name == "streamroute")
        load = int(0.8 * ours.rate) if options.markdown else 0
        measured = beside([*found, *waiting], options.rounds, load)
        sys.stdout.write("\n" + aims.text(measured))
    if options.markdown:
        write_tables(options.markdown, list(tables(measured, throughput, skipped, waiting)))


if __name__ == "__main__":
    main()
