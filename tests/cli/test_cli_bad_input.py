"""Bad input from outside: ``serve`` logs in one line what is wrong and what to do, and continues.

Entries that it cannot handle stay pending or are dead-lettered.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from projects import SHORT_LEASE
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

OK = "name: ok, type: t, handler: jobs.ok"
EVENTS = "events"
DEAD, DUE, DELAYED, RETRY, META = (
    f"{{events}}:tests:{name}" for name in ("dead", "due", "delayed", "retry", "meta")
)


def serving(project: Project) -> Running:
    """Start a worker and wait until it has handled its first message."""
    running = project.start("serve")
    project.redis.xadd(EVENTS, {"type": "t", "data": '{"n": 0}'})
    project.notes("ok 0")
    return running


def goes_on(project: Project, running: Running) -> None:
    """Assert that it handles the next message, and drains."""
    project.redis.xadd(EVENTS, {"type": "t", "data": '{"n": 99}'})
    project.notes("ok 99")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


def test_entries_without_a_name_a_type_or_a_value_are_dead_letters(each_project: Project) -> None:
    each_project.routes(OK)
    running = serving(each_project)
    fields: list[dict[Any, Any]] = [
        {"": ""},
        {"type": "t", "data": ""},
        {"type": "t", "data": "5"},
        {"data": '{"type": 7}'},
        {b"\xff": b"\xff"},
        {"type": ""},
    ]
    for entry in fields:
        each_project.redis.xadd(EVENTS, entry)
    wait_until(lambda: each_project.dead() == 6, "the dead letters")
    goes_on(each_project, running)
    assert each_project.pending() == 0
    reported = [line for line in running.err.splitlines() if " error: " in line]
    assert len(reported) == 6
    assert 'the field "data" is empty, not JSON' in running.err


def test_a_deleted_pending_entry_is_reported_and_dropped(each_project: Project) -> None:
    each_project.routes(OK, head=SHORT_LEASE)
    redis = each_project.redis
    redis.xgroup_create(EVENTS, "tests", "0", mkstream=True)
    entry_id = redis.xadd(EVENTS, {"type": "t", "data": '{"n": 1}'}).decode()
    redis.xreadgroup("tests", "a dead worker", {EVENTS: ">"})
    redis.xdel(EVENTS, entry_id)
    running = each_project.start("serve").expect_log(f"deleted while they were pending: {entry_id}")
    goes_on(each_project, running)
    assert each_project.pending() == 0


def test_a_key_for_dead_letters_that_is_no_stream_keeps_the_entry_pending(each_project: Project) -> None:
    """It is dead-lettered once the key is free; everything else continues."""
    each_project.routes(OK, "name: bad, type: bad, retry: {max_attempts: 1}, handler: jobs.fail")
    running = serving(each_project)
    each_project.redis.set(DEAD, "mine")
    each_project.redis.xadd(EVENTS, {"type": "bad", "data": '{"n": 1}'})
    running.expect_log(
        f"the key {DEAD} is a string, and streamroute needs a stream there; rename or delete it\n"
    )
    each_project.redis.xadd(EVENTS, {"type": "t", "data": '{"n": 2}'})
    each_project.notes("ok 2")
    wait_until(lambda: each_project.pending() == 1, "the entry alone to be pending")
    each_project.redis.delete(DEAD)
    wait_until(lambda: each_project.dead() == 1, "the dead letter")
    goes_on(each_project, running)


@pytest.mark.parametrize("key", [DUE, DELAYED])
def test_a_key_for_retries_that_is_something_else_is_named(each_project: Project, key: str) -> None:
    """The entry stays pending; its retry runs once the key is free."""
    each_project.routes(OK, "name: bad, type: bad, handler: jobs.fail_once")
    running = serving(each_project)
    each_project.redis.set(key, "mine")
    each_project.redis.xadd(EVENTS, {"type": "bad", "data": '{"n": 1}'})
    running.expect_log(f"the key {key} is a string, and streamroute needs a ")
    each_project.redis.xadd(EVENTS, {"type": "t", "data": '{"n": 2}'})
    each_project.notes("ok 2")
    wait_until(lambda: each_project.pending() == 1, "the entry alone to be pending")
    each_project.redis.delete(key)
    each_project.notes("try 1 2")
    goes_on(each_project, running)


@pytest.mark.parametrize("key", [RETRY, EVENTS])
def test_a_stream_that_was_replaced_is_named_and_read_again_once_it_is_back(
    each_project: Project, key: str
) -> None:
    each_project.routes(OK)
    running = serving(each_project)
    each_project.redis.delete(key)
    each_project.redis.set(key, "mine")
    running.expect_log(f"the key {key} is a string, and streamroute needs a stream there; ")
    each_project.redis.delete(key)
    goes_on(each_project, running)


@pytest.mark.parametrize("key", [EVENTS, RETRY, DUE, DELAYED, DEAD, META])
def test_a_key_of_another_kind_is_found_at_the_start(project: Project, key: str) -> None:
    """In one line, and nothing was read."""
    project.routes(OK)
    project.redis.sadd(key, "mine")
    done = project.run("serve", "--drain")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: the key {key} is a set, and streamroute needs a ")
    assert "rename" in done.err
    assert len(done.err.splitlines()) == 1, done.err


def test_a_user_without_the_right_to_run_scripts_is_advised(project: Project) -> None:
    """In one line, and nothing was read."""
    project.routes(OK)
    project.redis.acl_setuser(
        "nolua", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-eval", "-evalsha"]
    )
    project.env["REDIS_URL"] = project.env["REDIS_URL"].replace("unix://", "unix://nolua:pw@")
    done = project.run("serve", "--drain")
    assert (done.code, done.out) == (1, "")
    [line] = done.err.splitlines()
    assert line.endswith("lacks rights to consume events; add to its ACL: +eval +evalsha")
    assert "pw@" not in line


def test_an_entry_beyond_the_limit_is_dead_lettered_undecoded(project: Project) -> None:
    """The entries around it are handled."""
    project.routes(OK)
    huge = b"x" * (64 * 1024 * 1024 + 1)
    for n, pad in enumerate((b"", huge, b"")):
        project.redis.xadd(EVENTS, {"type": "t", "data": b'{"n": %d}' % n, "pad": pad})
    done = project.run("serve", "--drain")
    assert done.code == 1
    assert "67,108,8" in done.err
    assert "at most 67,108,864 are decoded" in done.err
    assert sorted(project.ledger) == ["ok 0", "ok 2"]
    assert (project.dead(), project.pending()) == (1, 0)
