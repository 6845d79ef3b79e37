"""All streams of a process pause for an entry that may kill it."""

from __future__ import annotations

import asyncio

from consuming import within_patience
from streamroute.core.consume.pause_group import PauseGroup, pause_group_of_loop


class Stream:
    """A peer that becomes idle when the test says so."""

    def __init__(self, *, is_idle: bool = True, has_last_delivery: bool = False) -> None:
        self.has_last_delivery = has_last_delivery
        self.reported: list[str] = []
        self._idle = asyncio.Event()
        if is_idle:
            self._idle.set()

    def pause(self) -> None:
        self.reported.append("pause")

    def resume(self) -> None:
        self.reported.append("resume")

    async def wait_idle(self) -> None:
        await self._idle.wait()
        self.reported.append("idle")


def joined(*streams: Stream) -> PauseGroup:
    group = PauseGroup()
    for stream in streams:
        group.join(stream)
    return group


def has_last_delivery(group: PauseGroup) -> bool:
    return group.runs_last_delivery


async def test_all_members_are_paused_inside_and_resume_after() -> None:
    one, two = Stream(), Stream()
    group = joined(one, two)
    async with group.exclusive(20) as is_alone:
        assert is_alone
        assert one.reported == two.reported == ["pause", "idle"]
    assert one.reported == two.reported == ["pause", "idle", "resume"]


async def test_a_busy_member_delays_the_pause_up_to_its_timeout() -> None:
    idle, busy = Stream(), Stream(is_idle=False)
    async with joined(idle, busy).exclusive(0.01) as is_alone:
        assert not is_alone
        assert busy.reported == ["pause"]
    assert busy.reported == ["pause", "resume"]


async def test_all_members_resume_after_an_exception_or_a_cancellation() -> None:
    stream = Stream(is_idle=False)
    group = joined(stream)

    async def run_alone() -> None:
        async with group.exclusive(600):
            raise AssertionError

    running = asyncio.create_task(run_alone())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert stream.reported == ["pause", "resume"]
    assert not has_last_delivery(group)


async def test_a_member_that_left_is_not_paused() -> None:
    one, gone = Stream(), Stream(has_last_delivery=True)
    group = joined(one, gone)
    assert has_last_delivery(group)
    group.leave(gone)
    assert not has_last_delivery(group)
    async with group.exclusive(20):
        assert (one.reported, gone.reported) == (["pause", "idle"], [])
    group.leave(gone)


async def test_a_group_has_a_last_delivery_while_any_member_has_one() -> None:
    one, two = Stream(), Stream()
    group = joined(one, two)
    assert not has_last_delivery(group)
    two.has_last_delivery = True
    assert has_last_delivery(group)
    two.has_last_delivery = False
    async with group.exclusive(20):
        assert has_last_delivery(group)
    assert not has_last_delivery(group)


async def test_an_entry_waiting_to_run_alone_counts_as_a_suspect() -> None:
    busy = Stream(is_idle=False)
    group = joined(busy)

    async def run_alone() -> None:
        async with group.exclusive(0.02):
            pass

    running = asyncio.create_task(run_alone())
    await asyncio.sleep(0)
    assert has_last_delivery(group)
    await within_patience(running)


async def test_each_event_loop_has_its_own() -> None:
    assert pause_group_of_loop() is pause_group_of_loop()

    async def theirs() -> PauseGroup:
        return pause_group_of_loop()

    assert await asyncio.to_thread(lambda: asyncio.run(theirs())) is not pause_group_of_loop()


async def test_a_member_that_joins_during_a_pause_is_paused() -> None:
    """Streams of a process start concurrently: another one may already run its first last delivery."""
    one, late = Stream(), Stream()
    group = joined(one)
    async with group.exclusive(20):
        group.join(late)
        assert late.reported == ["pause"]
    assert late.reported == ["pause", "resume"]
