"""Reloads: ``python tests/benchmarks/reload.py`` prints what they cost a running ``serve``. Linux only.

For 10 and for 10,000 routes: the time from writing a file to the first message that it decides, and the
latencies of messages (from XADD to the handler) without reloads and while one reload follows the other, in
turn, in one process; and the longest pause of its event loop, in processor time, which does not depend on
other processes. Then the processor time of a message without ``--reload`` and with it, which follows a
hundred files. Then what a process holds after a tenth of many reloads, after half and after all, a fifth of
which were refused; exits with 1 if something is left behind by each. Compare the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from measuring import fill, new_server
from redis import Redis
from reloading_service import ReloadingService, reloading_service
from serving import ROUTES, serving, wait_for_lag

from servers import RealServer

SIZES: Final = (10, 10_000)
FILES: Final = 100
HANDLER: Final = "async def work(payload):\n    pass\n"
INCLUDED: Final = "version: 1\nroutes: [{{name: r{at}, type: t{at}, handler: serving_handlers.work}}]\n"
_EXACT: Final = ("open files", "threads", "open containers", "modules", "loggers", "series of generations")
_CONNECTIONS: Final = 4  # to Redis, more or less; what every tenth reload leaves behind is more
_TICKS: Final = os.sysconf("SC_CLK_TCK")


Holdings = Mapping[str, float]
"""How much of what, by name."""


class Latency(NamedTuple):
    """Latencies of messages, and the longest pause of the event loop in processor time, in ms."""

    median: float
    p99: float
    largest: float
    pause: float

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Latency:
        """Summarize a report of the service."""
        latencies = report["latencies"]
        cuts = statistics.quantiles(latencies, n=100)
        return cls(cuts[49] / 1e6, cuts[98] / 1e6, max(latencies) / 1e6, max(report["pauses"]) * 1e3)


class Reloads(NamedTuple):
    """Rounds without and with reloads, and the seconds from each write to its first effect."""

    quiet: list[Latency]
    busy: list[Latency]
    live: list[float]

    def median_latencies(self) -> tuple[Latency, Latency]:
        """Return the medians of the rounds without and with reloads."""
        quiet, busy = (
            Latency(*map(statistics.median, zip(*rounds, strict=True))) for rounds in (self.quiet, self.busy)
        )
        return quiet, busy


@contextmanager
def service_of(routes: int, rate: float, *options: str) -> Iterator[ReloadingService]:
    """Serve on a server and in a folder of its own."""
    with (
        new_server() as server,
        tempfile.TemporaryDirectory() as folder,
        reloading_service(server.url, Path(folder), routes, rate, *options) as service,
    ):
        yield service


def pauses(routes: int, rounds: int, seconds: float, rate: float) -> Reloads:
    """Measure rounds without and with reloads in turn, in one process."""
    found = Reloads([], [], [])
    with service_of(routes, rate, "--reload") as service:
        for _ in range(rounds):
            time.sleep(1)  # the work after the last reload is done
            service.report()
            time.sleep(seconds)
            found.quiet.append(Latency.of(service.report()))
            found.live.extend(_reload_for(service, seconds))
            found.busy.append(Latency.of(service.report()))
    return found


def _reload_for(service: ReloadingService, seconds: float) -> list[float]:
    live, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        written = service.edit()
        live.append((service.first_effect() - written) / 1e9)
    return live


def watching(rounds: int, messages: int) -> list[tuple[float, float]]:
    """Return µs of processor time for a message without and with ``--reload``, in each round."""
    pairs = []
    with new_server() as server:
        for _ in range(rounds):
            plain = _processor_time(server, messages)
            pairs.append((plain, _processor_time(server, messages, "--reload")))
    return pairs


def _processor_time(server: RealServer, messages: int, *options: str) -> float:
    fill(server, messages)
    text = ROUTES.format(url=server.url, concurrency=32) + "include: [more/*.yaml]\n"
    with tempfile.TemporaryDirectory() as name, Redis.from_url(server.url) as client:
        folder = Path(name)
        (folder / "more").mkdir()
        for at in range(FILES):
            (folder / "more" / f"{at}.yaml").write_text(INCLUDED.format(at=at))
        words = ("--state-dir", str(folder / "state"), *options)
        with serving(server.url, folder, HANDLER, *words, text=text) as process:
            wait_for_lag(client, messages * 9 // 10)
            before = _used(process.pid)
            wait_for_lag(client, messages // 10)
            return (_used(process.pid) - before) / (messages * 0.8) * 1e6


def _used(pid: int) -> float:
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / _TICKS


def holdings(reloads: int, rate: float) -> dict[int, Holdings]:
    """Return what a process holds after a tenth of the reloads, after half, and after all."""
    numbers = (0, reloads // 10, reloads // 2, reloads)
    with service_of(SIZES[0], rate) as service:
        return {last: _holdings_after(service, range(first, last)) for first, last in pairwise(numbers)}


def _holdings_after(service: ReloadingService, numbers: Sequence[int]) -> Holdings:
    for number in numbers:
        _reload(service, number)
    service.edit()
    service.ask()
    service.first_effect()
    time.sleep(2)  # the generation before is freed, and the latest one stored
    held: dict[str, float] = service.report(holdings=True)["holds"]
    return held | service.series()


def _reload(service: ReloadingService, number: int) -> None:
    """Reload another configuration; of ten, two have new settings or streams, and two are refused."""
    wrong = {1: ("handler: serving_handlers.note", "handlr: x"), 6: ("serving_handlers.note", "missing.note")}
    settings = {3: {"settings": f"lease: {60 + number % 7}s"}, 8: {"streams": "  more: {group: bench}"}}
    is_good = number % 10 not in wrong
    if is_good:
        service.edit(**settings.get(number % 10, {}))
    else:
        service.spoil(*wrong[number % 10])
    if service.ask() is not is_good:
        raise SystemExit(f"reload {number} was {'refused' if is_good else 'applied'}")


def left_behind(found: Mapping[int, Holdings]) -> list[str]:
    """Return the names of what grew in the second half, although a reload frees as much as it takes."""
    *_, half, late = found.values()
    exact = [name for name in half if name.endswith(" objects") or name in _EXACT]
    return [name for name in exact if late[name] > half[name] + _CONNECTIONS]


def main() -> int:
    """Measure everything, and print each part when it is done; return 1 if something is left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of a round, without and with reloads each")
    parser.add_argument("--rate", type=float, default=500, help="messages a second beside the reloads")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="numbers of routes")
    parser.add_argument("--messages", type=int, default=300_000, help="at full speed, to compare --reload")
    parser.add_argument("--reloads", type=int, default=1_000)
    options = parser.parse_args()
    for routes in options.sizes:
        print_pauses(routes, pauses(routes, options.rounds, options.seconds, options.rate))
    print_watching(watching(options.rounds, options.messages))
    found = holdings(options.reloads, options.rate)
    print_holdings(found)
    for name in left_behind(found):
        say(f"left behind: {name}")
    return 1 if left_behind(found) else 0


def print_pauses(routes: int, found: Reloads) -> None:
    """Print the latencies without and with reloads, and how soon an edit is live."""
    say(f"{f'{routes:,} routes: latency in ms':42}{'median':>9}{'p99':>9}{'max':>9}{'pause':>9}")
    quiet, busy = found.median_latencies()
    for name, each in (("without reloads", quiet), ("one reload after the other", busy)):
        say(f"  {name:40}{each.median:9.2f}{each.p99:9.2f}{each.largest:9.2f}{each.pause:9.2f}")
    ratio = statistics.median(
        busy.p99 / quiet.p99 for quiet, busy in zip(found.quiet, found.busy, strict=True)
    )
    say(f"  ratio of the p99 in each round: median {ratio:.2f}")
    live = sorted(found.live)
    say(
        f"  from write to first effect: median {statistics.median(live):.2f} s, "
        f"longest {live[-1]:.2f} s, of {len(live)} reloads\n"
    )


def print_watching(pairs: Sequence[tuple[float, float]]) -> None:
    """Print what following the files costs a message."""
    plain, watched = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(watched / plain for plain, watched in pairs)
    say(f"processor time of a message: {plain:.2f} µs, with --reload {watched:.2f} µs; ratio {ratio:.2f}\n")


def print_holdings(found: Mapping[int, Holdings]) -> None:
    """Print what a process holds, and the ratio of the last column to the first."""
    say(f"{'the process holds after':36}" + "".join(f"{count:10,}" for count in found) + " reloads")
    columns = [*found.values()]
    early, late = columns[0], columns[-1]
    for name, value in early.items():
        ratio = f"{late[name] / value:.2f}" if value else "-"
        say(
            f"  {name:34}" + "".join(f"{each[name]:10,.0f}" for each in found.values()) + f"    ratio {ratio}"
        )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
