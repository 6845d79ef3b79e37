"""Pipelines of configurations with shadows and canaries, whose handlers note what they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from consuming import GROUP, STREAM
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.core.observer import Observer, ignore_result
from streamroute.errors import Reject, Retry
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.stream_pipeline import Pipeline, build_pipeline

HEAD = f"version: 1\nstreams: {{{STREAM}: {{group: {GROUP}, retry: {{delay: 10ms, jitter: 0}}}}}}\nroutes:\n"
NOTE = f"{__name__}:note"
"""The handler of the routes below: it notes its argument ``as_`` with the message's number."""
OLD = f"- {{name: old, type: t, handler: '{NOTE}', with: {{as_: old}}}}\n"
NEW = (
    f"- {{name: new, type: t, handler: '{NOTE}', with: {{as_: new}}, instead_of: old, "
    "canary: {percent: PERCENT, key: guest.id}}\n"
)


class Noted:
    """The container of the handlers: what ran, as (route, number, attempt), and what to do then."""

    def __init__(self, then: Callable[[str, Any], object] | None = None) -> None:
        self.ran: list[tuple[str, Any, int]] = []
        self.then = then

    def routes(self, number: Any) -> list[str]:
        """Return the routes that ran for the message of this number."""
        return [route for route, n, _ in self.ran if n == number]


CURRENT: list[Noted] = []
"""What ``current`` returns: the last one."""


def current() -> Noted:
    """Return the container of an app: the factory of a configuration."""
    return CURRENT[-1]


async def note(payload: Any, container: Noted, *, as_: str) -> None:
    """Note the run; the container may raise."""
    container.ran.append((as_, payload.get("n"), getattr(payload, "attempt", 1)))
    if container.then is not None:
        container.then(as_, payload)


def reject(_route: str, _payload: Any) -> None:
    """Fail for good."""
    raise Reject("no")


def retry(_route: str, _payload: Any) -> None:
    """Fail for now."""
    raise Retry(0.01)


def routes_of(percent: float, *others: str) -> str:
    """Return the text of a canary ``new`` beside ``old``, and of other routes."""
    return OLD + NEW.replace("PERCENT", str(percent)) + "".join(others)


def pipeline_of(
    folder: Path,
    routes: str,
    container: object = None,
    observer: Observer = ignore_result,
    incidents: Incidents = LOG_ONLY,
    head: str = HEAD,
) -> Pipeline:
    """Return the pipeline of the tests' stream in a configuration with these routes, which has no errors."""
    (folder / "routes.yaml").write_text(head + routes)
    found = check_path(folder)
    assert found.compiled is not None, found.findings
    assert found.findings == (), [str(finding) for finding in found.findings]
    routers = found.compiled.routers_in(RuntimeContext({}, validated=True))[STREAM]
    stream = found.compiled.document.streams[STREAM]
    return build_pipeline(stream, found.compiled, routers, container, observer, incidents)
