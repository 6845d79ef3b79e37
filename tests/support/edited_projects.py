"""A project whose routes.yaml is edited while ``serve`` runs it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from projects import ROUTES

if TYPE_CHECKING:
    from projects import Project, Running

ONE = "name: ok, type: t, handler: jobs.ok, with: {to: one}"
TWO = ONE.replace("one", "two")


def publish(project: Project, n: int, kind: str = "t") -> None:
    """Publish a message of this type with a number."""
    project.redis.xadd("events", {"type": kind, "data": f'{{"n": {n}}}'})


def edit(project: Project, *routes: str) -> None:
    """Replace routes.yaml by a renamed file, as editors do."""
    project.write("new.yaml", ROUTES + "".join(f"  - {{{route}}}\n" for route in routes))
    (project.folder / "new.yaml").replace(project.folder / "routes.yaml")


def served(project: Project, *arguments: str, more: str = "", **settings: Any) -> Running:
    """Start to serve the first route, and one more if given; ``settings`` are Popen's."""
    routes = [ONE, more] if more else [ONE]
    project.routes(*routes)
    running = project.start("serve", *arguments, **settings)
    return running.expect_log(f"stream events, group tests: {len(routes)} route")


def serve_an_edit(project: Project, running: Running) -> None:
    """Publish, edit the route of a service that follows its files, and publish again; each goes its way."""
    publish(project, 1)
    project.notes("one 1")
    edit(project, TWO)
    running.expect_log("(file change): 1 route changed: ok")
    publish(project, 2)
    project.notes("two 2")


def without_terminal() -> None:
    """Make a process that reloads at SIGHUP; for ``preexec_fn``."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
