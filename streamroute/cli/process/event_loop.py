"""Leaving: the process ends although a handler does not."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn

from streamroute.cli.output.logging import flush_logs
from streamroute.cli.process.error_boundary import run_guarded
from streamroute.compiler.runtime.thread_pool import wait_for_threads
from streamroute.errors import SetupError
from streamroute.logs.exception_text import error_line
from streamroute.system.extras import import_extra
from streamroute.text.counted import pluralize

log = logging.getLogger(__name__)

_STOPPED: Final = "Event loop stopped before Future completed."
"""What asyncio and uvloop say."""
_PATIENCE: Final = 1.0  # seconds that what was cancelled has to end


def run_until_exit(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine in an event loop of its own, uvloop's if there is one; returns its exit code.

    Where a handler ignores its cancellation, or sits in a thread that cannot be stopped, the process
    ends here, since Python would wait for it for ever. Its entry is pending and runs again.
    """
    runner = asyncio.Runner(loop_factory=_fastest_loop())
    code = run_guarded(lambda: _run(runner, main))
    try:
        stuck = runner.run(_end_tasks()) + wait_for_threads(_PATIENCE)
    except OSError as error:  # the loop opens a pair of sockets, and handlers may have left too many open
        log.warning("what still runs cannot be waited for: %s", error_line(error))
        _exit_now(code)
    if stuck:
        said = "%s did not end; entries of theirs that are not settled run again"
        log.warning(said, pluralize(stuck, "handler"))
        _exit_now(code)
    runner.close()
    flush_logs()
    return code


def _run(runner: asyncio.Runner, main: Coroutine[Any, Any, int]) -> int:
    """The exit code; raises SetupError where user code ended what is not its own."""
    try:
        return runner.run(main)
    except asyncio.CancelledError:
        raise SetupError("user code cancelled a task that is not its own, and this process ends") from None
    except SystemExit:  # raised outside a handler: in a task or a callback of its own
        raise SetupError("user code called sys.exit() in the event loop, and this process ends") from None
    except RuntimeError as error:
        if str(error) == _STOPPED:
            raise SetupError("user code stopped the event loop, and this process ends") from None
        raise


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where the extra ``fast`` is installed, else asyncio's own."""
    try:
        uvloop = import_extra("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _exit_now(code: int) -> NoReturn:
    """End here, without waiting for anything."""
    flush_logs()
    sys.stdout.flush()
    os._exit(code)


async def _end_tasks() -> int:
    """Cancel what still runs in this loop; returns how much of it does not end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if not tasks:
        return 0
    for task in tasks:
        task.cancel()
    _, running = await asyncio.wait(tasks, timeout=_PATIENCE)
    return len(running)
