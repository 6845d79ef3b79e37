"""Every process of a service leaves its generation in Redis, as long as it is alive."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from edited_projects import without_terminal
from projects import SHORT_LEASE
from servers import wait_until
from streamroute.adapters.groups.generations import generations_of
from streamroute.adapters.redis.connection import open_redis

if TYPE_CHECKING:
    from projects import Project

ONE = "name: ok, type: t, handler: jobs.ok"


def alive(project: Project) -> list[str]:
    """Return the generation of each live process."""

    async def read() -> dict[str, str]:
        async with open_redis(project.env["REDIS_URL"], folder=project.folder) as redis:
            return await generations_of(redis, "events", "tests")

    return list(asyncio.run(read()).values())


def test_the_generation_of_a_killed_process_expires_with_its_heartbeat(each_project: Project) -> None:
    project = each_project
    project.routes(ONE, head=SHORT_LEASE)
    first = project.start("serve").expect_log("this is generation")
    wait_until(lambda: len(alive(project)) == 1, "its generation")
    old = alive(project)
    project.routes(ONE, "name: more, type: u, handler: jobs.ok", head=SHORT_LEASE)
    second = project.start("serve").expect_log("this is generation")
    wait_until(lambda: len(alive(project)) == 2, "both generations")
    first.process.kill()
    wait_until(lambda: len(alive(project)) == 1, "the end of the first one's heartbeat")
    [new] = alive(project)
    assert f"this is generation {new}" in second.err
    assert [new] != old
    assert second.signal(signal.SIGTERM).end().code == 0
    assert alive(project) == [], "one that stops does not wait for its lease"


@pytest.mark.processes
def test_every_worker_leaves_the_generation_that_it_runs(project: Project) -> None:
    project.routes(ONE, head=SHORT_LEASE)
    running = project.start("serve", "--workers", "2", preexec_fn=without_terminal)
    running.expect_log("this is generation")
    wait_until(lambda: len(alive(project)) == 2, "both workers")
    [generation] = set(alive(project))
    names = set(project.redis.hgetall("{events}:tests:generations"))
    project.routes(ONE.replace("ok,", "other,"), head=SHORT_LEASE)
    running.signal(signal.SIGHUP).expect_log("(SIGHUP): ")
    wait_until(lambda: len(set(alive(project)) - {generation}) == 1, "the reload")
    assert set(project.redis.hgetall("{events}:tests:generations")) == names, "the workers live on"
    assert running.signal(signal.SIGTERM).end().code == 0
    assert alive(project) == []
