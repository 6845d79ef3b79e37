"""The verdict on deploys, with hand-made ledgers: each breach is found, and explained events are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploy_kinds import KINDS
from deploy_load import FAILS_FOR_GOOD, PLACED, Sent
from deploy_setups import AUDITED, PLAIN
from deploy_verdict import FEWER, GONE, MEANT, UNREADABLE, Letter, Rollout, judge
from group_state import GroupState
from ledger import Run

_RENAMED = KINDS["route renamed, with dedupe"]
_LAST_OLD = 100.0


def sent(entry_id: str = "1-0", **facts: Any) -> Sent:
    """Return a message for ``record`` and, being of tier gold, for ``audit``, sent while old workers ran."""
    usual: dict[str, Any] = {"n": 1, "sent": 10.0, "kind": PLACED, "tier": "gold", "fails": 0, "item": 1}
    return Sent(id=entry_id, **{**usual, "packed": False, **facts})


def runs(*lines: str) -> list[Run]:
    """Parse runs, each as ``what route attempt worker``, and the message's id unless it is 1-0."""
    made: list[Run] = []
    for at, line in enumerate(lines):
        what, route, attempt, worker, *entry_id = line.split()
        facts: dict[str, Any] = {"what": what, "route": route, "worker": worker, "at": float(at)}
        made.append(Run(n=1, id=(entry_id or ["1-0"])[0], attempt=int(attempt), deliveries=1, **facts))
    return made


def done(route: str, worker: str = "old", attempt: int = 1, entry_id: str = "1-0") -> list[str]:
    """Return the lines of a run that took effect."""
    return [f"{what} {route} {attempt} {worker} {entry_id}" for what in ("start", "done")]


def rollout(*lines: str, **facts: Any) -> Rollout:
    """Return a deploy of the route ``audit``, unless other configurations are given."""
    old, new = facts.pop("old", PLAIN), facts.pop("new", AUDITED)
    usual: dict[str, Any] = {"sent": [sent()], "letters": [], "state": GroupState(), "last_old": _LAST_OLD}
    usual["setups"] = {"old": old, "new": new}
    return Rollout(old=old, new=new, runs=runs(*lines), **{**usual, **facts})


def problems(of: Rollout) -> list[str]:
    """Return the problems, without the details."""
    return [problem.split(":")[0] for problem in judge(of).problems]


def test_a_message_is_judged_by_the_routes_of_the_version_that_read_it() -> None:
    by_old = judge(rollout(*done("record")))
    by_new = judge(rollout(*done("record", "new"), *done("audit", "new")))
    assert (by_old.problems, by_new.problems) == ([], [])
    assert (by_old.judged, by_new.judged) == ({"old": 1}, {"new": 1})


@pytest.mark.parametrize(
    ("lines", "facts"),
    [
        ([], {}),
        (done("record", "new"), {}),
        (done("record"), {"sent": [sent(sent=_LAST_OLD + 1)]}),
    ],
)
def test_an_owed_message_that_is_nowhere_is_lost(lines: list[str], facts: dict[str, Any]) -> None:
    assert problems(rollout(*lines, **facts)) == ["lost"]


def test_what_waits_in_redis_is_not_lost_but_the_group_is_not_at_rest() -> None:
    state = GroupState(scheduled=frozenset([("1-0", "audit")]))
    assert problems(rollout(*done("record", "new"), state=state)) == ["not at rest"]


@pytest.mark.parametrize(
    ("letter", "facts", "why"),
    [
        (Letter("1-0", "record", "failed after 4 attempts", 4), {"fails": FAILS_FOR_GOOD}, MEANT),
        (Letter("1-0", "record", "failed after 2 attempts", 2), {"fails": 2}, FEWER),
        (Letter("1-0", "record", "failed after 1 attempts", 1), {"fails": 2}, None),
        (Letter("1-0", "audit", "the route 'audit' is no longer configured", 2), {}, GONE),
        (Letter("1-0", "record", "the route 'record' is no longer configured", 2), {}, None),
        (Letter("1-0", None, "data is no JSON", 1), {"packed": True}, UNREADABLE),
        (Letter("1-0", None, "data is no JSON", 1), {"packed": True, "sent": _LAST_OLD + 1}, None),
    ],
)
def test_a_dead_letter_is_explained_by_the_configurations_or_not_at_all(
    letter: Letter, facts: dict[str, Any], why: str | None
) -> None:
    new = replace(PLAIN, max_attempts=2, codec="deploy_effects:Compressed")
    verdict = judge(rollout(old=AUDITED, new=new, sent=[sent(**facts)], letters=[letter]))
    assert verdict.dead == {why or "unexplained": 1}
    assert any("without cause" in problem for problem in verdict.problems) is (why is None)


def test_an_effect_that_happens_again_needs_a_cause() -> None:
    again = done("record") * 2
    assert problems(rollout(*again)) == ["run twice"]
    assert problems(rollout(*again, killed=frozenset(["old"]))) == []
    assert problems(rollout(*again, lost_leases=True)) == ["run twice"]  # it was not redelivered


def test_a_former_name_is_the_same_route() -> None:
    facts = {"old": _RENAMED.old, "new": _RENAMED.new}
    assert problems(rollout(*done("record"), *done("audit"), **facts)) == []
    assert problems(rollout(*done("record"), *done("audit"), *done("ledger", "new"), **facts)) == [
        "run twice"
    ]


def test_an_item_takes_effect_once_where_the_route_has_dedupe() -> None:
    facts = {"old": _RENAMED.old, "new": _RENAMED.new, "sent": [sent(), sent("2-0")]}
    both = [*done("record"), *done("record", entry_id="2-0"), *done("audit")]
    assert problems(rollout(*both, **facts)) == []
    assert problems(rollout(*both, *done("ledger", "new", 1, "2-0"), **facts)) == ["a duplicate ran"]


def test_a_route_that_did_not_accept_the_message_must_not_run() -> None:
    """Neither for a new message nor for a retry that never had a first attempt."""
    assert problems(rollout(*done("record"), *done("audit"))) == ["run by a route that did not accept it"]
    retried = [*done("record"), "start audit 2 new"]
    assert problems(rollout(*retried)) == ["run by a route that did not accept it"]


def test_a_failure_is_followed_by_the_next_attempt() -> None:
    failed = [*done("record", "new"), "start audit 1 new", "fail audit 1 new"]
    assert "a retry disappeared" in problems(rollout(*failed))
    verdict = judge(rollout(*failed, *done("audit", "old", 2)))
    assert (verdict.problems, verdict.crossed) == ([], {"new to old": 1})


def test_what_a_killed_worker_did_not_settle_is_judged_by_the_next_reader() -> None:
    of = rollout("start audit 1 new", "fail audit 1 new", *done("record"), killed=frozenset(["new"]))
    assert "a retry disappeared" in problems(of)
    again = [replace(run, deliveries=2) if run.worker == "old" else run for run in of.runs]
    assert problems(replace(of, runs=again)) == []
