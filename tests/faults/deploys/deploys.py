"""Rolling deploys under load: workers of one configuration are replaced by workers of another, one by one.

    python tests/faults/deploys/deploys.py [KIND ...]

prints a table of what was lost, dead-lettered, run twice or run by the wrong route, and why.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / "harness"), str(Path(__file__).parents[2] / "support")]

from deploy_kinds import KINDS, Kind
from deploy_load import Load
from deploy_verdict import Letter, Rollout, Verdict, judge, log_problems
from group_state import GroupState, read_dead_letters, read_state
from ledger import now, read_runs
from producer import connect
from proxy import Proxy
from servers import RealServer, valkey_binary
from waiting import wait_for
from worker_process import SERVE, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deploy_setups import Setup

_LEASE_LOST: Final = "another worker has claimed it"
_STARTED: Final = 30.0  # seconds within which a worker must work
_HEAD: Final = (
    "| deploy | messages | lost | dead | run twice | wrong route | retries gone | explained |\n"
    "|---|---:|---:|---:|---:|---:|---:|---|"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The length of a deploy: ``rate`` in messages a second, times in seconds.

    After each replacement but the last, both configurations run side by side for ``beside``.
    """

    workers: int = 3
    rate: float = 300
    before: float = 3.0
    beside: float = 4.0
    after: float = 3.0
    rest: float = 60.0


SHORT: Final = Pace(workers=2, rate=150, before=1.2, beside=2.0, after=0.8)


class Deploy:
    """A server, the load, and the workers of both configurations; a context manager."""

    def __init__(
        self,
        kind: Kind,
        server: RealServer,
        folder: Path,
        seed: int,
        pace: Pace,
        command: Sequence[str] = SERVE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._kind = kind
        self._server = server
        self._folder = folder
        self._pace = pace
        self._command = command
        self._environment = environment or {}
        self._workers: list[Worker] = []
        self._setups: dict[str, Setup] = {}
        self._problems: list[str] = []
        self._killed: set[str] = set()
        self._stack = ExitStack()
        self._client = connect(server.socket_path)
        self._load = Load(connect(server.socket_path), seed, pace.rate)

    def __enter__(self) -> Self:
        self._stack.callback(self._client.close)
        self._stack.callback(self._load.finish)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def play(self) -> Verdict:
        """Run the deploy from its first worker to the last message; return its verdict."""
        kind = self._kind
        workers = max(self._pace.workers, 3 if kind.between else 1)
        old = [self._start(kind.old) for _ in range(workers)]
        self._load.start()
        self._wait_for_work(old)
        _stay(self._pace.before)
        first = self._replace(old[0], kind.between or kind.new, is_last=len(old) == 1)
        if kind.kills == "back":
            first = self._kill_again_and_again(first)
        for number, worker in enumerate(old[1:], 2):
            self._replace(worker, kind.new, is_last=number == len(old))
        if kind.between:
            self._replace(first, kind.new, is_last=True)
        last_old = now()
        if kind.pack == "after the last old worker":
            self._load.pack()
        self._wait_for_work(self._live)
        _stay(self._pace.after)
        if kind.kills == "new":
            self._kill(self._live[0])
            self._wait_for_work([self._start(kind.new)])
        self._load.finish()
        self._rest()
        self._end()
        return self._verdict(last_old)

    @property
    def _live(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.is_alive]

    def _start(self, setup: Setup) -> Worker:
        side = "old" if setup is self._kind.old else "new"
        name = f"{side}{len(self._workers) + 1}"
        config = self._folder / f"routes-{name}.yaml"
        config.write_text(setup.yaml())
        proxy = self._stack.enter_context(Proxy(self._server.socket_path))
        url = f"{self._server.url}?socket_timeout=5"
        worker = Worker(name, proxy, config, self._command, {"FAULTS_URL": url, **self._environment})
        self._stack.callback(worker.discard)
        self._workers.append(worker)
        self._setups[name] = setup
        return worker

    def _replace(self, old: Worker, setup: Setup, *, is_last: bool) -> Worker:
        """Send SIGTERM to the old worker, and start another one."""
        if is_last and self._kind.pack == "before the last old worker":
            self._load.pack()
            _stay(self._pace.beside / 2)
        if is_last and self._kind.kills == "old":
            self._kill(old)
        else:
            old.terminate()
            self._wait_for_end(old)
        new = self._start(setup)
        if is_last:
            return new
        if self._kind.waits:
            wait_for(
                lambda: "when its workers have ended" in new.log or self._works(new), "a new worker", _STARTED
            )
        else:
            self._wait_for_work([new])
        _stay(self._pace.beside)
        return new

    def _kill(self, victim: Worker) -> None:
        victim.kill()
        self._killed.add(victim.name)

    def _kill_again_and_again(self, worker: Worker) -> Worker:
        """Kill it for longer than its workers count as alive, so that no worker knows its routes."""
        for _ in range(2):
            self._kill(worker)
            _stay(2.5 * self._kind.new.lease)
            worker = self._start(self._kind.new)
            self._wait_for_work([worker])
        return worker

    def _wait_for_work(self, workers: Iterable[Worker]) -> None:
        """Wait until each of them has run something."""
        waited = list(workers)

        def all_work() -> bool:
            ended = [worker for worker in waited if not worker.is_alive]
            if ended:
                raise RuntimeError(f"{ended[0].name} ended:\n{ended[0].log[-3000:]}")
            return all(map(self._works, waited))

        wait_for(all_work, "every worker to work", _STARTED)

    def _works(self, worker: Worker) -> bool:
        return (self._folder / f"runs-{worker.name}.jsonl").exists()

    def _wait_for_end(self, worker: Worker) -> None:
        code = worker.wait()
        if code not in (0, 1):
            self._problems.append(f"{worker.name} ended with {code}:\n{worker.log[-2000:]}")

    def _state(self) -> GroupState:
        return read_state(self._client, self._kind.new.group)

    def _rest(self) -> None:
        """Wait until nothing is left to do; the verdict reports what remains."""
        try:
            wait_for(lambda: self._state().is_quiet, "the group to come to rest", self._pace.rest)
        except TimeoutError:
            return

    def _end(self) -> None:
        live = self._live
        for worker in live:
            worker.terminate()
        for worker in live:
            self._wait_for_end(worker)
        for worker in self._workers:
            self._problems += log_problems(worker.name, worker.log)

    def _verdict(self, last_old: float) -> Verdict:
        group = self._kind.new.group
        rollout = Rollout(
            old=self._kind.old,
            new=self._kind.new,
            sent=self._load.sent,
            runs=read_runs(self._folder),
            letters=[_letter(facts) for facts in read_dead_letters(self._client, group)],
            state=self._state(),
            setups=self._setups,
            last_old=last_old,
            killed=frozenset(self._killed),
            lost_leases=any(_LEASE_LOST in worker.log for worker in self._workers),
        )
        verdict = judge(rollout)
        verdict.problems += [*self._problems, *self._kind.also(rollout)]
        return verdict


def play(
    kind: Kind,
    binary: Path,
    folder: Path,
    seed: int,
    *,
    pace: Pace = SHORT,
    command: Sequence[str] = SERVE,
    environment: Mapping[str, str] | None = None,
) -> Verdict:
    """Run one deploy on a server of its own, with its ledgers in ``folder``."""
    with (
        RealServer(binary) as server,
        Deploy(kind, server, folder, seed, pace, command, environment) as deploy,
    ):
        return deploy.play()


def row(name: str, verdict: Verdict) -> str:
    """Return a row of the table."""
    dead, twice = verdict.dead.total(), verdict.twice.total()
    numbers = (verdict.messages, verdict.lost, dead, twice, verdict.wrong_route, verdict.retries_gone)
    cells = " | ".join(f"{number:,}" for number in numbers)
    return f"| {name} | {cells} | {'; '.join(_explained(verdict))} |"


def _explained(verdict: Verdict) -> Iterator[str]:
    yield from (f"dead: {count} {why}" for why, count in sorted(verdict.dead.items()))
    yield from (f"twice: {count} {why}" for why, count in sorted(verdict.twice.items()))
    if verdict.judged:
        sides = (f"{count:,} by the {side} one" for side, count in sorted(verdict.judged.items()))
        yield f"where the configurations differ, judged {', '.join(sides)}"
    if verdict.crossed:
        ways = (f"{count:,} from {way}" for way, count in sorted(verdict.crossed.items()))
        yield f"retries went {', '.join(ways)}"
    if verdict.problems:
        yield f"**{len(verdict.problems)} problems**"


def _letter(facts: Mapping[str, Any]) -> Letter:
    return Letter(facts["id"], facts["route"], facts["reason"], facts["attempt"], tuple(facts["routes"]))


def _stay(seconds: float) -> None:
    threading.Event().wait(seconds)


def main(names: Sequence[str]) -> int:
    """Run these kinds, or all; print the table, followed by the problems."""
    print(_HEAD, flush=True)  # noqa: T201 - what the command is for
    wrong: dict[str, list[str]] = {}
    for name in names or KINDS:
        with tempfile.TemporaryDirectory(prefix="deploy-") as folder:
            verdict = play(KINDS[name], valkey_binary(), Path(folder), 1, pace=Pace())
        print(row(name, verdict), flush=True)  # noqa: T201
        if verdict.problems:
            wrong[name] = verdict.problems
    print(json.dumps(wrong, indent=2) if wrong else "", end="\n")  # noqa: T201
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
