"""Streams of a process leave an entry alone that may kill it."""

from __future__ import annotations

import asyncio

from consuming import within_patience
from streamroute.core.consume.peers import Peers, peers_of_loop


class Stream:
    """A peer that is idle when it is told so."""

    def __init__(self, *, is_idle: bool = True, has_suspect: bool = False) -> None:
        self.has_suspect = has_suspect
        self.told: list[str] = []
        self._idle = asyncio.Event()
        if is_idle:
            self._idle.set()

    def pause(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resume(self) -> None:
        """Note it."""
        self.told.append("resume")

    async def wait_idle(self) -> None:
        """Wait until it is."""
        await self._idle.wait()
        self.told.append("idle")


def joined(*streams: Stream) -> Peers:
    peers = Peers()
    for stream in streams:
        peers.join(stream)
    return peers


def has_suspect(peers: Peers) -> bool:
    return peers.have_suspect


async def test_all_are_paused_within_and_go_on_after() -> None:
    one, two = Stream(), Stream()
    peers = joined(one, two)
    async with peers.alone(20) as is_alone:
        assert is_alone
        assert one.told == two.told == ["pause", "idle"]
    assert one.told == two.told == ["pause", "idle", "resume"]


async def test_one_that_is_never_idle_is_waited_for_no_longer_than_patience() -> None:
    idle, busy = Stream(), Stream(is_idle=False)
    async with joined(idle, busy).alone(0.01) as is_alone:
        assert not is_alone
        assert busy.told == ["pause"]
    assert busy.told == ["pause", "resume"]


async def test_all_go_on_where_what_runs_alone_raises_or_is_cancelled() -> None:
    stream = Stream(is_idle=False)
    peers = joined(stream)

    async def run_alone() -> None:
        async with peers.alone(600):
            raise AssertionError

    running = asyncio.create_task(run_alone())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert stream.told == ["pause", "resume"]
    assert not has_suspect(peers)


async def test_one_that_left_is_not_paused() -> None:
    one, gone = Stream(), Stream(has_suspect=True)
    peers = joined(one, gone)
    assert has_suspect(peers)
    peers.leave(gone)
    assert not has_suspect(peers)
    async with peers.alone(20):
        assert (one.told, gone.told) == (["pause", "idle"], [])
    peers.leave(gone)


async def test_they_have_a_suspect_while_any_has_one_or_one_runs_alone() -> None:
    one, two = Stream(), Stream()
    peers = joined(one, two)
    assert not has_suspect(peers)
    two.has_suspect = True
    assert has_suspect(peers)
    two.has_suspect = False
    async with peers.alone(20):
        assert has_suspect(peers)
    assert not has_suspect(peers)


async def test_who_waits_to_run_alone_counts_as_a_suspect() -> None:
    busy = Stream(is_idle=False)
    peers = joined(busy)

    async def run_alone() -> None:
        async with peers.alone(0.02):
            pass

    running = asyncio.create_task(run_alone())
    await asyncio.sleep(0)
    assert has_suspect(peers)
    await within_patience(running)


async def test_each_event_loop_has_its_own() -> None:
    assert peers_of_loop() is peers_of_loop()

    async def theirs() -> Peers:
        return peers_of_loop()

    assert await asyncio.to_thread(lambda: asyncio.run(theirs())) is not peers_of_loop()


async def test_one_that_joins_meanwhile_is_paused_until_the_end() -> None:
    """Streams of a process start side by side: another one may be at its first suspect already."""
    one, late = Stream(), Stream()
    peers = joined(one)
    async with peers.alone(20):
        peers.join(late)
        assert late.told == ["pause"]
    assert late.told == ["pause", "resume"]
