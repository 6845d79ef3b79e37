"""The app as a target: a candidate that cannot be prepared is refused, and nothing is committed."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from reload_fakes import candidate
from reloads import Reloadable, reloadable
from streamroute.errors import SetupError
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.app_target import AppTarget
from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.loaded import FindingsText
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.reloader import Reloader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from streamroute.app import App
    from streamroute.ops.reload.result import ReloadResult


class FakeApp:
    """Prepares a generation, or raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.generation = "a"
        self.committed: list[object] = []
        self.error = error

    async def prepare(self, document: object, compiled: object) -> object:
        if self.error is not None:
            raise self.error
        return "prepared"

    def commit(self, prepared: object) -> None:
        self.committed.append(prepared)
        self.generation = "b"


def target_of(app: FakeApp) -> AppTarget:
    any_app: Any = app
    return AppTarget(any_app)


async def test_a_prepared_candidate_is_committed() -> None:
    app = FakeApp()
    target = target_of(app)
    await target.apply(candidate("b"))
    assert (app.committed, target.generation) == (["prepared"], "b")


async def test_a_candidate_that_cannot_be_prepared_is_refused() -> None:
    app = FakeApp(SetupError("container shop.build failed: ValueError: no DSN"))
    with pytest.raises(ReloadRefusedError, match="no DSN"):
        await target_of(app).apply(candidate("b"))
    assert app.committed == []


# On a real app


CONTAINERS = """
import asyncio, sys, time
from contextlib import asynccontextmanager

def raises():
    raise ValueError("no DSN")

def exits():
    sys.exit(3)

async def cancels():
    raise asyncio.CancelledError

begun = []

async def hangs():
    begun.append(True)
    await asyncio.Event().wait()

@asynccontextmanager
async def enters_and_raises():
    raise KeyError("DSN")
    yield
"""


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    (tmp_path / "containers.py").write_text(CONTAINERS)
    yield from reloadable(tmp_path, redis_url)


def config(name: str, container: str = "held.build", group: str = "g") -> str:
    return f"""
container: {container}
streams: {{events: {{group: {group}}}}}
routes: [{{name: {name}, type: t, handler: held.note, with: {{by: {name}}}}}]
"""


class Service:
    """A running app and its reloader; ``reload`` writes a configuration first."""

    def __init__(self, project: Reloadable, app: App, start: Candidate, loader: CandidateLoader) -> None:
        self.project, self.app = project, app
        self.status = ReloadStatus(start.generation)
        self.reloader = Reloader(start, AppTarget(app), loader, self.status)

    async def reload(self, text: str) -> ReloadResult:
        self.project.checked(text)
        return await self.reloader.reload(ReloadCause.HANGUP)


@asynccontextmanager
async def service(project: Reloadable) -> AsyncIterator[Service]:
    """Run an app that reloads; assert that its reloads leave no task behind."""
    async with project.running(config("one")) as app:
        loader = CandidateLoader(project.folder / "routes.yaml", lambda *_: FindingsText("findings"))
        start = loader(ReloadCause.START, None, None).candidate
        assert start is not None
        tasks = asyncio.all_tasks()
        running = Service(project, app, start, loader)
        async with running.reloader:
            yield running
        await eventually(
            lambda: not [task for task in asyncio.all_tasks() - tasks if "container" in str(task)]
        )


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("raises", "container containers.raises failed: ValueError: no DSN"),
        ("exits", "container containers.exits failed: SystemExit: 3"),
        ("cancels", "container containers.cancels failed: CancelledError"),
        ("enters_and_raises", "container containers.enters_and_raises failed: KeyError: 'DSN'"),
    ],
)
async def test_a_container_that_fails_refuses_the_reload(
    project: Reloadable, container: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(project) as running:
        before = running.app.generation
        result = await running.reload(config("two", f"containers.{container}"))
        assert (result.outcome, running.app.generation) == ("refused", before)
        assert result.message.endswith(f"keeps running: {reason}")
        assert [line for line in caplog.messages if "refused" in line] == [result.message]
        await project.publish(1)
        await eventually(lambda: project.ended() == {1: ("one", 1)})
        assert (await running.reload(config("three"))).outcome == "applied"
        await project.publish(2)
        await eventually(lambda: project.ended().get(2) == ("three", 2))
        assert running.status.counts == {"refused": 1, "applied": 1}


async def test_a_reload_that_waits_for_a_container_is_dropped_by_a_stop(project: Reloadable) -> None:
    async with service(project) as running:
        project.checked(config("two", "containers.hangs"))
        result = running.reloader.request(ReloadCause.HANGUP)
        await eventually(lambda: getattr(sys.modules.get("containers"), "begun", None))
    assert result.cancelled()


async def test_a_changed_group_is_refused_whole(project: Reloadable) -> None:
    async with service(project) as running:
        before = running.app.generation
        result = await running.reload(config("two", group="other"))
        assert (result.outcome, running.app.generation) == ("refused", before)
        assert running.status.is_last_successful is False
