"""The oracle of reloads: each effect is the work of one generation, the one in force when it was decided.

Losses and duplicates are the other oracle's. This one knows which edit was which generation, and since when
no other one decided new messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import read_lines
from reload_configs import lane_of, takes_canary

if TYPE_CHECKING:
    from pathlib import Path

    from ledger import Order, Run


@dataclass(frozen=True, slots=True)
class Applied:
    """An edit that was applied: its generation, and the time since which it decides all new messages."""

    generation: str
    at: float


class ContainerEvent(NamedTuple):
    """A container of an edit was opened or closed; ``serial`` identifies it within its process."""

    what: str
    edit: int
    serial: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Everything known of a storm of reloads that is over: see ``ReloadStorm``.

    ``applied`` are the edits that were, by number, in order. ``letters`` are the records of dead letters,
    ``killed`` the processes that were.
    """

    applied: Mapping[int, Applied]
    orders: Sequence[Order]
    runs: Sequence[Run]
    letters: Sequence[Mapping[str, Any]] = ()
    containers: Sequence[ContainerEvent] = ()
    killed: frozenset[str] = frozenset()


def judge_storm(storm: Storm) -> list[str]:
    """Return all breaches."""
    ended = [run for run in storm.runs if run.what != "start"]
    return [
        *_mixtures(ended, storm.applied),
        *_split_deliveries(ended),
        *_wrong_sides(ended),
        *_late_decisions(ended, storm),
        *_moved_retries(ended),
        *_wrong_histories(ended, storm.letters),
        *_container_problems(ended, storm),
    ]


def read_containers(folder: Path) -> list[ContainerEvent]:
    """Return what all processes have written of their containers."""
    paths = sorted(folder.glob("containers-*.jsonl"))
    return [ContainerEvent(**line) for path in paths for line in read_lines(path)]


def open_containers(events: Iterable[ContainerEvent]) -> dict[str, list[int]]:
    """Return the edits of each process whose containers are open, in the order in which they were opened."""
    living: dict[str, dict[int, int]] = defaultdict(dict)
    for event in events:
        if event.what == "open":
            living[event.worker][event.serial] = event.edit
        else:
            living[event.worker].pop(event.serial, None)
    return {worker: list(edits.values()) for worker, edits in living.items()}


def _mixtures(ended: Iterable[Run], applied: Mapping[int, Applied]) -> Iterator[str]:
    """Every part of a run is of one edit, and that edit is the generation that decoded the message."""
    for run in ended:
        edits = set(run.facts["parts"].values())
        if len(edits) > 1:
            yield f"a mixture of edits: {run}"
            continue
        (edit,) = edits
        if edit not in applied:
            yield f"the work of an edit that was refused: {run}"
        elif applied[edit].generation != run.facts["generation"]:
            yield f"decoded by one generation and run by {applied[edit].generation}: {run}"


def _split_deliveries(ended: Iterable[Run]) -> Iterator[str]:
    """All routes of one delivery are of one edit."""
    edits: dict[tuple[str, int, int, str], int] = {}
    for run in ended:
        delivery = (run.id, run.attempt, run.deliveries, run.worker)
        edit = edits.setdefault(delivery, _edit(run))
        if edit != _edit(run):
            yield f"one delivery by the edits {edit} and {_edit(run)}: {run}"


def _wrong_sides(ended: Iterable[Run]) -> Iterator[str]:
    """A route runs what the filter of its own edit accepts; a shadow runs nothing."""
    for run in ended:
        route = run.facts["route"]
        if route in ("picked", "rest") and (route == "picked") != (run.facts["lane"] == lane_of(_edit(run))):
            yield f"accepted by a filter of another edit: {run}"
        if run.attempt == 1 and route == "flaky-canary" and not takes_canary(_edit(run), run.n):
            yield f"taken by a canary of another edit: {run}"
        if route == "shade":
            yield f"a shadow ran: {run}"


def _late_decisions(ended: Iterable[Run], storm: Storm) -> Iterator[str]:
    """No message that was sent after an edit was applied everywhere is decided by an earlier one."""
    sent = {order.id: order.sent for order in storm.orders}
    replaced = _replacements(storm.applied)
    for run in ended:
        if run.attempt == 1 and sent.get(run.id, 0) > replaced.get(_edit(run), float("inf")):
            yield f"decided by an edit that had been replaced when the message was sent: {run}"


def _replacements(applied: Mapping[int, Applied]) -> dict[int, float]:
    """Return when each edit was replaced everywhere."""
    return {edit: applied[after].at for edit, after in pairwise(applied)}


def _moved_retries(ended: Iterable[Run]) -> Iterator[str]:
    """A retry runs in the route that has failed: a canary's retries stay on its side."""
    failed: set[tuple[str, str, int]] = set()
    for run in ended:
        route = run.facts["route"]
        if run.attempt > 1 and (run.id, route, run.attempt - 1) not in failed:
            yield f"a retry of a route that has not failed: {run}"
        if run.what == "fail":
            failed.add((run.id, route, run.attempt))


def _wrong_histories(ended: Sequence[Run], letters: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The history of a retry or a dead letter names the generation of each failure."""
    failed: dict[tuple[str, int], set[str]] = defaultdict(set)
    for run in ended:
        if run.what == "fail":
            failed[run.id, run.attempt].add(run.facts["generation"])
    for run in ended:
        if not _explains(failed, run.id, run.facts["history"], run.attempt - 1):
            yield f"a history of other generations: {run}"
    for letter in letters:
        history = [*letter.get("generations", ()), letter.get("generation")]
        if not _explains(failed, letter["id"], history, letter["attempt"]):
            yield f"a dead letter of other generations: {letter}"


def _explains(
    failed: Mapping[tuple[str, int], set[str]], entry_id: str, history: Sequence[str | None], attempts: int
) -> bool:
    """Whether a history has one generation for each attempt, one by which that attempt has failed."""
    return len(history) == attempts and all(
        generation in failed.get((entry_id, attempt), ()) for attempt, generation in enumerate(history, 1)
    )


def _container_problems(ended: Iterable[Run], storm: Storm) -> Iterator[str]:
    """Each container is closed once, after its last run; those of a killed process at most once."""
    yield from (f"ran with a closed container: {run}" for run in ended if not run.facts["is_open"])
    times: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for event in storm.containers:
        times[event.worker, event.serial, event.edit].append(event.what)
    for container, events in times.items():
        is_killed = container[0] in storm.killed
        if events != ["open", "close"] and not (is_killed and events == ["open"]):
            yield f"the container of an edit was not opened and closed once: {container}, {events}"


def _edit(run: Run) -> int:
    edit: int = run.facts["parts"]["with"]
    return edit
