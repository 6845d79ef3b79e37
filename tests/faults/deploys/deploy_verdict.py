"""The results of a deploy: messages lost, dead-lettered, run twice or run by the wrong route, and why."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deploy_load import Sent
    from deploy_setups import Setup
    from group_state import GroupState
    from ledger import Run

MEANT: Final = "failed permanently, as meant"
FEWER: Final = "spent the fewer attempts of the new configuration"
GONE: Final = "retries of the removed route, which no worker knew for ten leases"
UNREADABLE: Final = "sent in the new codec and read by the old one"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: its message's id, its route (None if no route failed), the reason, the attempt.

    ``routes`` are those of the retry that could not be read.
    """

    id: str
    route: str | None
    reason: str
    attempt: int
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Everything known of a deploy that has come to rest.

    ``setups`` are the workers' configurations by name; ``killed`` are the killed workers; ``last_old`` is the
    time at which the last worker of the old configuration ended; ``lost_leases`` says that a worker reported
    lost leases, as happens on a busy machine.
    """

    old: Setup
    new: Setup
    sent: Sequence[Sent]
    runs: Sequence[Run]
    letters: Sequence[Letter]
    state: GroupState
    setups: Mapping[str, Setup]
    last_old: float
    killed: frozenset[str] = frozenset()
    lost_leases: bool = False

    def name_now(self, route: str) -> str:
        """Return a route's name in the new configuration, or its own."""
        return next((spec.name for spec in self.new.routes if route in spec.formerly), route)

    def accepting(self, setup: Setup, message: Sent) -> frozenset[str]:
        """Return the routes that accept the message under a configuration, by their current names."""
        return frozenset(self.name_now(name) for name in setup.accepting(message))


@dataclass(slots=True)
class Verdict:
    """The findings; ``problems`` are those that no configuration explains, the counters include all.

    ``dead`` are dead letters by reason, ``twice`` repeated effects by reason, ``crossed`` retries that ran
    under another configuration than the attempt before, ``judged`` messages on which the configurations
    disagree, by the one that decided.
    """

    messages: int = 0
    lost: int = 0
    wrong_route: int = 0
    retries_gone: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    crossed: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def judge(rollout: Rollout) -> Verdict:
    """Count everything, and find the problems."""
    verdict = Verdict(messages=len(rollout.sent))
    _judge_losses(rollout, verdict)
    _judge_letters(rollout, verdict)
    _judge_repetitions(rollout, verdict)
    _judge_duplicate_items(rollout, verdict)
    _judge_routes(rollout, verdict)
    _judge_retries(rollout, verdict)
    if not rollout.state.is_quiet:
        verdict.problems.append(f"not at rest: {rollout.state}")
    return verdict


def _judge_losses(rollout: Rollout, verdict: Verdict) -> None:
    settled = _done(rollout) | {place for letter in rollout.letters for place in _places(rollout, letter)}
    readers = _readers(rollout)
    for message in rollout.sent:
        owed = _owed(rollout, message, readers.get(message.id, set()), verdict)
        gone = {route for route in owed if not {(message.id, route), (message.id, None)} & settled}
        lost = sorted(route for route in gone if not rollout.state.holds(message.id, route))
        verdict.lost += bool(lost)
        verdict.problems += [f"lost: {message} for the route {route}" for route in lost]


def _done(rollout: Rollout) -> set[tuple[str, str | None]]:
    """Return messages with the routes that took effect for them, or with ``dedupe`` for the same item."""
    done: set[tuple[str, str | None]] = {
        (run.id, rollout.name_now(run.route)) for run in rollout.runs if run.what == "done"
    }
    items = {message.id: message.item for message in rollout.sent}
    deduped = {spec.name for spec in rollout.new.routes if spec.dedupe}
    had = {(items[entry_id], route) for entry_id, route in done if route in deduped}
    return done | {
        (entry_id, route) for entry_id, item in items.items() for route in deduped if (item, route) in had
    }


def _places(rollout: Rollout, letter: Letter) -> Iterator[tuple[str, str | None]]:
    """Yield a dead letter's message with its routes; None stands for every route."""
    names = (letter.route,) if letter.route else letter.routes or (None,)
    yield from ((letter.id, name and rollout.name_now(name)) for name in names)


def _readers(rollout: Rollout) -> dict[str, set[str]]:
    """Return the workers that ran first attempts of a message, by its id."""
    readers = defaultdict(set)
    for run in rollout.runs:
        if run.attempt == 1:
            readers[run.id].add(run.worker)
    return readers


def _owed(rollout: Rollout, message: Sent, readers: set[str], verdict: Verdict) -> frozenset[str]:
    """Return the required routes: those of both configurations, or those of the worker that read it."""
    old, new = (rollout.accepting(setup, message) for setup in (rollout.old, rollout.new))
    if message.sent > rollout.last_old:
        return new
    words = {rollout.accepting(rollout.setups[worker], message) for worker in readers}
    if old != new and len(words) == 1:
        verdict.judged["old" if words == {old} else "new"] += 1
    return words.pop() if len(words) == 1 else old & new


def _judge_letters(rollout: Rollout, verdict: Verdict) -> None:
    messages = {message.id: message for message in rollout.sent}
    for letter, times in Counter(rollout.letters).items():
        why = _why_dead(rollout, letter, messages[letter.id])
        verdict.dead[why or "unexplained"] += times
        if why is None:
            verdict.problems.append(f"dead-lettered without cause: {letter}")
    for place, times in Counter(
        (letter.id, letter.route, letter.routes) for letter in rollout.letters
    ).items():
        if times > 1:
            verdict.problems.append(f"dead-lettered {times} times: {place}")


def _why_dead(rollout: Rollout, letter: Letter, message: Sent) -> str | None:
    removed = {name for name in rollout.old.names if rollout.name_now(name) not in rollout.new.names}
    if letter.route in removed and "no longer configured" in letter.reason:
        return GONE
    if letter.reason.startswith("failed after"):
        if message.fails >= rollout.old.max_attempts:
            return MEANT
        is_spent = rollout.new.max_attempts <= letter.attempt <= message.fails
        return FEWER if is_spent else None
    is_early = message.packed and message.sent <= rollout.last_old
    return (
        UNREADABLE if is_early and letter.route is None and rollout.old.codec != rollout.new.codec else None
    )


def _judge_repetitions(rollout: Rollout, verdict: Verdict) -> None:
    done: dict[tuple[str, str], Run] = {}
    for run in rollout.runs:
        if run.what != "done":
            continue
        place = run.id, rollout.name_now(run.route)
        first = done.setdefault(place, run)
        if first is run:
            continue
        why = _why_twice(rollout, first, run)
        verdict.twice[why or "unexplained"] += 1
        if why is None:
            verdict.problems.append(f"run twice: {run}, after {first}")


def _why_twice(rollout: Rollout, first: Run, again: Run) -> str | None:
    """P3: a crash before the acknowledgement, or a lost lease, after which the entry is redelivered.

    A takeover by another group restarts a retry's delivery count.
    """
    if rollout.killed & {first.worker, again.worker}:
        return "done by a worker that was killed before its ack"
    is_redelivered = again.deliveries > first.deliveries
    return "done by a worker that lost the lease" if rollout.lost_leases and is_redelivered else None


def _judge_duplicate_items(rollout: Rollout, verdict: Verdict) -> None:
    """With ``dedupe`` on a route, an item takes effect once."""
    deduped = {spec.name for spec in rollout.new.routes if spec.dedupe}
    items = {message.id: message.item for message in rollout.sent}
    first: dict[tuple[int, str], Run] = {}
    for run in rollout.runs:
        place = items[run.id], rollout.name_now(run.route)
        if run.what == "done" and place[1] in deduped and first.setdefault(place, run).id != run.id:
            verdict.twice["unexplained"] += 1
            verdict.problems.append(f"a duplicate ran: {run}, after {first[place]}")


def _judge_routes(rollout: Rollout, verdict: Verdict) -> None:
    messages = {message.id: message for message in rollout.sent}
    accepted = {(run.id, rollout.name_now(run.route)) for run in rollout.runs if run.attempt == 1}
    for run in rollout.runs:
        if run.what != "start":
            continue
        if run.attempt == 1:
            is_right = run.route in rollout.setups[run.worker].accepting(messages[run.id])
        else:
            is_right = (run.id, rollout.name_now(run.route)) in accepted
        if not is_right:
            verdict.wrong_route += 1
            verdict.problems.append(f"run by a route that did not accept it: {run}")


def _judge_retries(rollout: Rollout, verdict: Verdict) -> None:
    """Each failure is followed by the next attempt, a dead letter, or a scheduled retry."""
    starts = {
        (run.id, rollout.name_now(run.route), run.attempt): run for run in rollout.runs if run.what == "start"
    }
    dead = {place for letter in rollout.letters for place in _places(rollout, letter)}
    for run in rollout.runs:
        place = run.id, rollout.name_now(run.route)
        if run.what != "fail":
            continue
        again = starts.get((*place, run.attempt + 1))
        if again is not None:
            before, after = (_side(rollout, worker) for worker in (run.worker, again.worker))
            if before != after:
                verdict.crossed[f"{before} to {after}"] += 1
        elif (
            place not in dead
            and not rollout.state.holds(run.id, run.route)
            and not _is_read_anew(rollout, run)
        ):
            verdict.retries_gone += 1
            verdict.problems.append(f"a retry disappeared: {run}")


def _is_read_anew(rollout: Rollout, run: Run) -> bool:
    """Whether this first attempt was never settled, and the message went to a worker without its route."""
    return run.attempt == 1 and any(
        again.id == run.id
        and again.attempt == 1
        and again.deliveries > run.deliveries
        and rollout.name_now(run.route) not in map(rollout.name_now, rollout.setups[again.worker].names)
        for again in rollout.runs
    )


def _side(rollout: Rollout, worker: str) -> str:
    return "old" if rollout.setups[worker] is rollout.old else "new"


def log_problems(name: str, log: str) -> list[str]:
    """Return lines of a worker's log that a deploy does not explain."""
    lines = [
        line for line in log.splitlines() if re.search(r'"level": ?"(critical|CRITICAL)"|Traceback', line)
    ]
    return [f"{name} says: {line[:500]}" for line in lines]
