"""Hundreds of reloads leave no threads, files or objects behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from reloads import Reloadable, reloadable
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.app_target import AppTarget
from streamroute.ops.reload.candidate import ReloadCause
from streamroute.ops.reload.loaded import FindingsText
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.reloader import Reloader

if TYPE_CHECKING:
    from streamroute.app import App

RELOADS = 200


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def config(number: int) -> str:
    """A configuration whose filter, transform and settings differ from those of other numbers."""
    return f"""
container: held.build
streams: {{events: {{group: g, concurrency: {4 + number % 2}, lease: {60 + number // 10}s}}}}
routes:
- name: r
  type: t
  filter: n >= `0` && n != `-{number + 1}`
  transform: "{{n: n, of: `{number}`}}"
  handler: held.note
  with: {{by: r{number}}}
"""


def dispatcher(app: App) -> Any:
    """The dispatcher of the current generation: it holds all routes."""
    return app.services["events"].pipelines.current.dispatcher


@contextmanager
def no_collections() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_a_replaced_generation_is_freed_without_a_search_for_cycles(project: Reloadable) -> None:
    """Which ``serve`` avoids, since it stops the process for the longer the more routes there are."""
    async with project.running(config(0)) as app:
        with no_collections():
            known = weakref.ref(dispatcher(app))
            await project.publish(1)
            await eventually(lambda: 1 in project.ended())
            await project.reload(config(1))
            await project.publish(2)
            await eventually(lambda: 2 in project.ended())
            await eventually(lambda: known() is None)


def handles() -> tuple[int, int]:
    """Return the number of threads, and of open files where the system lists them."""
    files = Path("/proc/self/fd")
    return threading.active_count(), len([*files.iterdir()]) if files.exists() else 0


@pytest.mark.deep
async def test_hundreds_of_reloads_leave_nothing_behind(project: Reloadable) -> None:
    loader = CandidateLoader(project.folder / "routes.yaml", lambda *_: FindingsText())
    known: weakref.WeakSet[Any] = weakref.WeakSet()
    early = (0, 0)
    async with project.running(config(0)) as app:
        running = loader(ReloadCause.START, None, None).candidate
        assert running is not None
        async with Reloader(running, AppTarget(app), loader, ReloadStatus(running.generation)) as reloader:
            for number in range(1, RELOADS + 1):
                is_good = number % 5 != 0
                project.write(config(number) if is_good else config(number).replace("handler", "handlr"))
                result = await reloader.reload(ReloadCause.COMMAND)
                assert result.is_ok is is_good, result.message
                known.add(dispatcher(app))
                await project.publish(number)
                await eventually(partial(project.has_ended, number))
                if number == RELOADS // 10:
                    await eventually(lambda: not app.old_generations())
                    early = handles()
            await eventually(lambda: not app.old_generations())
            gc.collect()
            threads, files = handles()
            assert threads == early[0]
            assert files <= early[1] + 1, "Redis may have one connection more"
            assert len(known) <= 2, "this generation's, and that of a message that ends"
            assert len(asyncio.all_tasks()) < 20
    assert sorted(project.handlers.closed) == sorted(project.handlers.opened)
