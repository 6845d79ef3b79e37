"""The oracle: reads the ledgers and Redis, and says what the delivery promise finds wrong.

It knows what was produced, what was done, what Redis still holds, and which faults struck when. It never
asks the library under test.
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
SLACK: Final = 3.0  # seconds that a busy machine may add to any promise about time


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the workers were told: times in seconds."""

    lease: float
    claim_interval: float
    max_deliveries: int

    @property
    def recovery(self) -> float:
        """By when what a dead worker held must start again."""
        return self.lease + self.claim_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that was done to the system, from ``begin`` to ``end``.

    ``workers`` are those that it hit (None: all of them). ``held`` are the entries whose owner it took,
    which must start again in time. ``forgiven`` is a span in which messages were sent that it may have
    destroyed; ``destroyed`` names such entries. After ``repeats`` everything that the stream still holds
    may be delivered once more.
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
        """Whether this run was one that the fault could cause to happen again, or made happen late."""
        if self.repeats and run.at <= self.end + reach:
            return True
        ours = self.workers is None or run.worker in self.workers
        return ours and self.begin - ACK_WINDOW <= run.at <= self.end + reach

    def unhanded(self, order: Order) -> bool:
        """Whether the fault may have taken this message off the pending list, and left its run without."""
        return order.sent <= self.end and (self.repeats or self.forgiven is not None)

    def excuses(self, order: Order) -> bool:
        """Whether the fault may have destroyed this message, as the documentation says."""
        if order.id in self.destroyed:
            return True
        return self.forgiven is not None and order.sent <= self.forgiven[1] and order.at >= self.forgiven[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a run."""

    orders: Sequence[Order]
    runs: Sequence[Run]
    state: GroupState
    faults: Sequence[Fault]
    terms: Terms


@dataclass(slots=True)
class Verdict:
    """What became of the messages; ``problems`` are breaches of the promise.

    ``given_up`` are those of the lost that had run and failed.
    """

    messages: int = 0
    lost: list[Route] = field(default_factory=list)
    given_up: list[Route] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    unexplained: list[Run] = field(default_factory=list)
    worst_recovery: float | None = None
    problems: list[str] = field(default_factory=list)


def judge(evidence: Evidence) -> Verdict:
    """P1 to P4 over the whole of a run that has come to rest."""
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
    """P1: messages that neither took effect nor are anywhere in Redis.

    To be sound while work goes on, read the orders first, then the state, then the runs.
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
    """P3: first deliveries' runs in progress (by id and delivery count) that their group has lost hold of.

    A run whose entry was delivered again since is a stale owner's, and says nothing.
    """
    latest = {entry_id: max(n for i, n in running if i == entry_id) for entry_id, _ in running}
    return [
        run
        for (entry_id, deliveries), run in running.items()
        if deliveries == latest[entry_id] and entry_id not in state.pending
    ]


def running_now(runs: Iterable[Run]) -> dict[tuple[str, int], Run]:
    """First attempts that have started and not ended, by id and delivery count.

    A run whose entry a later delivery has ended is a stale owner's: it was cancelled, or may end unheard.
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
    """What breaks ``order_by`` where the key of message n is n modulo ``keys``.

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
    """Of the messages of one job, one alone takes effect, whatever strikes."""
    jobs = {order.id: order.job for order in evidence.orders if order.job is not None}
    done = {(run.id, run.route) for run in evidence.runs if run.what == "done" and run.id in jobs}
    for (job, route), times in Counter((jobs[entry_id], route) for entry_id, route in done).items():
        if times > 1:
            verdict.problems.append(f"{times} messages of the job {job} took effect in the route {route}")


def _repeated(runs: Iterable[Run]) -> Iterator[tuple[list[Run], Run]]:
    """Runs that ended although their route had ended for this attempt, or had taken effect, before."""
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
    """The fault in whose window this happened, or None."""
    reach = evidence.terms.recovery + SLACK
    for fault in evidence.faults:
        # A worker that was hit may finish late what another runs again; a server that is back is no cause.
        late = 0 if fault.workers is None else reach
        if fault.hit(again, reach) or any(fault.hit(run, late) for run in earlier):
            return fault.kind
    return None


def _judge_dead_letters(evidence: Evidence, verdict: Verdict) -> None:
    """Only what is meant to fail dies, and once."""
    orders = {order.id: order for order in evidence.orders}
    dies_again = any(fault.repeats for fault in evidence.faults)
    for (entry_id, route), times in Counter(evidence.state.dead).items():
        order = orders.get(entry_id)
        if order is not None and order.routes and (route or "record") not in order.doomed:
            verdict.problems.append(f"dead-lettered without cause: {entry_id} for the route {route}")
        if times > 1 and not dies_again:
            verdict.problems.append(f"dead-lettered {times} times: {entry_id} for the route {route}")


def _judge_deliveries(evidence: Evidence, verdict: Verdict) -> None:
    """P4: no attempt starts more often than it may."""
    if any(fault.repeats for fault in evidence.faults):
        return  # a group that was created again counts from one
    starts = Counter((run.id, run.route, run.attempt) for run in evidence.runs if run.what == "start")
    limit = evidence.terms.max_deliveries
    verdict.problems += [f"delivered {n} times: {key}" for key, n in starts.items() if n > limit]


def _judge_recovery(evidence: Evidence, verdict: Verdict) -> None:
    """P2: what a dead worker held starts again in time."""
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
    """A recovery was seen; too slow a one is a breach."""
    verdict.worst_recovery = max(took, verdict.worst_recovery or 0)
    if took > limit + SLACK:
        verdict.problems.append(f"recovery from {kind} took {took:.1f} s, and {limit:.1f} s are promised")
