"""The reloader: one reload at a time, and nothing happens to the running generation unless it succeeds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reload_fakes import FakeLoader, FakeTarget, candidate, record
from servers import wait_until
from streamroute.errors import RedisUnavailableError
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.candidate import (
    Candidate,
    ReloadCause,
    ReloadInterruptedError,
    ReloadRefusedError,
)
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.reload.reloader import Reloader
from streamroute.ops.reload.result import ReloadResult
from streamroute.ops.reload.watched_files import Watched, WatchedFiles
from streamroute.system.waiting import wait_for_event


def reload_threads() -> list[threading.Thread]:
    """The threads of reloads that are alive."""
    return [thread for thread in threading.enumerate() if thread.name == "streamroute reload"]


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    wait_until(lambda: not reload_threads(), "the end of the reload's threads")


class Bench:
    """A reloader with its fakes."""

    def __init__(self, **settings: Any) -> None:
        self.target, self.loader = FakeTarget(), FakeLoader()
        self.status = ReloadStatus("a", clock=lambda: 100.0)
        self.read: list[Watched] = []
        self.applied: list[Candidate] = []
        self.has_applied = asyncio.Event()
        hooks = ReloadHooks(files_read=self.read.append, applied=self._on_applied, describe=_describe)
        self.reloader = Reloader(candidate("a"), self.target, self.loader, self.status, hooks, **settings)

    def _on_applied(self, new: Candidate) -> None:
        self.applied.append(new)
        self.has_applied.set()

    async def load(self, disk: str, cause: ReloadCause = ReloadCause.HANGUP) -> ReloadResult:
        """Reload after the disk's content became this."""
        self.loader.disk = disk
        return await self.reloader.reload(cause)


def _describe(before: Candidate, after: Candidate) -> str:
    return f"{before.generation} became {after.generation}"


@asynccontextmanager
async def bench(**settings: Any) -> AsyncIterator[Bench]:
    made = Bench(**settings)
    tasks = asyncio.all_tasks()
    async with made.reloader:
        yield made
    assert asyncio.all_tasks() == tasks


async def test_a_good_candidate_is_applied_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with bench() as on:
        result = await on.load("b")
        assert (result.outcome, result.before, result.generation, result.is_ok) == ("applied", "a", "b", True)
        assert on.target.history == ["a", "b"]
        assert on.reloader.running.generation == "b"
        assert [each.generation for each in on.applied] == ["b"]
        assert (on.status.generation, on.status.is_last_successful) == ("b", True)
        assert on.status.counts == {"applied": 1}
    assert result.message.startswith("reloaded a -> b in 0.")
    assert result.message.endswith("s (SIGHUP): a became b")
    assert result.message in caplog.text


async def test_a_candidate_with_errors_changes_nothing_and_its_findings_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as on:
        result = await on.load("bad1", ReloadCause.FILES)
        assert (result.outcome, result.generation, result.findings) == ("refused", "a", "bad1")
        assert on.target.history == ["a"]
        assert on.status.is_last_successful is False
        assert on.status.counts == {"refused": 1}
        assert on.read == [WatchedFiles({"bad1": None})]
    lines = caplog.messages
    assert lines == [
        "routes.yaml:1:1: error: bad1",
        "reload (file change) refused, generation a keeps running: 1 error in routes.yaml",
    ]


async def test_what_runs_already_is_left_alone() -> None:
    async with bench() as on:
        await on.load("bad")
        result = await on.load("a")
        assert (result.outcome, result.is_ok) == ("unchanged", True)
        assert on.target.history == ["a"]
        assert on.status.is_last_successful is True
        assert on.applied == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReloadRefusedError("the group of events changed"), "the group of events changed"),
        (RedisUnavailableError("Redis is away"), "Redis is away"),
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"),
    ],
)
async def test_a_target_that_cannot_apply_it_keeps_its_generation(error: Exception, reason: str) -> None:
    async with bench() as on:
        on.target.error = error
        result = await on.load("b")
        assert (result.outcome, result.generation) == ("refused", "a")
        assert result.message.endswith(f"generation a keeps running: {reason}")
        assert on.reloader.running.generation == "a"
        on.target.error = None
        assert (await on.load("b")).outcome == "applied"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ValueError("odd"), MemoryError()])
async def test_a_loader_that_raises_refuses_the_reload(error: BaseException) -> None:
    async with bench() as on:
        on.loader.error = error
        result = await on.load("b")
        assert result.outcome == "refused"
        assert f"could not load the configuration: {type(error).__name__}" in result.message
        on.loader.error = None
        assert (await on.load("b")).outcome == "applied"


async def test_what_a_swap_means_is_reported_before_it() -> None:
    on = Bench()
    seen: list[tuple[str, str, list[str]]] = []

    async def before_swap(running: Candidate, new: Candidate) -> None:
        seen.append((running.generation, new.generation, [*on.target.history]))

    hooks = ReloadHooks(before_swap=before_swap)
    async with Reloader(candidate("a"), on.target, on.loader, on.status, hooks) as reloader:
        on.loader.disk = "b"
        assert (await reloader.reload(ReloadCause.HANGUP)).outcome == "applied"
        await reloader.reload(ReloadCause.HANGUP)
    assert seen == [("a", "b", ["a"])]


async def test_requests_during_a_reload_are_one_more_reload() -> None:
    async with bench() as on:
        on.loader.may_go_on.clear()
        on.loader.disk = "b"
        first = on.reloader.request(ReloadCause.HANGUP)
        await asyncio.to_thread(on.loader.has_begun.wait)
        on.loader.disk = "c"
        more = [on.reloader.request(ReloadCause.HANGUP) for _ in range(100)]
        on.loader.may_go_on.set()
        results = await asyncio.gather(first, *more)
        assert [result.generation for result in results] == ["b"] + ["c"] * 100
        assert on.target.history == ["a", "b", "c"]
        assert len(on.loader.causes) == 2


async def test_a_record_is_loaded_instead_of_the_files() -> None:
    async with bench() as on:
        result = await on.reloader.reload(ReloadCause.ROLLBACK, record("z"))
        assert (result.outcome, result.generation) == ("applied", "z")
        assert on.read == [], "the files on disk were not read"


async def test_a_request_for_another_record_is_not_merged() -> None:
    async with bench() as on:
        results = await asyncio.gather(
            on.reloader.reload(ReloadCause.ROLLBACK, record("y")),
            on.reloader.reload(ReloadCause.ROLLBACK, record("z")),
        )
        assert [result.generation for result in results] == ["y", "z"]


async def test_loading_that_hangs_is_refused_until_it_ends() -> None:
    async with bench(patience=0.05) as on:
        on.loader.may_go_on.clear()
        result = await on.load("b")
        assert "did not end within 0.05 s" in result.message
        again = await on.load("b")
        assert "the one before it has not ended yet" in again.message
        assert len(reload_threads()) == 1, "no further thread is started"
        on.loader.may_go_on.set()
        wait_until(lambda: not reload_threads(), "the end of the thread")
        assert on.target.history == ["a"], "what came too late is not applied"
        assert (await on.load("c")).outcome == "applied"


async def test_files_that_change_while_loading_hangs_are_loaded_when_it_ends() -> None:
    """The watcher reports a change once: the user has mended the file, and waits for it."""
    async with bench(patience=0.05) as on:
        on.loader.may_go_on.clear()
        assert "did not end" in (await on.load("hangs", ReloadCause.FILES)).message
        assert "not ended yet" in (await on.load("b", ReloadCause.FILES)).message
        on.loader.may_go_on.set()
        assert await wait_for_event(on.has_applied, 60)
        assert on.target.history == ["a", "b"]
        assert on.loader.causes == [ReloadCause.FILES] * 2


def interrupt(target: FakeTarget, times: int) -> None:
    """Have a target refuse its next candidates for a reason that passes."""
    apply = target.apply
    left = iter(range(times))

    async def interrupted(new: Candidate) -> None:
        if next(left, None) is not None:
            raise ReloadInterruptedError("worker 2 has ended")
        await apply(new)

    target.apply = interrupted  # type: ignore[method-assign]  # of this fake alone


async def test_a_reload_that_was_interrupted_is_tried_again_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file is reported once: without that, an edit that is good would not be live until the next one."""
    async with bench(retry_pause=0.01) as on:
        interrupt(on.target, 1)
        result = await on.load("b", ReloadCause.FILES)
        assert result.message == (
            "reload (file change) refused, generation a keeps running: worker 2 has ended; "
            "trying again in 0.01 s"
        )
        assert result.message in caplog.messages
        assert await wait_for_event(on.has_applied, 60)
        assert on.target.history == ["a", "b"]
        assert on.loader.causes == [ReloadCause.FILES] * 2
        assert on.status.is_last_successful is True


async def test_an_interrupted_rollback_is_tried_again_with_its_record() -> None:
    async with bench(retry_pause=0.01) as on:
        interrupt(on.target, 1)
        assert not (await on.reloader.reload(ReloadCause.ROLLBACK, record("z"))).is_ok
        assert await wait_for_event(on.has_applied, 60)
        assert on.target.history == ["a", "z"]


async def test_what_is_interrupted_twice_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A configuration that kills workers must not do so for ever."""
    async with bench(retry_pause=0.01) as on:
        interrupt(on.target, 2)
        await on.load("b")
        await asyncio.to_thread(wait_until, lambda: len(caplog.messages) == 2, "the second try")
        assert caplog.messages[1].endswith("generation a keeps running: worker 2 has ended")
        assert (await on.load("c")).outcome == "applied"
        assert on.target.history == ["a", "c"]


async def test_another_request_replaces_the_second_try() -> None:
    async with bench(retry_pause=0.01) as on:
        interrupt(on.target, 1)
        await on.load("b")
        on.target.may_go_on.clear()
        following = on.reloader.request(ReloadCause.ROLLBACK, record("c"))
        await on.target.waiting.wait()
        await asyncio.sleep(0.05)  # the second try would be due
        on.target.may_go_on.set()
        await following
        await on.reloader.reload(ReloadCause.ROLLBACK, record("d"))
        assert on.target.history == ["a", "c", "d"]


async def test_a_request_that_waits_already_replaces_the_second_try() -> None:
    async with bench(retry_pause=0.01) as on:
        interrupt(on.target, 1)
        results = await asyncio.gather(
            on.reloader.reload(ReloadCause.ROLLBACK, record("y")),
            on.reloader.reload(ReloadCause.ROLLBACK, record("z")),
        )
        assert results[0].message.endswith("worker 2 has ended")
        assert on.target.history == ["a", "z"]


async def test_a_process_that_stops_tries_nothing_again() -> None:
    on = Bench(retry_pause=0.01)
    async with on.reloader:
        interrupt(on.target, 1)
        await on.load("b")
    await asyncio.sleep(0.05)  # the second try would be due
    assert len(on.reloader._requests) == 0


async def test_stopping_during_a_reload_leaves_nothing_behind() -> None:
    on = Bench()
    async with on.reloader:
        on.loader.disk = "b"
        on.target.may_go_on.clear()
        running, waiting = (
            on.reloader.request(ReloadCause.HANGUP),
            on.reloader.request(ReloadCause.ROLLBACK, record("y")),
        )
        await on.target.waiting.wait()
    assert (running.cancelled(), waiting.cancelled()) == (True, True)
    assert on.target.history == ["a"]
    with pytest.raises(ReloadRefusedError, match="this process is stopping"):
        on.reloader.request(ReloadCause.HANGUP)


async def test_who_waits_for_a_reload_of_a_stopping_process_is_told() -> None:
    on = Bench()
    async with on.reloader:
        on.target.may_go_on.clear()
        on.loader.disk = "b"
        waiting = asyncio.create_task(on.reloader.reload(ReloadCause.COMMAND))
        await on.target.waiting.wait()
    with pytest.raises(ReloadRefusedError, match="this process is stopping"):
        await waiting
