"""The cost of ``streamroute tail`` for a worker: ``python tests/benchmarks/tail.py`` prints ratios.

Entries are added while a worker consumes them, and one or more tails follow in processes of their own. The
rounds are interleaved, and the ratios are to a run without a tail. Processor time of the worker and of the
server says more than the rate: with few processors, the tails compete with both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from measuring import ROOT, new_server
from redis import Redis
from serving import serving, wait_for_lag

VARIANTS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "off": (),
    "tail": (("--format", "json"),),
    "tail --where": (("--where", "n == `1`"),),
    "tail --outcome any": (("--outcome", "any"),),
    "three tails": ((), ("--route", "work", "--explain"), ("--outcome", "failed")),
}
_HANDLER: Final = "async def work(payload):\n    pass\n"
_BATCH: Final = 500


class Run(NamedTuple):
    """The figures of one run: messages a second, and seconds of processor time."""

    rate: float
    worker: float
    server: float


@contextmanager
def tails(folder: Path, options: Sequence[Sequence[str]]) -> Iterator[None]:
    """Follow the stream with these tails, which have begun when the block is entered."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "streamroute", "tail", "--config", str(folder), *words],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for words in options
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stderr is not None
            process.stderr.readline()
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def add(client: Any, count: int) -> None:
    """Add entries of 180 bytes, many in each round trip."""
    fields = {"type": "bench.event", "data": '{"n": 7, "note": "' + "x" * 150 + '"}'}
    for _ in range(0, count, _BATCH):
        pipe = client.pipeline(transaction=False)
        for _ in range(_BATCH):
            pipe.xadd("bench", fields)
        pipe.execute()


def run(server: Any, options: Sequence[Sequence[str]], messages: int) -> Run:
    """Add and consume the messages once."""
    server.command("FLUSHALL")
    with Redis.from_url(server.url) as client, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(server.url, folder, _HANDLER) as worker:
            add(client, _BATCH)
            wait_for_lag(client, 0)
            with tails(folder, options):
                time.sleep(3)  # until the worker has seen a watcher of outcomes
                before = processor_seconds(worker.pid), processor_seconds(server.pid)
                start = time.monotonic()
                add(client, messages)
                seconds = wait_for_lag(client, 0) - start
                after = processor_seconds(worker.pid), processor_seconds(server.pid)
    return Run(messages / seconds, after[0] - before[0], after[1] - before[1])


def main() -> None:
    """Measure, and print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=100_000)
    arguments = parser.parse_args()
    runs: dict[str, list[Run]] = {name: [] for name in VARIANTS}
    with new_server() as server:
        for _ in range(arguments.rounds):
            for name, options in VARIANTS.items():
                runs[name].append(run(server, options, arguments.messages))
    middle = {name: Run(*map(statistics.median, zip(*found, strict=True))) for name, found in runs.items()}
    off = middle["off"]
    head = f"{'':20} {'rate':>6} {'worker':>7} {'server':>7}"
    sys.stdout.write(f"{head}   (ratios to off: {off.rate:,.0f} messages a second)\n")
    for name, each in middle.items():
        ratios = each.rate / off.rate, each.worker / off.worker, each.server / off.server
        sys.stdout.write(f"{name:20} {ratios[0]:6.2f} {ratios[1]:7.2f} {ratios[2]:7.2f}\n")


if __name__ == "__main__":
    main()
