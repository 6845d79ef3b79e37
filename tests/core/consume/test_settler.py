"""Settling continues whatever a storage refuses: no entry blocks another, and none is forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consuming import consuming, dispatcher_of, eventually
from loop_clock import LoopClock
from seed_storages import PlainStorage
from streamroute.core.consume.settler import Settler
from streamroute.core.consume.tuning import Tuning
from streamroute.outages import Backoff
from streamroute.values import SettleResult

AT_ONCE = Backoff(longest=0.0)


class PickyStorage(PlainStorage):
    """A storage that fails to acknowledge some ids, each this many times."""

    def __init__(self, *payloads: dict[str, Any], refused: dict[str, int]) -> None:
        super().__init__(*payloads)
        self.refused = refused

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Raise for a refused id."""
        if self.refused.get(message_id, 0) > 0:
            self.refused[message_id] -= 1
            raise RuntimeError(f"never heard of {message_id}")
        await super().ack_event(stream_name, group_name, message_id)


async def take(payload: dict[str, Any], _container: Any) -> None:
    """Succeed."""


async def test_an_ack_that_always_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """The others are acknowledged, and not every attempt is logged."""
    storage = PickyStorage(*[{"type": "booked"}] * 50, refused={"7-0": 10**9})
    tuning = Tuning(backoff=Backoff(longest=0.02))
    running = consuming(storage, dispatcher_of(take).process_message, ack_delay=0.05, tuning=tuning)
    async with running:
        await eventually(lambda: len(set(storage.acked)) == 49)
        tries = 10**9 - storage.refused["7-0"]
        await eventually(lambda: storage.refused["7-0"] < 10**9 - tries - 3)
        for _ in range(5):
            storage.add({"type": "booked"})
        await eventually(lambda: len(set(storage.acked)) == 54)
        storage.refused.clear()
        await eventually(lambda: "7-0" in storage.acked)
    reported = [record for record in caplog.records if "refused by the storage" in record.message]
    assert [record.levelno for record in reported] == [logging.WARNING] * 2
    assert "never heard of 7-0" in reported[0].message
    assert "recovered" in reported[1].message


async def test_settling_continues_even_if_observers_raise() -> None:
    """If an exception of a callback ended settling, no entry would be acknowledged any more, silently."""
    written, released = list[str](), list[str]()

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        written.extend(finished)
        return SettleResult(lost=["1"]) if "1" in finished else SettleResult()

    def raising(_ids: Iterable[str]) -> None:
        raise RuntimeError("an observer's mistake")

    settler = Settler(write, stream="s", release=released.extend, lost=raising, delay=0)
    settler.open()
    settler.add("1", {})
    await eventually(lambda: written == ["1"])
    settler.add("2", {})
    await eventually(lambda: written == released == ["1", "2"])
    await settler.close(1)


@pytest.mark.parametrize("raises", [False, True], ids=["refused", "failed alone"])
async def test_an_older_delivery_that_is_tried_again_takes_no_place_of_a_newer_one(
    raises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the fence would refuse the older one, and the newer one would never be settled."""
    clock, backoff = LoopClock(monkeypatch), AT_ONCE if raises else Backoff(100.0, 100.0)
    older, newer, written = {"n": 1}, {"n": 2}, list[dict[str, Any]]()
    proceed = asyncio.Event()

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        written.extend(finished.values())
        if finished.get("1") is older:
            if raises:
                settler.add("1", newer)
                raise RuntimeError("not now")
            return SettleResult(refused={"1": "not now"})
        await proceed.wait()
        return SettleResult()

    settler = Settler(
        write,
        stream="s",
        release=lambda _: None,
        lost=lambda _: None,
        delay=0,
        tuning=Tuning(backoff=backoff),
    )
    settler.open()
    settler.add("1", older)
    await eventually(lambda: settler._refused or raises)
    settler.add("2", {})
    await eventually(lambda: written and written[-1] is not older)
    if not raises:
        settler.add("1", newer)
        await clock.advance(110)
        assert not settler._refused
    proceed.set()
    await settler.close(10)
    assert [payload["n"] for payload in written if payload] == [1, 2]


@settings(deadline=None)  # a busy machine stalls for longer than the default
@given(
    refused=st.dictionaries(st.integers(0, 40), st.integers(1, 6), max_size=4),
    outage=st.integers(0, 5),
    size=st.integers(1, 20),
)
def test_every_entry_is_settled_in_the_end(refused: dict[int, int], outage: int, size: int) -> None:
    """Whatever fails, for any time and any batch size; each entry is released exactly once."""
    left = dict(refused)
    calls = 0

    async def write(batch: Any) -> SettleResult:
        nonlocal calls
        calls += 1
        if calls <= outage:
            raise ConnectionError("away")
        for number in map(int, batch):
            if left.get(number, 0) > 0:
                left[number] -= 1
                raise RuntimeError("no")
        return SettleResult()

    released: list[str] = []

    async def settle_all() -> None:
        settler = Settler(
            write,
            stream="s",
            release=released.extend,
            lost=lambda _: None,
            delay=0,
            batch=size,
            tuning=Tuning(backoff=AT_ONCE),
        )
        settler.open()
        for number in range(41):
            settler.add(str(number), {})
        await settler.close(20)

    asyncio.run(settle_all())
    assert sorted(map(int, released)) == list(range(41))
