"""Dead letters of the tests' project, written as an earlier release wrote them: no index counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.entries.dead_record import DeadRecord

if TYPE_CHECKING:
    from projects import Project

DEAD = "{events}:tests:dead"
FAILURES = "{events}:tests:failures"
OK, FAIL = "name: ok, type: t, handler: jobs.ok", "name: fail, type: t, handler: jobs.fail"


def record(**facts: Any) -> DeadRecord:
    """Return a dead letter of the route ``fail``."""
    usual: dict[str, Any] = {
        "id": "7-0", "stream": "events", "group": "tests", "route": "fail", "reason": "failed",
        "error": "E: x", "traceback": "", "attempt": 2, "deliveries": 1,
        "fields": {b"type": b"t", b"data": b'{"n": 1}'},
    }  # fmt: skip
    return DeadRecord(**(usual | facts))


def put(project: Project, letter_id: str = "*", **facts: Any) -> str:
    """Write a dead letter; return its id."""
    entry_id: bytes = project.redis.xadd(DEAD, record(**facts).write(), id=letter_id)
    return entry_id.decode()


def left(project: Project) -> list[str]:
    """Return the ids of all dead letters, oldest first."""
    return [entry_id.decode() for entry_id, _ in project.redis.xrange(DEAD)]
