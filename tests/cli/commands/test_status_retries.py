"""``streamroute status retries``: what waits, run now, cancelled; on real servers, beside ``serve``."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from servers import wait_until
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from projects import Project

KEYS = GroupKeys.of("events", "tests")
FAILS = "name: fails, type: f, handler: jobs.fail_once, retry: {max_attempts: 2, delay: 5m, jitter: 0}"
OTHER = "name: other, type: o, handler: jobs.fail_once, retry: {max_attempts: 2, delay: 9m, jitter: 0}"


def retries(project: Project, *words: str) -> dict[str, Any]:
    done = project.run("status", "retries", "list", "--format", "json", *words)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def with_retries(project: Project) -> list[str]:
    """Let three messages fail; return the ids of their entries."""
    project.routes(FAILS, OTHER)
    running = project.start("serve")
    running.expect_log("serving")
    events = [{"type": "f", "n": 1}, {"type": "f", "n": 2}, {"type": "o", "n": 3}]
    project.run("publish", "events", str(project.feed(*map(json.dumps, events))))
    wait_until(lambda: project.redis.zcard(KEYS.due) == 3, "three retries")
    running.signal(signal.SIGTERM).end()
    return [entry_id.decode() for entry_id, _ in project.redis.xrange("events")]


@pytest.fixture
def ids(project: Project) -> list[str]:
    """The ids of three entries whose retries wait."""
    return with_retries(project)


def test_retries_are_listed_with_their_last_failure(project: Project, ids: list[str]) -> None:
    found = retries(project)
    assert found["total"] == 3
    assert [retry["id"] for retry in found["retries"]][2] == ids[2]
    first = found["retries"][0]
    assert (first["stream"], first["routes"], first["attempt"], first["replay"]) == (
        "events",
        ["fails"],
        2,
        None,
    )
    assert (first["error_class"], first["problem"]) == ("ConnectionError", "")
    assert "not now" in first["error"]
    assert 200 < first["wait"] <= 300
    assert retries(project, "--route", "other")["total"] == 1
    assert len(retries(project, "--limit", "1")["retries"]) == 1
    text = project.run("status", "retries", "--limit", "1").out
    assert ids[0] in text or ids[1] in text
    assert "and 2 more" in text


def test_a_retry_runs_now(project: Project, ids: list[str]) -> None:
    done = project.run("status", "retries", "run", ids[0])
    assert (done.code, done.out) == (0, "1 retry made due\n"), done.err
    running = project.start("serve")
    project.notes("try 1 2")
    running.signal(signal.SIGTERM).end()
    assert retries(project)["total"] == 2
    audit = json.loads(project.run("audit", "--format", "json").out)["actions"]
    assert (audit[0]["action"], audit[0]["target"], audit[0]["count"]) == ("run retries", ids[0], 1)


def test_cancelled_retries_are_dead_letters_which_can_be_retried(project: Project, ids: list[str]) -> None:
    words = ("--route", "fails", "--reason", "guest is gone", "--as", "ann", "--yes")
    done = project.run("status", "retries", "cancel", *words)
    assert (done.code, done.out) == (0, "2 retries cancelled\n"), done.err
    assert retries(project)["total"] == 1
    letters = json.loads(project.run("dead", "list", "--format", "json").out)["letters"]
    assert {letter["entry"] for letter in letters} == set(ids[:2])
    assert {letter["reason"] for letter in letters} == {"cancelled by ann: guest is gone"}
    assert {(letter["route"], letter["type"]) for letter in letters} == {("fails", "f")}
    assert "2" in project.run("dead", "retry", "--route", "fails", "--dry-run").out
    newest = json.loads(project.run("audit", "--format", "json").out)["actions"][0]
    assert (newest["who"], newest["action"], newest["count"]) == ("ann", "cancel retries", 2)


def test_a_dry_run_changes_nothing(project: Project, ids: list[str]) -> None:
    done = project.run("status", "retries", "cancel", "--all", "--dry-run")
    assert (done.code, done.out) == (0, "3 retries would be cancelled\n")
    assert retries(project)["total"] == 3
    assert project.dead() == 0


def test_many_retries_are_not_changed_without_a_question(project: Project, ids: list[str]) -> None:
    done = project.run("status", "retries", "run", "--all")
    assert done.code == 2
    assert "add --yes" in done.err
    assert retries(project)["retries"][0]["wait"] > 200


def test_an_id_for_which_no_retry_waits_is_named(project: Project, ids: list[str]) -> None:
    done = project.run("status", "retries", "run", ids[0], "5-0")
    assert done.code == 1
    assert "no retry waits for 5-0" in done.err
    assert "1 retry made due" in done.out


def test_a_selection_is_required_and_a_misspelt_route_is_refused(project: Project, ids: list[str]) -> None:
    assert project.run("status", "retries", "run").code == 2
    done = project.run("status", "retries", "list", "--route", "fail")
    assert done.code == 2
    assert 'unknown route "fail"' in done.err
    assert 'did you mean "fails"?' in done.err


def test_damaged_and_foreign_retries_are_shown_and_stay(project: Project) -> None:
    project.routes(FAILS)
    project.redis.zadd(KEYS.due, {"\x1b[31mforeign": 4e12, "1-0|fails|2": 4e12, "2-0|fails|2": 4e12})
    project.redis.hset(KEYS.delayed, mapping={"1-0|fails|2": b"damaged", "\x1b[31mforeign": b"x" * 2_000_000})
    done = project.run("status", "retries")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "cannot be read" in done.out
    cancelled = project.run("status", "retries", "cancel", "--all", "--yes")
    assert cancelled.code == 1
    assert "cannot be read" in cancelled.err
    assert project.redis.hlen(KEYS.delayed) == 2
    assert project.dead() == 0


def test_without_retries_nothing_is_listed(project: Project) -> None:
    project.routes(FAILS)
    assert project.run("status", "retries").out == "no retry is waiting\n"
    project.redis.zadd("{events}:tests:parked", {"a": 0, "b": 0})
    assert project.run("status", "retries").out == (
        "2 parked messages wait for the end of a pause; see `streamroute paused`\nno retry is waiting\n"
    )
    assert retries(project)["parked"] == 2
