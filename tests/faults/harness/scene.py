"""The scene of a fault: a server, workers behind proxies, a producer, and the ledgers of both sides."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from group_state import GroupState, read_state
from ledger import now, read_orders, read_runs
from oracle import (
    SLACK,
    Evidence,
    Fault,
    Terms,
    Verdict,
    judge,
    not_pending,
    note_recovery,
    running_now,
    unaccounted,
)
from producer import Producer, connect
from proxy import Proxy
from replicated import FollowingClient
from routes_file import routes_yaml
from waiting import wait_for
from worker_process import SERVE, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from servers import RealServer

TERMS = Terms(lease=2.0, claim_interval=0.5, max_deliveries=4)
PATIENCE = 40.0  # timeout in seconds for any expected event
_TOLD = 20.0  # timeout in seconds for an expected log line
_HEALED = 8.0  # seconds within which every worker must work again after a fault


@dataclass(eq=False)
class Scene:
    """Everything that a scenario needs, including what it is judged by; a context manager.

    ``system`` is what workers connect to directly, if it is more than ``server`` behind proxies.
    ``rng`` is the scenario's only source of randomness. ``faults`` are the faults so far.
    ``patience`` is the timeout in seconds for expected events.
    """

    server: RealServer
    folder: Path
    seed: int
    system: Any = None
    command: Sequence[str] = SERVE
    environment: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = TERMS
    grace: float = 3.0
    patience: float = PATIENCE
    faults: list[Fault] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - to be repeated, not secret
        self._stack = ExitStack()
        self._worst: Verdict = Verdict()
        self._noted: set[Worker] = set()

    def __enter__(self) -> Self:
        self.client = self._connected()
        self._stack.callback(self.client.close)
        self.producer = Producer(self._connected(), self.folder, self.seed)
        self._stack.callback(self.producer.close)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    # State.

    @property
    def live(self) -> list[Worker]:
        """The workers whose process runs."""
        return [worker for worker in self.workers if worker.is_alive]

    def state(self) -> GroupState:
        """The current places of the group's messages."""
        return read_state(self.client)

    def held_by(self, worker: Worker) -> frozenset[str]:
        """Return the entries of the stream that are pending for this worker."""
        return frozenset(i for i, held in self.state().pending.items() if worker.owns(held.consumer))

    # Actions.

    def start_worker(
        self,
        terms: Terms | None = None,
        routes: Mapping[str, Any] = MappingProxyType({}),
        options: Sequence[str] = (),
        config: str = "",
        **environment: str,
    ) -> Worker:
        """Start one more worker under a new name, behind its own proxy.

        ``routes`` go to ``routes_yaml``, unless ``config`` is the whole configuration; ``options`` go to the
        command.
        """
        name = f"w{len(self.workers) + 1}"
        proxy = self._stack.enter_context(Proxy(self.server.socket_path))
        path = self.folder / f"routes-{name}.yaml"
        path.write_text(config or routes_yaml(terms or self.terms, self.grace, **routes))
        worker = Worker(name, proxy, path, self.command, {**self.environment, **environment}, options)
        self._stack.callback(worker.discard)
        self.workers.append(worker)
        self.open_gate(worker)
        return worker

    def start(self, workers: int = 2) -> None:
        """Start this many workers, and run load until a seeded moment."""
        for _ in range(workers):
            self.start_worker()
        self.run_in()

    def run_in(self) -> None:
        """Run load until each worker works and a seeded moment is reached."""
        self.producer.start()
        self.wait_for_work(0)
        if dead := [w for w in self.workers if not w.is_alive and w not in self._noted]:
            raise RuntimeError(f"{dead[0].name} ended at its start:\n{dead[0].log}")
        self.producer.wait_for(self.producer.count + self.rng.randrange(20, 120))

    def wait_for_work(self, since: float) -> dict[str, float]:
        """Wait until every live worker has started a message sent after ``since``; return the times."""
        started: dict[str, float] = {}

        def all_work() -> bool:
            fresh = {order.id for order in read_orders(self.folder) if order.sent > since}
            for run in read_runs(self.folder):
                if run.id in fresh and run.what == "start":
                    started.setdefault(run.worker, run.at)
            return bool(self.live) and all(worker.name in started for worker in self.live)

        wait_for(all_work, "every worker to work", self.patience)
        return started

    @contextmanager
    def fault(self, kind: str, worker: Worker | None = None, **facts: Any) -> Iterator[None]:
        """Record a fault that lasts for the block."""
        begin = now()
        yield
        workers = frozenset([worker.name]) if worker else None
        self.faults.append(Fault(kind=kind, begin=begin, end=now(), workers=workers, **facts))

    def kill(self, worker: Worker, kind: str = "kill -9") -> None:
        """Send kill -9, or note that it has killed itself; record its entries for P2."""
        begin = now()
        worker.kill()
        self._note_death(worker, kind, begin)

    def wait_for_death(self, kind: str) -> None:
        """Wait until a worker has killed itself, unless one already has."""

        def dead() -> list[Worker]:
            return [w for w in self.workers if not w.is_alive and w not in self._noted]

        wait_for(dead, "a worker to die", self.patience)
        begin = now()
        for worker in dead():
            self._note_death(worker, kind, begin)

    def crash(self, kind: str = "kill -9 of all") -> None:
        """Send kill -9 to all workers at once; their entries may have to wait longer than one lease."""
        begin, victims = now(), self.live
        for worker in victims:
            worker.kill()
        self._noted.update(victims)
        self.faults.append(Fault(kind=kind, begin=begin, end=now(), workers=_names(victims)))

    def keep_up(
        self, count: int, until: Callable[[], Any], what: str, *, kind: str, timeout: float, **how: Any
    ) -> None:
        """Replace each worker that dies, as a service manager does, until ``until()`` is true.

        ``how`` goes to ``start_worker``. Deaths are faults of this ``kind``.
        """
        looked = now()

        def is_reached() -> bool:
            nonlocal looked
            dead = [worker for worker in self.workers if not worker.is_alive and worker not in self._noted]
            self._noted.update(dead)
            if dead:
                self.faults.append(Fault(kind=kind, begin=looked, end=now(), workers=_names(dead)))
            looked = now()
            while len(self.live) < count:
                self.start_worker(**how)
            return bool(until())

        wait_for(is_reached, what, timeout)

    def heal(self) -> None:
        """P5: after the fault, every live worker works again within seconds, by itself.

        A worker that is still starting is waited for, but has nothing to recover from.
        """
        healed = now()
        known = {run.worker for run in read_runs(self.folder)}
        started = self.wait_for_work(healed)
        for worker in self.live:
            if worker.name in known:
                note_recovery(self._worst, worker.name, started[worker.name] - healed, _HEALED)

    def open_gate(self, worker: Worker) -> None:
        """Release the worker's handlers that wait at its gate; the gate is open at its start."""
        self._gate(worker).touch()

    def close_gate(self, worker: Worker) -> None:
        """Make handlers wait at the worker's gate from now on."""
        self._gate(worker).unlink(missing_ok=True)

    def occupy(self, worker: Worker, count: int = 1) -> list[str]:
        """Close the worker's gate, and send messages until ``count`` of them wait there; return their ids."""
        self.close_gate(worker)
        sent: set[str] = set()

        def waiting() -> list[str]:
            running = running_now(read_runs(self.folder)).values()
            return sorted(run.id for run in running if run.id in sent and run.worker == worker.name)

        def enough() -> bool:
            if len(sent) < 100 * count:
                sent.add(self.producer.send(gate=True))
            return len(waiting()) >= count

        wait_for(enough, f"{worker.name} to hold {count} messages", self.patience)
        return waiting()

    def wait_for_start(self, entry_id: str, deliveries: int) -> None:
        """Wait until the entry runs at this delivery."""
        wait_for(
            lambda: any(
                run.id == entry_id and run.deliveries == deliveries for run in read_runs(self.folder)
            ),
            f"delivery {deliveries} of {entry_id}",
            self.patience,
        )

    def wait_for_recovery(self) -> None:
        """Wait until the entries of the last fault's worker run again."""
        fault = self.faults[-1]

        def recovered() -> bool:
            again = {run.id for run in read_runs(self.folder) if run.what == "start" and run.at > fault.begin}
            return fault.held <= again

        try:
            wait_for(recovered, f"what was held at {fault.kind} to run again", self.patience)
        except TimeoutError as error:
            self.problems.append(str(error))

    def recovered(self, what: str, took: float, limit: float) -> None:
        """Record a recovery that took this many seconds, and the promised limit."""
        note_recovery(self._worst, what, took, limit)

    def stay(self, seconds: float) -> None:
        """Let the fault last."""
        threading.Event().wait(seconds)

    # Checks.

    def audit(self) -> None:
        """Check P1 and P3 during a run: every message is somewhere, and running ones are pending."""
        orders = read_orders(self.folder)
        before = running_now(read_runs(self.folder))
        state = self.state()
        runs = read_runs(self.folder)
        owed = [order for order in orders if not any(fault.excuses(order) for fault in self.faults)]
        gone = unaccounted(owed, state, runs)
        self.problems += [f"nowhere in the middle of the run: {entry_id} {route}" for entry_id, route in gone]
        after = running_now(runs)
        judged = {order.id for order in orders if not any(fault.unhanded(order) for fault in self.faults)}
        living = {worker.name for worker in self.live}
        running = {key: run for key, run in after.items() if key in before and run.worker in living}
        self.problems += [
            f"runs, but is pending no more: {run}" for run in not_pending(running, state) if run.id in judged
        ]

    def rest(self) -> None:
        """End the load and wait until nothing is left to do; the oracle reports what remains."""
        self.producer.finish()
        try:
            wait_for(self._is_over, "the group to come to rest", self.patience)
        except TimeoutError:
            return

    def end(self) -> None:
        """Send SIGTERM to every worker; each drains, and its exit code confirms that."""
        for worker in self.live:
            worker.terminate()
        for worker in self.workers:
            if worker.is_alive and (code := worker.wait()) not in (0, 1):
                self.problems.append(f"{worker.name} ended with {code}:\n{worker.log[-2000:]}")

    def verdict(self) -> Verdict:
        """Return the oracle's verdict, with the problems found on the way."""
        evidence = Evidence(
            orders=read_orders(self.folder),
            runs=read_runs(self.folder),
            state=self.state(),
            faults=self.faults,
            terms=self.terms,
        )
        verdict = judge(evidence)
        verdict.problems += self._worst.problems + self.problems
        times = [t for t in (verdict.worst_recovery, self._worst.worst_recovery) if t is not None]
        verdict.worst_recovery = max(times, default=None)
        return verdict

    def expect_log(self, *words: str) -> None:
        """P6: some worker logs, within seconds, a line with all of these words."""
        try:
            wait_for(lambda: self._said(*words), f"a line of a log with {words}", _TOLD)
        except TimeoutError as error:
            self.problems.append(str(error))

    def expect_no_log(self, *words: str) -> None:
        """No worker has logged a line with all of these words."""
        self.problems += [f"said although nothing is wrong: {line[:500]}" for line in self._said(*words)[:5]]

    def expect_prompt(self, since: float, what: str, limit: float) -> None:
        """P7: messages sent since then, and not held by a crash, have started within ``limit`` seconds."""
        started: dict[str, float] = {}
        for run in read_runs(self.folder):
            if run.what == "start" and run.deliveries == 1:
                started.setdefault(run.id, run.at)
        waits = [
            started[order.id] - order.sent
            for order in read_orders(self.folder)
            if order.sent >= since and order.id in started
        ]
        self.recovered(what, max(waits, default=0), limit)

    def _said(self, *words: str) -> list[str]:
        lines = [line for worker in self.workers for line in worker.log.splitlines()]
        return [line for line in lines if all(word in line for word in words)]

    def _is_over(self) -> bool:
        return self.state().is_quiet or not self.live

    def _connected(self) -> Any:
        return connect(self.server.socket_path) if self.system is None else FollowingClient(self.system)

    def _note_death(self, worker: Worker, kind: str, begin: float) -> None:
        self._noted.add(worker)
        held = self.held_by(worker)
        self.faults.append(
            Fault(kind=kind, begin=begin, end=now(), workers=frozenset([worker.name]), held=held)
        )

    def _gate(self, worker: Worker) -> Path:
        return self.folder / f"open-{worker.name}"


def _names(workers: Sequence[Worker]) -> frozenset[str]:
    return frozenset(worker.name for worker in workers)


def lapse(terms: Terms = TERMS) -> float:
    """Return the seconds after which other workers have certainly claimed a silent worker's entries."""
    return terms.recovery + SLACK / 3
