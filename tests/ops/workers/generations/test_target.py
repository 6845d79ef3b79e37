"""Workers replace their generation together: all of them, or none; over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from consuming import within_patience
from streamroute.errors import SetupError
from streamroute.incidents import Incident, Incidents
from streamroute.ops.reload.candidate import (
    Candidate,
    ReloadCause,
    ReloadInterruptedError,
    ReloadRefusedError,
)
from streamroute.ops.workers.generations.channel import WorkerChannel
from streamroute.ops.workers.generations.follower import GenerationFollower
from streamroute.ops.workers.generations.messages import Order, SwapStep
from streamroute.ops.workers.generations.start import read_start
from streamroute.ops.workers.generations.target import WorkersTarget
from streamroute.system.file_record import FileRecord


def candidate(text: str) -> Candidate:
    """Return a candidate whose only file has this text, which is its generation in these tests."""
    nothing: Any = {}
    record = FileRecord(
        path="routes.yaml",
        working_folder="/",
        folder=None,
        files={"routes.yaml": text.encode()},
        failures=nothing,
        folders=nothing,
        real_paths=nothing,
        kinds=nothing,
    )
    return Candidate(text, nothing, nothing, (), record, ReloadCause.FILES)


class Worker:
    """A worker's swap: its generation is the text of the only file."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.generation = "a"
        self.error: Exception | None = None
        self.builds: str | None = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.has_begun = asyncio.Event()

    async def prepare(self, record: FileRecord) -> str:
        self.has_begun.set()
        try:
            await self.may_go_on.wait()
        except asyncio.CancelledError:
            self.events.append("cancel")
            raise
        if self.error is not None:
            raise self.error
        self.events.append("prepare")
        return self.builds or record.files["routes.yaml"].decode()

    def generation_of(self, prepared: str) -> str:
        return prepared

    def commit(self, prepared: str) -> None:
        self.events.append("commit")
        self.generation = prepared

    async def discard(self, prepared: str) -> None:
        self.events.append("discard")


class Service:
    """A target and its workers, each with its follower, in one event loop."""

    def __init__(self, **settings: float) -> None:
        self.replaced: list[int] = []
        self.incidents: list[Incident] = []
        incidents = Incidents(lambda _stream, incident, _count: self.incidents.append(incident))
        self.target = WorkersTarget(candidate("a"), self.replaced.append, incidents, **settings)
        self.events: list[str] = []
        self.workers: list[Worker] = []
        self.following: list[asyncio.Task[None]] = []
        self.channels: list[WorkerChannel] = []

    @asynccontextmanager
    async def running(self, count: int) -> AsyncIterator[Service]:
        """Run this many workers."""
        async with AsyncExitStack() as stack:
            for number in range(1, count + 1):
                channel = await stack.enter_async_context(self.target.channel(number))
                self.channels.append(channel)
                self.workers.append(Worker(self.events))
                assert read_start(channel.worker_end).files == {"routes.yaml": b"a"}
                follower = GenerationFollower(channel.worker_end.dup(), self.workers[-1])
                channel.worker_end.close()
                self.following.append(asyncio.create_task(follower.run()))
            yield self
            for channel in self.channels:
                await channel.close()
            await within_patience(asyncio.gather(*self.following, return_exceptions=True))

    async def apply(self, text: str) -> None:
        await within_patience(self.target.apply(candidate(text)))

    @property
    def generations(self) -> list[str]:
        return [worker.generation for worker in self.workers]


async def test_every_worker_prepares_before_the_first_one_commits() -> None:
    async with Service().running(3) as service:
        service.workers[1].may_go_on.clear()
        applying = asyncio.create_task(service.apply("b"))
        await within_patience(service.workers[1].has_begun.wait())
        assert service.generations == ["a", "a", "a"]
        service.workers[1].may_go_on.set()
        await applying
        assert service.generations == ["b", "b", "b"]
        assert service.events == ["prepare"] * 3 + ["commit"] * 3
        await service.apply("c")
        assert (service.generations, service.target.generation) == (["c", "c", "c"], "c")
        assert service.replaced == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SetupError("no permission"), "worker 2: no permission"),
        (KeyError("x"), "worker 2: KeyError: 'x'"),
    ],
)
async def test_one_worker_that_cannot_makes_all_stay(error: Exception, reason: str) -> None:
    async with Service().running(3) as service:
        service.workers[1].error = error
        with pytest.raises(ReloadRefusedError, match=f"^{reason}$") as caught:
            await service.apply("b")
        assert not isinstance(caught.value, ReloadInterruptedError), "it would be refused again"
        assert (service.generations, service.target.generation) == (["a", "a", "a"], "a")
        service.workers[1].error = None
        await service.apply("c")
        assert service.generations == ["c", "c", "c"]
        assert service.events.count("prepare") - service.events.count("discard") == 3


async def test_a_worker_that_builds_another_generation_makes_all_stay() -> None:
    async with Service().running(2) as service:
        service.workers[0].builds = "other"
        with pytest.raises(ReloadRefusedError, match="worker 1 built the generation other, not b"):
            await service.apply("b")
        assert service.generations == ["a", "a"]
        service.workers[0].builds = None
        await service.apply("c")
        assert service.generations == ["c", "c"]


async def test_a_worker_that_ends_while_it_prepares_makes_all_stay() -> None:
    async with Service().running(2) as service:
        service.workers[1].may_go_on.clear()
        applying = asyncio.create_task(service.apply("b"))
        await within_patience(service.workers[1].has_begun.wait())
        service.following[1].cancel()
        with pytest.raises(ReloadRefusedError, match="worker 2"):
            await applying
        assert (service.generations[0], service.target.generation) == ("a", "a")


@pytest.mark.parametrize("fast", [False, True], ids=["asyncio", "uvloop"])
def test_a_worker_that_is_gone_is_no_obstacle_to_the_others(fast: bool) -> None:
    """Not even when its socket is closed: uvloop raises for whatever is written to it then."""

    async def reload_without_the_second_one() -> None:
        async with Service().running(2) as service:
            await service.apply("b")
            service.following[1].cancel()
            await asyncio.wait([service.following[1]])
            for _ in range(2):
                with pytest.raises(ReloadInterruptedError, match="worker 2 has ended"):
                    await service.apply("c")
            assert (service.generations[0], service.target.generation) == ("b", "b")

            async def has_prepared(record: bytes) -> str:
                return "c"

            service.channels[1].prepare = has_prepared  # type: ignore[method-assign]  # and ended then
            await service.apply("c")
            assert (service.generations[0], service.target.generation, service.replaced) == ("c", "c", [2])

    factory = pytest.importorskip("uvloop").new_event_loop if fast else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(reload_without_the_second_one())


async def test_a_worker_that_takes_too_long_makes_all_stay_and_stops_preparing() -> None:
    async with Service(patience=0.2).running(2) as service:
        service.workers[1].may_go_on.clear()
        with pytest.raises(ReloadRefusedError, match=r"a worker did not build it within 0\.2 s"):
            await service.apply("b")
        service.workers[1].may_go_on.set()
        await service.apply("c")
        assert service.generations == ["c", "c"]
        assert "cancel" in service.events


async def test_a_worker_that_does_not_commit_is_replaced() -> None:
    async with Service().running(2) as service:
        channel = service.channels[1]
        prepare = channel.prepare

        async def prepare_and_forget(record: bytes) -> str:
            built = await prepare(record)
            await channel.discard()
            return built

        channel.prepare = prepare_and_forget  # type: ignore[method-assign]  # a worker that loses its work
        await service.apply("b")
        assert (service.replaced, service.incidents) == ([2], [Incident.RELOAD_MISSED])
        assert (service.generations, service.target.generation) == (["b", "a"], "b")


async def test_nothing_is_left_of_a_reload_that_is_cancelled() -> None:
    async with Service().running(2) as service:
        service.workers[1].may_go_on.clear()
        applying = asyncio.create_task(service.apply("b"))
        await within_patience(service.workers[1].has_begun.wait())
        applying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await applying
        service.workers[1].may_go_on.set()
        await service.apply("c")
        assert service.generations == ["c", "c"]


async def test_without_workers_nothing_is_applied() -> None:
    service = Service(start_patience=0.05)
    with pytest.raises(ReloadRefusedError, match="no worker is running"):
        await service.apply("b")
    assert service.target.generation == "a"


async def test_a_reload_before_the_first_worker_waits_for_it() -> None:
    """As SIGHUP during the start does, or while all workers are started again."""
    service = Service()
    applying = asyncio.create_task(service.apply("b"))
    await asyncio.sleep(0)
    async with service.running(1):
        await applying
        assert service.generations == ["b"]


async def test_a_worker_that_starts_during_a_reload_starts_with_its_result() -> None:
    async with Service().running(1) as service:
        service.workers[0].may_go_on.clear()
        applying = asyncio.create_task(service.apply("b"))
        await within_patience(service.workers[0].has_begun.wait())
        started: list[str] = []

        async def start_another() -> None:
            async with service.target.channel(2) as channel:
                started.append(service.target.generation)
                start = read_start(channel.worker_end)
                started.append(start.files["routes.yaml"].decode())

        starting = asyncio.create_task(start_another())
        service.workers[0].may_go_on.set()
        await within_patience(asyncio.gather(applying, starting))
        assert started == ["b", "b"]


async def test_what_is_no_order_ends_the_following(caplog: pytest.LogCaptureFixture) -> None:
    async with Service().running(1) as service:
        await service.channels[0]._write(Order(-1, SwapStep.DISCARD))
        service.channels[0]._streams[1].write(b"odd\n")  # type: ignore[index]  # it is open
        await within_patience(service.following[0])
    assert caplog.messages == ["the supervisor sent something else than an order: a line is not JSON"]


async def test_orders_do_not_pile_up_for_a_frozen_worker() -> None:
    service = Service(patience=0.2)
    async with service.target.channel(1) as channel:
        read_start(channel.worker_end)
        huge = candidate("x" * 20_000_000)
        with pytest.raises(ReloadRefusedError, match="within"):
            await within_patience(service.target.apply(huge))
        with pytest.raises(ReloadRefusedError, match="worker 1 has not read the order before"):
            await within_patience(service.target.apply(huge))
        channel.worker_end.close()
