"""The workers' handlers under faults: they follow the message's orders, and record what they do.

Orders in the payload: ``work`` seconds to wait, ``block`` seconds to block the event loop (at the first
delivery), ``gate`` to wait until the worker's gate is open, ``fails`` attempts of the route ``flaky`` that
fail, and ``die``: kill the process before or after the effect of the first delivery, or before that of
``every`` one, or ``exit`` from it then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import Ledger, now

if TYPE_CHECKING:
    from ledger import What

_GATE_EVERY = 0.02  # seconds between two checks of a gate


async def record(payload: dict[str, Any]) -> None:
    """Take effect after carrying out the orders."""
    write("start", "record", payload)
    await _carry_out(payload)
    _die_if(payload, "before")
    write("done", "record", payload)
    _die_if(payload, "after")


async def flaky(payload: dict[str, Any]) -> None:
    """Fail as often as the message says, then take effect."""
    write("start", "flaky", payload)
    if attempt_of(payload) <= payload["fails"]:
        write("fail", "flaky", payload)
        raise ConnectionError("the shop is closed")
    write("done", "flaky", payload)


async def _carry_out(payload: dict[str, Any]) -> None:
    if "work" in payload:
        await asyncio.sleep(payload["work"])
    if "block" in payload and deliveries_of(payload) == 1:
        threading.Event().wait(payload["block"])
    if "gate" in payload:
        gate = _folder() / f"open-{_worker()}"
        while not await asyncio.to_thread(gate.exists):  # noqa: ASYNC110 - another process opens it
            await asyncio.sleep(_GATE_EVERY)


def _die_if(payload: dict[str, Any], moment: str) -> None:
    order = payload.get("die")
    first = attempt_of(payload) == 1 and deliveries_of(payload) == 1
    if (order == moment and first) or (order == "every" and moment == "before"):
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "exit" and moment == "before":
        os._exit(1)


def write(what: What, route: str, payload: dict[str, Any]) -> None:
    """Record what the route has done with the message: an effect is on the disk when this returns."""
    _ledger().write(
        sync=what != "start",
        what=what,
        n=payload["n"],
        id=getattr(payload, "id", ""),
        route=route,
        attempt=attempt_of(payload),
        deliveries=deliveries_of(payload),
        worker=_worker(),
        at=now(),
    )


def attempt_of(payload: dict[str, Any]) -> int:
    """Return the attempt's number."""
    attempt: int = getattr(payload, "attempt", 1)
    return attempt


def deliveries_of(payload: dict[str, Any]) -> int:
    """Return the entry's delivery count."""
    deliveries: int = getattr(payload, "deliveries", 1)
    return deliveries


@cache
def _ledger() -> Ledger:
    return Ledger(_folder() / f"runs-{_worker()}.jsonl")


def _folder() -> Path:
    return Path(os.environ["FAULTS_FOLDER"])


def _worker() -> str:
    return os.environ["FAULTS_WORKER"]
