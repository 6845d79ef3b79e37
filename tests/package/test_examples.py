"""The examples, served on the embedded server in a copy: their tables, their effects, and webhook events."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from projects import Done, Project
from repository import ROOT
from webhook_events import webhook_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def example(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """A copy of one of the examples, without what it may have kept of earlier runs."""
    folder = tmp_path / request.param
    left_out = shutil.ignore_patterns(".streamroute", "__pycache__", "*.db*")
    shutil.copytree(ROOT / "examples" / request.param, folder, ignore=left_out)
    with Project(folder, {"REDIS_URL": "", "OUTBOX": "outbox", "GITHUB_DB": "github.db"}) as project:
        yield project


bookings = pytest.mark.parametrize("example", ["bookings"], indirect=True)
github = pytest.mark.parametrize("example", ["github"], indirect=True)
each = pytest.mark.parametrize("example", ["bookings", "github"], indirect=True)


def counts(done: Done) -> dict[str, list[int]]:
    """The first table of a run: route -> matched, succeeded, failed."""
    assert done.code == 0, done.err
    rows = [line.split() for line in done.out.split("\n\n")[0].splitlines()[1:]]
    return {route: [int(number) for number in numbers] for _, route, *numbers in rows}


@each
def test_an_example_passes_the_check(example: Project) -> None:
    done = example.run("check", "--env")
    assert (done.code, done.out) == (0, ""), done.err


@each
def test_a_second_run_gives_the_same_table(example: Project) -> None:
    first, second = (example.run("serve", "--feed", "events.jsonl", "--drain") for _ in range(2))
    assert counts(first)
    assert second.out == first.out


@bookings
def test_bookings_are_confirmed_charged_and_refunded(example: Project) -> None:
    done = example.run("serve", "--feed", "events.jsonl", "--drain")
    assert counts(done) == {
        "charge": [3, 3, 0],
        "refund": [1, 1, 0],
        "welcome-vip": [1, 1, 0],
        "confirm": [3, 3, 0],
        "apologize": [1, 1, 0],
    }
    assert sorted((example.folder / "outbox").read_text().splitlines()) == [
        "ada@example.com: booking B-1 is confirmed",
        "ada@example.com: welcome back, Ada",
        "bank: charge 260 for booking B-3",
        "bank: charge 480 for booking B-1",
        "bank: charge 90 for booking B-2",
        "bank: refund 260 for booking B-3",
        "bob@example.com: booking B-2 is confirmed",
        "cleo@example.com: booking B-3 is confirmed",
        "cleo@example.com: we are sorry about booking B-3",
    ]


@bookings
def test_a_booking_that_can_never_be_charged_is_a_dead_letter_of_that_route_alone(example: Project) -> None:
    example.feed('{"type": "booking.confirmed", "booking": "B-9", "guest": {"email": "d@example.com"}}')
    done = example.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert (example.folder / "outbox").read_text() == "d@example.com: booking B-9 is confirmed\n"
    assert "route charge failed permanently (attempt 1): the booking has no price" in done.err


@github
def test_webhook_events_are_kept_by_collection(example: Project) -> None:
    done = example.run("serve", "--feed", "events.jsonl", "--drain")
    table = counts(done)
    assert {route: row[1] for route, row in table.items() if row[1]} == {
        "pushes-to-default-branch": 1,
        "issues": 2,
        "bug-reports": 1,
        "pull-requests": 1,
        "large-pull-requests": 1,
        "failed-checks": 1,
        "releases": 1,
    }
    assert kept(example) == {
        "pushes": 1, "issues": 2, "bugs": 1, "pulls": 1, "large_pulls": 1, "failures": 1, "releases": 1,
    }  # fmt: skip


def kept(example: Project) -> dict[str, int]:
    """How many events each collection of the database holds."""
    with closing(sqlite3.connect(example.folder / "github.db")) as database:
        return dict(database.execute("SELECT collection, count(*) FROM events GROUP BY collection"))


# Events in the shape of GitHub's webhooks: the routes' results, and a count made without the routes


EVENTS = webhook_events()

Wanted = tuple[set[str], "Callable[[Any], bool]", str]
"""Types, what else must hold, and the collection that it goes to."""


def of(*names: str) -> set[str]:
    return {f"github.{name}" for name in names}


def to_default_branch(event: Any) -> bool:
    branch = event["repository"]["default_branch"]
    return event["ref"] == f"refs/heads/{branch}" and not event["deleted"]


def is_bug(event: Any) -> bool:
    return any("bug" in label["name"] for label in event["issue"]["labels"])


def is_large(event: Any) -> bool:
    pull = event["pull_request"]
    return bool(pull["additions"] + pull["deletions"] > 1000 or pull["changed_files"] > 50)


def has_failed(event: Any) -> bool:
    subject = event.get("check_run") or event.get("check_suite") or event["workflow_run"]
    return bool(subject["conclusion"] == "failure")


def is_final(event: Any) -> bool:
    return not event["release"]["prerelease"] and not event["release"]["draft"]


def anything(event: Any) -> bool:
    return True


WANTED: dict[str, Wanted] = {
    "pushes-to-default-branch": (of("push"), to_default_branch, "pushes"),
    "issues": (
        of("issues.opened", "issues.closed", "issues.reopened", "issues.edited"),
        anything,
        "issues",
    ),
    "bug-reports": (of("issues.opened", "issues.labeled", "issues.edited"), is_bug, "bugs"),
    "pull-requests": (
        of("pull_request.opened", "pull_request.closed", "pull_request.reopened"),
        lambda event: event["pull_request"]["draft"] is False,
        "pulls",
    ),
    "large-pull-requests": (
        of("pull_request.opened", "pull_request.ready_for_review"),
        is_large,
        "large_pulls",
    ),
    "failed-checks": (
        of("check_run.completed", "check_suite.completed", "workflow_run.completed"),
        has_failed,
        "failures",
    ),
    "releases": (of("release.published"), is_final, "releases"),
    "alerts": (
        of("dependabot_alert.created", "code_scanning_alert.created", "secret_scanning_alert.created"),
        anything,
        "alerts",
    ),
}


@pytest.fixture
def feed(tmp_path: Path) -> str:
    """The path of a file of all of them, one a line."""
    path = tmp_path / "webhook-events.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in EVENTS), encoding="utf-8")
    return str(path)


def matching(wanted: Wanted) -> int:
    types, holds, _ = wanted
    return sum(event["type"] in types and holds(event) for event in EVENTS)


@github
def test_webhook_events_are_routed_as_an_independent_count_expects(example: Project, feed: str) -> None:
    done = example.run("serve", "--feed", feed, "--drain")
    expected = {route: matching(wanted) for route, wanted in WANTED.items()}
    assert counts(done) == {route: [count, count, 0] for route, count in expected.items()}
    assert f"published {len(EVENTS)} events" in done.err
    collections = {WANTED[route][2]: count for route, count in expected.items() if count}
    assert kept(example) == collections
    assert collections.keys() == {wanted[2] for wanted in WANTED.values()}


@github
def test_webhook_events_of_unlisted_types_are_counted(example: Project, feed: str) -> None:
    done = example.run("serve", "--feed", feed, "--drain")
    listed = set().union(*(types for types, _, _ in WANTED.values()))
    others = [event["type"] for event in EVENTS if event["type"] not in listed]
    message = f"no route lists its type: {len(others)} messages of {len(set(others))} types"
    assert message in done.out.splitlines()[-1]


@github
def test_a_worker_killed_during_webhook_events_loses_none(example: Project, feed: str) -> None:
    """The second worker finishes what the first held, and each event is kept once."""
    routes = example.folder / "routes.yaml"
    quick = "group: warehouse\n    lease: 1s\n    claim_interval: 100ms"
    routes.write_text(routes.read_text().replace("group: warehouse", quick))
    store = example.folder / "webhooks" / "store.py"
    store.write_text(store.read_text() + KILLED_AFTER_TEN)
    example.env["DIES"] = "yes"
    killed = example.run("serve", "--feed", feed, "--drain")
    assert killed.code == -9
    assert sum(kept(example).values()) == 10
    example.env["DIES"] = ""
    done = example.run("serve", "--drain")
    assert done.code == 0, done.err
    expected = {wanted[2]: matching(wanted) for wanted in WANTED.values()}
    assert kept(example) == {name: count for name, count in expected.items() if count}


KILLED_AFTER_TEN = """

import itertools
import signal

_count = itertools.count(1)
_record = record


async def record(payload: Message, database: sqlite3.Connection, *, collection: str) -> None:
    await _record(payload, database, collection=collection)
    if os.environ["DIES"] and next(_count) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
"""
