"""An old generation lives until its last message has ended; a few may live at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from consuming import eventually, within_patience
from streamroute.compiler.runtime.container_task import ContainerTask
from streamroute.services.generation import ContainerLimits, Generation
from streamroute.services.old_generations import MAX_OLD, OldGenerations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Usage:
    """Counts the messages in flight of each generation, and notes which containers are closed."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.closed: list[str] = []
        self.old = OldGenerations(self.in_flight, ContainerLimits(5.0, 5.0))

    def in_flight(self, generation: Generation) -> Mapping[str, int]:
        count = self.messages[generation.name]
        return {"events": count} if count else {}

    async def generation(self, name: str) -> Generation:
        @asynccontextmanager
        async def factory() -> AsyncIterator[str]:
            yield name
            self.closed.append(name)

        container = ContainerTask(factory, name)
        await container.open()
        return Generation(name, cast("Any", None), {}, container)

    async def add(self, name: str, messages: int) -> None:
        self.messages[name] = messages
        self.old.add(await self.generation(name))


async def test_a_generation_is_closed_when_its_last_message_has_ended() -> None:
    usage = Usage()
    await usage.add("one", 2)
    await usage.add("two", 1)
    assert usage.old.names() == [("one", 2), ("two", 1)]
    usage.messages["two"] = 0
    await eventually(lambda: usage.closed == ["two"])
    usage.messages["one"] = 1
    assert usage.old.names() == [("one", 1)]
    usage.messages["one"] = 0
    await eventually(lambda: usage.closed == ["two", "one"])
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def test_one_more_than_the_limit_waits(caplog: pytest.LogCaptureFixture) -> None:
    usage = Usage()
    for number in range(MAX_OLD):
        await within_patience(usage.old.wait_for_room())
        await usage.add(f"g{number}", number + 1)
    assert caplog.messages == []
    waiting = asyncio.create_task(usage.old.wait_for_room())
    await eventually(lambda: caplog.messages)
    assert not waiting.done()
    usage.messages["g1"] = 0
    await within_patience(waiting)
    [line] = caplog.messages
    assert line.removeprefix("the reload waits, since 3 old generations are still in use: ") == (
        "g0 (1 message of events); g1 (2 messages of events); g2 (3 messages of events)"
    )
    await usage.old.close()


async def test_closing_waits_for_no_message() -> None:
    usage = Usage()
    await usage.add("one", 1)
    await within_patience(usage.old.close())
    assert (usage.closed, usage.old.names()) == (["one"], [])
