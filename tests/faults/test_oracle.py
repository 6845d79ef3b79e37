"""The oracle reports breaches, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from group_state import GroupState, Held
from ledger import Order, Run
from oracle import (
    SLACK,
    Evidence,
    Fault,
    Terms,
    disorder,
    judge,
    not_pending,
    running_now,
    unaccounted,
)

_TERMS = Terms(lease=2.0, claim_interval=0.5, max_deliveries=3)
_ORDER = Order(n=1, id="1-1", sent=10.0, at=10.1, routes=frozenset({"record"}))
_DONE = Run(what="done", n=1, id="1-1", route="record", attempt=1, deliveries=1, worker="w1", at=11.0)
_KILL = Fault(kind="kill -9", begin=11.2, end=11.3, workers=frozenset({"w1"}))
_AGAIN = replace(_DONE, deliveries=2, worker="w2", at=14.0)


def _problems(*runs: Run, **facts: Any) -> list[str]:
    evidence = Evidence(
        **{"orders": [_ORDER], "runs": runs, "state": GroupState(), "faults": [], "terms": _TERMS, **facts}
    )
    return judge(evidence).problems


def test_a_message_that_took_effect_is_fine() -> None:
    """Nothing is reported."""
    assert _problems(_DONE) == []


@pytest.mark.parametrize(
    "state",
    [
        GroupState(undelivered=frozenset({"1-1"})),
        GroupState(pending={"1-1": Held("w1", 0, 1)}),
        GroupState(scheduled=frozenset({("1-1", "record")})),
        GroupState(scheduled=frozenset({("1-1", "")})),
        GroupState(dead=(("1-1", "record"),)),
        GroupState(dead=(("1-1", None),)),
    ],
)
def test_a_message_that_redis_still_has_is_not_lost(state: GroupState) -> None:
    """In any place."""
    assert unaccounted([_ORDER], state, []) == []


@pytest.mark.parametrize(
    "state",
    [GroupState(), GroupState(scheduled=frozenset({("1-1", "flaky")})), GroupState(dead=(("1-2", None),))],
)
def test_a_message_that_is_nowhere_is_lost(state: GroupState) -> None:
    """Another route's retry and another message's dead letter do not count."""
    assert unaccounted([_ORDER], state, []) == [("1-1", "record")]


def test_each_route_is_owed_its_effect() -> None:
    """One of two is not enough."""
    order = replace(_ORDER, routes=frozenset({"record", "flaky"}))
    assert _problems(_DONE, orders=[order]) == ["lost: 1-1 for the route flaky"]


def test_of_the_messages_of_one_job_one_takes_effect() -> None:
    """Any one of them; two are one too many, under any fault."""
    orders = [replace(_ORDER, n=n, id=f"{n}-1", job="p1") for n in (1, 2)]
    second = replace(_DONE, n=2, id="2-1")
    assert _problems(_DONE, orders=orders) == []
    assert _problems(second, orders=orders) == []
    assert "2 messages of the job p1" in _problems(_DONE, second, orders=orders, faults=[_KILL])[0]
    other = replace(_ORDER, n=3, id="3-1", job="p2")
    assert _problems(_DONE, orders=[*orders, other]) == ["lost: 3-1 for the route record"]


def test_an_unreadable_entry_is_owed_a_dead_letter() -> None:
    """It has no route that could take effect."""
    broken = replace(_ORDER, routes=frozenset())
    assert _problems(orders=[broken]) == ["lost: 1-1 for the route (none)"]
    assert _problems(orders=[broken], state=GroupState(dead=(("1-1", None),))) == []


def test_a_documented_loss_by_a_fault_is_accepted() -> None:
    """Messages sent outside its span are not."""
    wiped = replace(_KILL, forgiven=(10.0, 10.2))
    assert _problems(faults=[wiped]) == []
    assert _problems(faults=[wiped], orders=[replace(_ORDER, sent=10.5, at=10.6)]) != []
    assert _problems(faults=[replace(_KILL, destroyed=frozenset({"1-1"}))]) == []


def test_a_duplicate_after_a_kill_is_explained() -> None:
    """The dead worker had just taken effect, and could not acknowledge it."""
    assert _problems(_DONE, _AGAIN, faults=[_KILL]) == []


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [replace(_KILL, workers=frozenset({"w3"}))],
        [replace(_KILL, begin=12.5, end=12.6)],
        [replace(_KILL, begin=1.0, end=1.1)],
    ],
    ids=["no fault", "another worker", "too late a fault", "too early a fault"],
)
def test_a_duplicate_without_a_fault_of_its_own_is_not(faults: list[Fault]) -> None:
    """A fault elsewhere or at another time explains nothing."""
    assert _problems(_DONE, _AGAIN, faults=faults) != []


def test_a_route_that_had_taken_effect_must_not_be_retried() -> None:
    """Only failed routes run again."""
    assert _problems(_DONE, replace(_DONE, attempt=2, at=11.5)) != []


def test_attempts_that_follow_failures_are_no_duplicates() -> None:
    """Fail, fail, done."""
    failed = replace(_DONE, what="fail")
    assert _problems(failed, replace(failed, attempt=2, at=11.5), replace(_DONE, attempt=3, at=12.0)) == []


def test_a_group_created_again_explains_every_repetition() -> None:
    """However long ago the first run was."""
    created = Fault(kind="a group created again", begin=500.0, end=501.0, repeats=True)
    assert _problems(_DONE, replace(_AGAIN, at=502.0), faults=[created]) == []


def test_only_routes_meant_to_fail_may_be_dead_lettered() -> None:
    """And only once."""
    dead = GroupState(dead=(("1-1", "record"),))
    doomed = replace(_ORDER, doomed=frozenset({"record"}))
    assert _problems(state=dead) == ["dead-lettered without cause: 1-1 for the route record"]
    assert _problems(state=dead, orders=[doomed]) == []
    assert _problems(state=replace(dead, dead=dead.dead * 2), orders=[doomed]) != []


def test_no_attempt_is_delivered_too_often() -> None:
    """P4."""
    starts = [replace(_DONE, what="start", deliveries=n) for n in range(1, 5)]
    assert _problems(*starts[:3], _DONE) == []
    assert _problems(*starts, _DONE) != []


def test_entries_of_a_dead_worker_must_start_in_time() -> None:
    """P2, with some slack for a busy machine."""
    fault = replace(_KILL, held=frozenset({"1-1"}))
    limit = fault.begin + _TERMS.recovery + SLACK
    start = replace(_DONE, what="start", worker="w2")
    done = replace(_DONE, worker="w2", at=limit + 2)
    assert _problems(replace(start, at=limit - 0.1), done, faults=[fault]) == []
    assert _problems(replace(start, at=limit + 0.1), done, faults=[fault]) != []


def test_an_unsettled_message_is_a_breach() -> None:
    """It is not lost, but stuck."""
    assert _problems(state=GroupState(pending={"1-1": Held("w1", 9000, 1)})) != []


def test_a_run_in_progress_must_be_pending() -> None:
    """P3: unless its entry was redelivered to another worker."""
    start = replace(_DONE, what="start")
    stale = running_now([start, replace(start, deliveries=2, worker="w2")])
    owned = GroupState(pending={"1-1": Held("w2", 0, 2)})
    assert not_pending(running_now([start]), GroupState()) == [start]
    assert not_pending(stale, owned) == []
    assert not_pending(stale, GroupState()) == [stale["1-1", 2]]
    assert running_now([start, _DONE]) == {}
    assert running_now([start, _AGAIN]) == {}, "a stale owner that was cancelled never says so"


def _spans(*spans: tuple[int, str, int]) -> list[Run]:
    """Return runs of messages (number, worker, delivery) that start and end one after the other."""
    return [
        replace(_DONE, what=what, n=n, id=f"{n}-1", worker=worker, deliveries=deliveries)
        for n, worker, deliveries in spans
        for what in ("start", "done")
    ]


def test_equal_keys_in_order_are_in_order() -> None:
    """Other keys, other workers, and claimed entries may run at any time."""
    assert disorder(_spans((1, "w1", 1), (2, "w1", 1), (3, "w1", 1), (1, "w2", 1)), 2) == []
    assert disorder(_spans((5, "w1", 1), (1, "w1", 2), (7, "w1", 1), (4, "w1", 1)), 2) == []


def test_equal_keys_out_of_order_are_found() -> None:
    """A worker has started the later one first."""
    [problem] = disorder(_spans((3, "w1", 1), (1, "w1", 1)), 2)
    assert "started after" in problem


def test_equal_keys_side_by_side_are_found() -> None:
    """The first had not ended."""
    first, second = _spans((1, "w1", 1)), _spans((3, "w1", 1))
    [problem] = disorder([first[0], second[0], first[1], second[1]], 2)
    assert "ran beside" in problem
