"""The event loop that a command runs in."""

from __future__ import annotations

import asyncio
import sys

import pytest

from streamroute.cli.leaving import run_and_leave


async def _loop_s_module() -> str:
    return type(asyncio.get_running_loop()).__module__


@pytest.mark.parametrize("fast", [True, False])
def test_uvloop_runs_the_command_where_it_is_installed(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And asyncio's own loop does where it is not."""
    if fast:
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    seen = []

    async def main() -> int:
        seen.append(await _loop_s_module())
        return 3

    assert run_and_leave(main()) == 3
    assert seen[0].startswith("uvloop" if fast else "asyncio")
