"""What a forked copy of a consumer's process can and cannot do to its parent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from streamroute.system.forked import PROCESS, begin_consuming, end_consuming

OUTCOME = {True: 3, False: 4}
PATIENCE = 60.0  # seconds; only a hang takes that long


class Consumer:
    """Something that consumes."""


def in_child(act: Callable[[], object]) -> int:
    """Fork, act in the child and end it; return its exit code, which says whether it was a copy."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(OUTCOME[PROCESS.is_copy])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def test_a_child_is_a_copy_only_while_something_consumes() -> None:
    consumer = Consumer()
    assert in_child(lambda: None) == OUTCOME[False]
    begin_consuming(consumer, asyncio.get_running_loop())
    assert in_child(lambda: None) == OUTCOME[True]
    end_consuming(consumer)
    assert in_child(lambda: None) == OUTCOME[False]
    assert not PROCESS.is_copy


async def test_a_file_closed_in_a_child_still_wakes_the_parent() -> None:
    """On Linux a child shares its parent's poller, and would take the file out of it."""
    loop, consumer = asyncio.get_running_loop(), Consumer()
    arrived = asyncio.Event()
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        loop.add_reader(reading, arrived.set)
        begin_consuming(consumer, loop)
        in_child(lambda: loop.remove_reader(reading))
        end_consuming(consumer)
        writing.send(b"x")
        async with asyncio.timeout(PATIENCE):
            await arrived.wait()
        loop.remove_reader(reading)
        assert reading.recv(1) == b"x"
