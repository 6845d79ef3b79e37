"""The list of services says which of them needs help."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from boards import Pages
from streamroute.board.service_summary import ServiceSummary, summarize
from streamroute.errors import RedisUnavailableError

if TYPE_CHECKING:
    from projects import Project
    from streamroute.board.service import BoardService
    from streamroute.ops.status.stream_status import Status

FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 1}"


def test_the_summary_of_a_service_has_its_dead_letters_pauses_and_workers(project: Project) -> None:
    project.routes(FAIL)
    project.run("serve", "--feed", str(project.feed(json.dumps({"type": "f", "n": 1}))), "--drain")
    project.run("pause", "fails")
    project.run("publish", "events", str(project.feed(json.dumps({"type": "f", "n": 2}))))
    found = Pages(project).of_service(summarize)
    assert (found.waiting, found.dead, found.paused, found.workers) == (1, 1, 1, 0)
    assert found.problem == ""


async def test_a_service_whose_server_is_away_has_a_problem() -> None:
    class Away:
        async def status(self) -> Status:
            raise RedisUnavailableError("Redis at redis://host does not answer")

    service = cast("BoardService", Away())
    assert await summarize(service) == ServiceSummary(
        service, problem="Redis at redis://host does not answer"
    )
