"""``streamroute jobs``: the jobs of a configuration are listed, stopped and resumed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streamroute.adapters.jobs.job import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

JOBS, AUDIT = "{events}:tests:jobs", "{events}:tests:audit"
SELECTION = {"routes": ["ok"], "start": "1-0", "end": "9-0", "filter": None, "no_filter": False}
JOB = Job(
    id="night", kind="replay", who="ann", created=1_700_000_000_000, selection=SELECTION, total=9,
    counts={"looked_at": 4, "queued": 3, "not_chosen": 1}, cursor="4-0",
)  # fmt: skip


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with an interrupted job, which is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes("name: ok, type: t, handler: jobs.ok")
    project.redis.hset(JOBS, "night", JOB.pack())
    return project


def test_no_jobs(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.delete(JOBS)
    assert command("jobs", "list").out == "no jobs\n"
    assert json.loads(command("jobs", "list", "--format", "json").out) == {"jobs": []}


def test_jobs_are_listed_with_their_progress(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.hset(JOBS, "odd", "\x1b[31m")
    done = command("jobs", "list")
    head, line = done.out.splitlines()
    assert head.split() == ["id", "kind", "stream", "status", "created", "who", "progress", "reason"]
    assert line.startswith("night  replay  events  interrupted  2023-11-14T22:13:20+00:00  ann")
    assert "4 of about 9: 3 queued, 1 not chosen" in line
    assert "the job odd in {events}:tests:jobs is ignored" in done.err


def test_json_has_every_fact(shop: Project, command: Callable[..., Done]) -> None:
    [job] = json.loads(command("jobs", "list", "--format", "json").out)["jobs"]
    assert job == {
        "id": "night",
        "kind": "replay",
        "stream": "events",
        "status": "interrupted",
        "reason": "",
        "who": "ann",
        "created": "2023-11-14T22:13:20+00:00",
        "rate": None,
        "selection": SELECTION,
        "cursor": "4-0",
        "total": 9,
        "counts": {"looked_at": 4, "queued": 3, "not_chosen": 1},
        "process": "",
    }


def test_a_job_is_stopped_and_the_action_recorded(shop: Project, command: Callable[..., Done]) -> None:
    assert command("jobs", "stop", "night", "--as", "bob").out == "night is stopped\n"
    assert Job.unpack(shop.redis.hget(JOBS, "night")).reason == "stopped by bob"
    [(_, fields)] = shop.redis.xrange(AUDIT)
    assert (fields[b"who"], fields[b"action"], fields[b"target"]) == (b"bob", b"job stop", b"night")
    done = command("jobs", "stop", "night")
    assert (done.code, "is not running: it is stopped" in done.err) == (1, True)


def test_a_job_that_does_not_exist_is_an_error(shop: Project, command: Callable[..., Done]) -> None:
    for action in ("stop", "resume"):
        done = command("jobs", action, "day")
        assert (done.code, 'there is no job "day"' in done.err) == (1, True)


def test_a_job_goes_on_after_its_cursor(shop: Project, command: Callable[..., Done]) -> None:
    for at in range(1, 8):
        shop.redis.xadd("events", {"type": "t", "data": "{}"}, id=f"{at}-0")
    done = command("jobs", "resume", "night", "--as", "bob")
    assert (done.code, done.out) == (0, "night done\n7 of 7: 6 queued, 1 not chosen\n")
    assert shop.redis.xlen("{events}:tests:retry") == 3
    done = command("jobs", "resume", "night")
    assert (done.code, "is done; it does not run twice" in done.err) == (1, True)


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "flight"},
        *({"selection": {**SELECTION, "start": 7}}, {"selection": {}}, {"cursor": "x"}),
        {"selection": {**SELECTION, "routes": ["gone"]}},
    ],
)
def test_a_job_that_cannot_go_on_says_why(
    shop: Project, command: Callable[..., Done], damage: dict[str, object]
) -> None:
    facts = json.loads(JOB.pack()) | damage
    shop.redis.hset(JOBS, "night", json.dumps(facts))
    done = command("jobs", "resume", "night")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert any(words in done.err for words in ("cannot resume", "is damaged", "is not configured"))
    assert Job.unpack(shop.redis.hget(JOBS, "night")).state is JobState.RUNNING
