"""Handlers and containers of the edited configurations: each belongs to one edit, whose number ends its name.

Each run records every number that it gets: that of its ``with``, its handler, its container and its transform
belong to one edit, which also decided whether it runs at all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ledger import Ledger, now
from producer import STREAM

if TYPE_CHECKING:
    from ledger import What

ROLES: Final = {"picked": "choice", "rest": "choice", "flaky-canary": "flaky"}
"""What the routes do that share their messages: one of them runs."""

_TICK: Final = 0.02  # seconds
_LATE: Final = 75  # ticks: enough for another process to open its container, and to run messages by mistake
_serials = count()


@dataclass
class Container:
    """What an edit's factory made; ``is_open`` until it was exited."""

    edit: int
    is_open: bool = True


def handler(number: int) -> Callable[..., Any]:
    """Return the handler of an edit."""

    async def handle(payload: Any, container: Container, *, edit: int, route: str) -> None:
        _write("start", route, payload)
        if work := payload.get("work"):
            await asyncio.sleep(work)
        fails = "flaky" in route and payload.attempt <= payload["fails"]
        parts = {"with": edit, "handler": number, "container": container.edit}
        if "edit" in payload:
            parts["transform"] = payload["edit"]
        _write("fail" if fails else "done", route, payload, parts=parts, is_open=container.is_open)
        _note_first(number)
        if fails:
            raise ConnectionError("the shop is closed")

    return handle


def container(edit: int) -> Callable[[], AbstractAsyncContextManager[Container]]:
    """Return the factory of an edit."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Container]:
        serial = next(_serials)
        made = Container(edit)
        _write_container("open", edit, serial)
        yield made
        made.is_open = False
        _write_container("close", edit, serial)

    return opened


def raising(edit: int) -> Callable[[], Any]:
    """Return a factory that raises."""

    def raise_error() -> None:
        raise ConnectionError(f"the warehouse of edit {edit} is closed")

    return raise_error


def raising_once(edit: int) -> Callable[[], Any]:
    """Return a factory that raises in one of the processes, and opens a container in the others."""

    def open_or_raise() -> Any:
        return raising(edit)() if _is_first(edit) else container(edit)()

    return open_or_raise


def raising_late(edit: int) -> Callable[[], Any]:
    """Return such a factory that raises when the other processes have long been ready."""

    async def open_or_raise_late() -> Any:
        if not _is_first(edit):
            return container(edit)()
        for _ in range(_LATE):
            if _decided(edit).exists():  # it must not: it will be refused
                break
            await asyncio.sleep(_TICK)
        return raising(edit)()

    return open_or_raise_late


_MAKERS: Final[dict[str, Callable[[int], Any]]] = {
    "handle": handler,
    "container": container,
    "raising": raising,
    "raising_once": raising_once,
    "raising_late": raising_late,
}


def __getattr__(name: str) -> Any:
    """Return what the name says, for the edit whose number ends it."""
    kind, _, edit = name.rpartition("_")
    if kind in _MAKERS and edit.isdecimal():
        return _MAKERS[kind](int(edit))
    raise AttributeError(name)


def _is_first(edit: int) -> bool:
    """Whether this process is the first that asks for an edit, or the first one has been killed."""
    own, claim = _folder() / f"pid-{os.getpid()}", _folder() / f"first-{edit}"
    own.write_text(str(os.getpid()))
    with suppress(FileExistsError):
        claim.hardlink_to(own)
    first = int(claim.read_text())
    return first == os.getpid() or not _is_alive(first)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _write(what: What, route: str, payload: Any, **facts: Any) -> None:
    if facts:
        facts |= {
            "route": route,
            "lane": payload.get("lane"),
            "generation": payload.delivery.generation,
            "history": [failure.generation for failure in payload.history],
        }
    # Not synced: written data survives the process, and no machine crashes here.
    _ledger("runs").write(
        sync=False,
        what=what,
        n=payload["n"],
        id=payload.id if payload.stream == STREAM else f"{payload.stream} {payload.id}",
        route=ROLES.get(route, route),
        attempt=payload.attempt,
        deliveries=payload.deliveries,
        worker=_worker(),
        at=now(),
        facts=facts,
    )


def _write_container(what: str, edit: int, serial: int) -> None:
    _ledger("containers").write(sync=False, what=what, edit=edit, serial=serial, worker=_worker())


@cache
def _note_first(edit: int) -> None:
    """Tell the test that this edit has decided something."""
    _decided(edit).touch()


def _decided(edit: int) -> Path:
    return _folder() / f"decided-{edit}"


@cache
def _ledger(kind: str) -> Ledger:
    return Ledger(_folder() / f"{kind}-{_worker()}.jsonl")


@cache
def _folder() -> Path:
    return Path(os.environ["FAULTS_FOLDER"])


@cache
def _worker() -> str:
    return f"p{os.getpid()}"
