"""The oracle: reads the ledgers and Redis, and finds breaches of the delivery promise.

It knows what was produced, what was done, what Redis still holds, and when which faults occurred. It never
uses the library under test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from group_state import GroupState
from ledger import Order, Run

Route = tuple[str, str]
"""A message's id and a route of it."""

ACK_WINDOW: Final = 1.0  # seconds before a fault in which an effect may still have been unacknowledged
SLACK: Final = 3.0  # seconds that a busy machine may add to any promised time


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The workers' settings: times in seconds."""

    lease: float
    claim_interval: float
    max_deliveries: int

    @property
    def recovery(self) -> float:
        """The time after which the entries of a dead worker must start again."""
        return self.lease + self.claim_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault in the system, from ``begin`` to ``end``.

    ``workers`` are those affected (None: all of them). ``held`` are the entries whose owner is gone, which
    must start again in time. ``forgiven`` is a time span: messages sent in it may have been destroyed;
    ``destroyed`` names such entries. After ``repeats`` everything that the stream still holds may be
    delivered once more.
    """

    kind: str
    begin: float
    end: float
    workers: frozenset[str] | None = None
    held: frozenset[str] = frozenset()
    forgiven: tuple[float, float] | None = None
    destroyed: frozenset[str] = frozenset()
    repeats: bool = False

    def hit(self, run: Run, reach: float) -> bool:
        """Whether the fault may have repeated or delayed this run."""
        if self.repeats and run.at <= self.end + reach:
            return True
        ours = self.workers is None or run.worker in self.workers
        return ours and self.begin - ACK_WINDOW <= run.at <= self.end + reach

    def unhanded(self, order: Order) -> bool:
        """Whether the fault may have removed this running message from the pending list."""
        return order.sent <= self.end and (self.repeats or self.forgiven is not None)

    def excuses(self, order: Order) -> bool:
        """Whether the fault may have destroyed this message, as documented."""
        if order.id in self.destroyed:
            return True
        return self.forgiven is not None and order.sent <= self.forgiven[1] and order.at >= self.forgiven[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything known of a test run."""

    orders: Sequence[Order]
    runs: Sequence[Run]
    state: GroupState
    faults: Sequence[Fault]
    terms: Terms


@dataclass(slots=True)
class Verdict:
    """The results of all messages; ``problems`` are breaches of the promise.

    ``given_up`` are lost messages that had run and failed.
    """

    messages: int = 0
    lost: list[Route] = field(default_factory=list)
    given_up: list[Route] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    unexplained: list[Run] = field(default_factory=list)
    worst_recovery: float | None = None
    problems: list[str] = field(default_factory=list)


def judge(evidence: Evidence) -> Verdict:
    """Check P1 to P4 for a whole run that has come to rest."""
    verdict = Verdict(messages=len(evidence.orders))
    _judge_losses(evidence, verdict)
    _judge_duplicates(evidence, verdict)
    _judge_jobs(evidence, verdict)
    _judge_dead_letters(evidence, verdict)
    _judge_deliveries(evidence, verdict)
    _judge_recovery(evidence, verdict)
    if not evidence.state.is_quiet:
        verdict.problems.append(f"not at rest: {evidence.state}")
    return verdict


def unaccounted(orders: Iterable[Order], state: GroupState, runs: Iterable[Run]) -> list[Route]:
    """P1: return messages that neither took effect nor are anywhere in Redis.

    To be correct during a run, read the orders first, then the state, then the runs.
    """
    done = {(run.id, run.route) for run in runs if run.what == "done"}
    orders = list(orders)
    jobs = {(order.job, route) for order in orders for route in order.routes if (order.id, route) in done}
    jobs -= {(None, route) for _, route in jobs}
    dead_only = [(order.id, "") for order in orders if not order.routes and not state.holds(order.id, None)]
    return dead_only + [
        (order.id, route)
        for order in orders
        for route in sorted(order.routes)
        if (order.id, route) not in done
        and (order.job, route) not in jobs
        and not state.holds(order.id, route)
    ]


def not_pending(running: Mapping[tuple[str, int], Run], state: GroupState) -> list[Run]:
    """P3: return first deliveries in progress (by id and delivery count) that are no longer pending.

    A run whose entry has since been redelivered belongs to a stale owner, and proves nothing.
    """
    latest = {entry_id: max(n for i, n in running if i == entry_id) for entry_id, _ in running}
    return [
        run
        for (entry_id, deliveries), run in running.items()
        if deliveries == latest[entry_id] and entry_id not in state.pending
    ]


def running_now(runs: Iterable[Run]) -> dict[tuple[str, int], Run]:
    """Return first attempts that have started and not ended, by id and delivery count.

    A run whose entry a later delivery has ended belongs to a stale owner: it was cancelled, or its end does
    not count.
    """
    firsts = [run for run in runs if run.attempt == 1 and run.route == "record"]
    ended = {(run.id, run.deliveries) for run in firsts if run.what != "start"}
    last_end = dict(sorted(ended))
    return {
        (run.id, run.deliveries): run
        for run in firsts
        if run.what == "start" and run.deliveries > last_end.get(run.id, 0)
    }


def disorder(runs: Iterable[Run], keys: int) -> list[str]:
    """Return breaches of ``order_by``, if the key of message n is n modulo ``keys``.

    Within a worker, messages of one key run one at a time, and new ones start in the order of the stream.
    """
    problems: list[str] = []
    running: dict[tuple[str, int], Run] = {}
    newest: dict[tuple[str, int], Run] = {}
    for run in runs:
        place = (run.worker, run.n % keys)
        if run.route != "record":
            continue
        if run.what != "start":
            running.pop(place, None)
            continue
        if place in running:
            problems.append(f"{run} ran beside {running[place]}")
        if run.deliveries == 1 and place in newest and run.n < newest[place].n:
            problems.append(f"{run} started after {newest[place]}")
        running[place] = run
        newest[place] = run if run.deliveries == 1 else newest.get(place, run)
    return problems


def _judge_losses(evidence: Evidence, verdict: Verdict) -> None:
    by_id = {order.id: order for order in evidence.orders}
    failed = {(run.id, run.route) for run in evidence.runs if run.what == "fail"}
    for entry_id, route in unaccounted(evidence.orders, evidence.state, evidence.runs):
        if not any(fault.excuses(by_id[entry_id]) for fault in evidence.faults):
            verdict.lost.append((entry_id, route))
            verdict.given_up += [(entry_id, route)] if (entry_id, route) in failed else []
            verdict.problems.append(f"lost: {entry_id} for the route {route or '(none)'}")


def _judge_duplicates(evidence: Evidence, verdict: Verdict) -> None:
    for earlier, again in _repeated(evidence.runs):
        cause = _cause(earlier, again, evidence)
        if cause is None:
            verdict.unexplained.append(again)
            verdict.problems.append(f"a duplicate without cause: {again}, after {earlier}")
        else:
            verdict.causes[cause] += 1


def _judge_jobs(evidence: Evidence, verdict: Verdict) -> None:
    """Only one message of a job takes effect, under any fault."""
    jobs = {order.id: order.job for order in evidence.orders if order.job is not None}
    done = {(run.id, run.route) for run in evidence.runs if run.what == "done" and run.id in jobs}
    for (job, route), times in Counter((jobs[entry_id], route) for entry_id, route in done).items():
        if times > 1:
            verdict.problems.append(f"{times} messages of the job {job} took effect in the route {route}")


def _repeated(runs: Iterable[Run]) -> Iterator[tuple[list[Run], Run]]:
    """Yield runs that ended although their route had already ended for this attempt, or had taken effect."""
    ended: dict[Route, list[Run]] = {}
    for run in runs:
        if run.what == "start":
            continue
        before = ended.setdefault((run.id, run.route), [])
        same = [other for other in before if other.attempt == run.attempt or other.what == "done"]
        if same:
            yield same, run
        before.append(run)


def _cause(earlier: Sequence[Run], again: Run, evidence: Evidence) -> str | None:
    """Return the fault in whose window this happened, or None."""
    reach = evidence.terms.recovery + SLACK
    for fault in evidence.faults:
        # An affected worker may finish late what another one reran; a recovered server is not a cause.
        late = 0 if fault.workers is None else reach
        if fault.hit(again, reach) or any(fault.hit(run, late) for run in earlier):
            return fault.kind
    return None


def _judge_dead_letters(evidence: Evidence, verdict: Verdict) -> None:
    """Only messages that fail on purpose are dead-lettered, and once."""
    orders = {order.id: order for order in evidence.orders}
    dies_again = any(fault.repeats for fault in evidence.faults)
    for (entry_id, route), times in Counter(evidence.state.dead).items():
        order = orders.get(entry_id)
        if order is not None and order.routes and (route or "record") not in order.doomed:
            verdict.problems.append(f"dead-lettered without cause: {entry_id} for the route {route}")
        if times > 1 and not dies_again:
            verdict.problems.append(f"dead-lettered {times} times: {entry_id} for the route {route}")


def _judge_deliveries(evidence: Evidence, verdict: Verdict) -> None:
    """P4: no attempt starts more often than allowed."""
    if any(fault.repeats for fault in evidence.faults):
        return  # a recreated group counts from one
    starts = Counter((run.id, run.route, run.attempt) for run in evidence.runs if run.what == "start")
    limit = evidence.terms.max_deliveries
    verdict.problems += [f"delivered {n} times: {key}" for key, n in starts.items() if n > limit]


def _judge_recovery(evidence: Evidence, verdict: Verdict) -> None:
    """P2: the entries of a dead worker start again in time."""
    for fault in evidence.faults:
        for entry_id in fault.held:
            starts = [
                run.at
                for run in evidence.runs
                if run.id == entry_id and run.what == "start" and run.at > fault.begin
            ]
            if starts:
                note_recovery(verdict, fault.kind, min(starts) - fault.begin, evidence.terms.recovery)


def note_recovery(verdict: Verdict, kind: str, took: float, limit: float) -> None:
    """Record a recovery; a too slow one is a breach."""
    verdict.worst_recovery = max(took, verdict.worst_recovery or 0)
    if took > limit + SLACK:
        verdict.problems.append(f"recovery from {kind} took {took:.1f} s, and {limit:.1f} s are promised")
