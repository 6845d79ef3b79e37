"""``dead retry --rate``: letters are retried at a rate, until they fail again; the job can be resumed."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES
from servers import wait_until
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.jobs.job import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

DEAD, RETRY, JOBS = "{events}:tests:dead", "{events}:tests:retry", "{events}:tests:jobs"
AUDIT = "{events}:tests:audit"
MEND = """
from pathlib import Path
from jobs import note

HERE = Path(__file__).parent


async def handle(payload):
    note(payload["n"])
    if payload["n"] >= 3 and not (HERE / "mended").exists():
        raise KeyError(f"no guest {payload['n']}")
"""


ONE_ATTEMPT = ROUTES.replace("{max_attempts: 2, delay: 50ms}", "{max_attempts: 1}")


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with six dead letters of one route, which is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes("name: guests, type: t, handler: mend.handle", head=ONE_ATTEMPT)
    project.write("mend.py", MEND)
    for at in range(1, 7):
        letter(project, at)
    project.redis.xgroup_create("events", "tests", id="$", mkstream=True)
    return project


def letter(project: Project, number: int, **facts: Any) -> None:
    """Write the dead letter of the entry ``N-0``."""
    fields = {b"type": b"t", b"data": json.dumps({"n": number}).encode()}
    usual: dict[str, Any] = {
        "id": f"{number}-0", "stream": "events", "group": "tests", "route": "guests", "reason": "failed",
        "error": "KeyError: 'no guest'", "traceback": "", "attempt": 1, "deliveries": 1, "fields": fields,
    }  # fmt: skip
    project.redis.xadd(DEAD, DeadRecord(**(usual | facts)).write(), id=f"1700000000000-{number}")


def left(project: Project) -> list[str]:
    """Return the ids of the entries that are dead letters."""
    rows: Any = project.redis.xrange(DEAD)
    return [DeadRecord.read(fields).id for _, fields in rows]


def job_of(project: Project) -> Job:
    [packed] = [value for name, value in project.redis.hgetall(JOBS).items() if b":" not in name]
    return Job.unpack(packed)


def test_letters_are_retried_as_a_job(shop: Project, command: Callable[..., Done]) -> None:
    done = command("dead", "retry", "--where", "n < `4`", "--rate", "500/s", "--why", "bug 7", "--as", "ann")
    job = job_of(shop)
    assert (done.code, done.out) == (0, f"{job.id} done\n3 of 3: 3 retried\n")
    assert left(shop) == ["4-0", "5-0", "6-0"]
    assert shop.redis.xlen(RETRY) == 3
    records: Any = [fields for _, fields in shop.redis.xrange(AUDIT)]
    assert [(each[b"action"], each[b"result"], each.get(b"count")) for each in records] == [
        (b"retry", b"started", None),
        (b"retry", b"done", b"3"),
    ]
    assert records[0][b"target"] == f"{job.id}: where n < `4`".encode()
    assert (records[0][b"who"], records[0][b"reason"]) == (b"ann", b"bug 7")


def test_a_dry_run_counts_the_letters(shop: Project, command: Callable[..., Done]) -> None:
    done = command("dead", "retry", "--route", "guests", "--rate", "5/s", "--dry-run")
    assert done.out == "6 dead letters would be retried\n  events  6\n"
    done = command("dead", "retry", "--error", "nothing", "--rate", "5/s", "--dry-run", "--format", "json")
    assert json.loads(done.out) == {"dry_run": True, "letters": 0, "streams": {}}
    assert (len(left(shop)), shop.redis.exists(JOBS)) == (6, 0)


def test_letters_that_cannot_run_stay_with_the_reason(shop: Project, command: Callable[..., Done]) -> None:
    letter(shop, 7, route="gone")
    done = command("dead", "retry", "1700000000000-7", "1700000000000-1", "--rate", "5/s")
    assert (done.code, left(shop)) == (1, ["2-0", "3-0", "4-0", "5-0", "6-0", "7-0"])
    assert 'not retried: the route "gone" is not configured' in done.err


def test_a_job_stops_when_the_messages_fail_again_and_is_resumed(
    shop: Project, command: Callable[..., Done]
) -> None:
    """Letters 1 and 2 succeed, 3 and 4 fail as before; when the handler is mended, the rest goes on."""
    server = shop.start("serve").expect_log("stream events")
    done = command("dead", "retry", "--all", "--rate", "4/s", "--stop-after", "1", "--watch")
    job = job_of(shop)
    assert done.code == 1
    stopped = (
        f"{job.id} stopped: 1 of the retried messages failed again (1 dead letter again, in another way)"
    )
    assert stopped in done.out
    assert f"to go on: streamroute jobs resume {job.id}" in done.err
    assert job.count("retried") < 6
    failed = [row_id for row_id, _ in shop.redis.xrange(DEAD, min="1700000000001-0")]
    assert failed
    shop.write("mended", "")
    done = command("dead", "retry", "--resume", job.id, "--rate", "5/s")
    assert (done.code, "leave out --rate and --stop-after" in done.err) == (2, True)
    done = command("dead", "retry", "--resume", job.id, "--format", "json")
    ended = json.loads(done.out)
    assert (done.code, ended["status"], ended["counts"]["retried"]) == (0, "done", 6)
    letters = [row_id for row_id, _ in shop.redis.xrange(DEAD)]
    assert letters == failed, "what failed again is a new letter, which the job leaves"
    server.signal(signal.SIGTERM).end()
    assert sorted(shop.ledger) == [str(at) for at in range(1, 7)], "each message ran once"


def test_a_retry_that_was_not_watched_is_resumed_and_watched(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.write("mended", "")
    shop.start("serve").expect_log("stream events")
    assert "succeeded" not in command("dead", "retry", "--all", "--rate", "100/s").out
    job = job_of(shop)
    shop.redis.hset(JOBS, job.id, replace(job, state=JobState.STOPPED).pack())
    done = command("dead", "retry", "--resume", job.id, "--watch")
    assert (done.code, done.out.splitlines()[1]) == (0, "6 of 6: 6 retried, 6 succeeded")


def test_a_watched_job_says_how_many_succeeded(shop: Project, command: Callable[..., Done]) -> None:
    shop.start("serve").expect_log("stream events")
    done = command("dead", "retry", "--all", "--watch")
    assert done.code == 0
    assert done.out.splitlines()[1] == "6 of 6: 6 retried, 4 failed again, 2 succeeded"
    assert sorted(left(shop)) == ["3-0", "4-0", "5-0", "6-0"]


def test_a_failed_attempt_counts_before_it_is_a_dead_letter(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.routes("name: guests, type: t, handler: mend.handle, retry: {max_attempts: 9, delay: 1h}")
    shop.start("serve").expect_log("stream events")
    done = command(
        "dead", "retry", "1700000000000-3", "1700000000000-4", "--rate", "20/s", "--stop-after", "1"
    )
    if done.code == 0:  # both were queued before the first had failed
        wait_until(lambda: shop.redis.zcard("{events}:tests:due") == 2, "two delayed retries")
    else:
        assert "of the retried messages failed again" in done.out


def test_a_killed_job_retries_no_letter_twice(shop: Project, command: Callable[..., Done]) -> None:
    retrying = shop.start("dead", "retry", "--all", "--rate", "5/s")
    wait_until(lambda: len(left(shop)) < 5, "two letters are retried")
    retrying.process.kill()
    retrying.end()
    seen = taken(shop)
    job = job_of(shop)
    letter(shop, 9)
    shop.redis.hset(JOBS, f"{job.id}:runner", "gone:1:abc 1 9")  # as if its lock had ended
    shop.redis.xadd(DEAD, {"written": "later"})
    going_on = shop.start("jobs", "resume", job.id)
    while not going_on.has_ended:
        wait_until(lambda: shop.redis.xlen(RETRY) > 0 or going_on.has_ended, "the next letters")
        seen += taken(shop)
    assert going_on.end().code == 0
    seen += taken(shop)
    assert sorted(seen) == sorted(f"{at}-0" for at in (*range(1, 7), 9))
    assert shop.redis.xlen(DEAD) == 1, "a letter written after the start stays"


def taken(project: Project) -> list[str]:
    """Take what waits, as a worker does; return the ids of the entries."""
    rows: Any = project.redis.xrange(RETRY)
    for row_id, _ in rows:
        project.redis.xdel(RETRY, row_id)
    return [fields[b"name"].decode().partition("|")[0] for _, fields in rows]


def test_letters_of_several_streams_are_refused(shop: Project, command: Callable[..., Done]) -> None:
    head = (
        (shop.folder / "routes.yaml").read_text().replace("routes:\n", "  orders: {group: tests}\nroutes:\n")
    )
    shop.write("routes.yaml", head.replace("type: t,", "type: t, stream: [events, orders],"))
    other = DeadRecord(
        id="1-0", stream="orders", group="tests", route="guests", reason="failed", error="E", traceback="",
        attempt=1, deliveries=1, fields={},
    )  # fmt: skip
    shop.redis.xadd("{orders}:tests:dead", other.write())
    done = command("dead", "retry", "--all", "--rate", "5/s")
    assert done.code == 1
    assert "events has 6, orders has 1; add --stream NAME" in done.err
    assert shop.redis.exists(JOBS) == 0


@pytest.mark.parametrize(
    "selection",
    [
        {},
        *({"criteria": {"ids": "x"}}, {"criteria": {"where": "x"}}, {"criteria": {"nothing": []}}),
        *(
            {"criteria": {}, "where": 7},
            {"criteria": {}, "where": "n <"},
            {"criteria": {}, "stop_after": "9"},
        ),
    ],
)
def test_a_damaged_selection_is_an_error(
    shop: Project, command: Callable[..., Done], selection: dict[str, Any]
) -> None:
    shop.redis.hset(JOBS, "retry-1", Job(id="retry-1", kind="retry", selection=selection).pack())
    done = command("dead", "retry", "--resume", "retry-1")
    assert (done.code, len(done.err.splitlines()), len(left(shop))) == (1, 1, 6)


def test_a_wrong_command_line_is_a_usage_error(shop: Project, command: Callable[..., Done]) -> None:
    assert "select dead letters" in command("dead", "retry", "--rate", "5/s").err
    assert "is not a rate" in command("dead", "retry", "--all", "--rate", "5").err
    done = command("dead", "retry", "--resume", "x", "--rate", "5/s")
    assert (done.code, "leave out --rate" in done.err) == (2, True)
