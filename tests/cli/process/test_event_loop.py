"""The event loop of a command."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

from streamroute.cli.process.event_loop import run_until_exit


async def _loop_s_module() -> str:
    return type(asyncio.get_running_loop()).__module__


@pytest.mark.parametrize("fast", [True, False])
def test_uvloop_runs_the_command_where_it_is_installed(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uvloop, asyncio's own loop runs it."""
    if fast:
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    seen = []

    async def main() -> int:
        seen.append(await _loop_s_module())
        return 3

    assert run_until_exit(main()) == 3
    assert seen[0].startswith("uvloop" if fast else "asyncio")


def cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


def stop() -> None:
    asyncio.get_running_loop().stop()


def leave() -> None:
    sys.exit(0)


async def leave_in_a_task() -> None:
    sys.exit(0)


def start_task() -> None:
    tasks.append(asyncio.get_running_loop().create_task(leave_in_a_task()))


tasks: list[asyncio.Task[None]] = []
EXITS = "called sys.exit() in the event loop"


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("act", "message"),
    [
        (cancel_all, "cancelled a task of streamroute"),
        (stop, "stopped the event loop"),
        (leave, EXITS),
        (start_task, EXITS),
    ],
)
def test_user_code_that_ends_the_command_is_named(
    act: Callable[[], None],
    message: str,
    fast: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is not an error of this package, and causes no traceback."""
    if fast:
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)

    async def main() -> int:
        asyncio.get_running_loop().call_soon(act)
        await asyncio.Event().wait()
        return 0

    assert run_until_exit(main()) == 1
    assert capsys.readouterr().err == f"error: user code {message}; this process exits\n"
    while tasks:
        assert isinstance(tasks.pop().exception(), SystemExit)


def test_other_errors_are_internal_errors(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> int:
        raise RuntimeError("Event loop stopped")

    assert run_until_exit(main()) == 3
    assert "This is a bug in streamroute" in capsys.readouterr().err
