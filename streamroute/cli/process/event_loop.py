"""Runs the event loop of a command, and ends the process even if a handler is stuck."""

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
"""The message of asyncio and uvloop."""
_CANCEL_TIMEOUT: Final = 1.0  # seconds for cancelled tasks to end


def run_until_exit(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine in a new event loop (of uvloop, if installed); returns its exit code.

    If a handler ignores its cancellation, or runs in a thread, which cannot be stopped, the process exits
    here, as Python would wait for it forever. Its entry stays pending and runs again.
    """
    runner = asyncio.Runner(loop_factory=_fastest_loop())
    code = run_guarded(lambda: _run(runner, main))
    try:
        stuck = runner.run(_end_tasks()) + wait_for_threads(_CANCEL_TIMEOUT)
    except OSError as error:  # the loop opens a socket pair, but handlers may leak file descriptors
        log.warning("could not wait for the running handlers: %s", error_line(error))
        _exit_now(code)
    if stuck:
        message = "%s did not end; their unsettled entries run again"
        log.warning(message, pluralize(stuck, "handler"))
        _exit_now(code)
    runner.close()
    flush_logs()
    return code


def _run(runner: asyncio.Runner, main: Coroutine[Any, Any, int]) -> int:
    """Return the exit code; raises SetupError if user code stopped the event loop or its main task."""
    try:
        return runner.run(main)
    except asyncio.CancelledError:
        raise SetupError("user code cancelled a task of streamroute; this process exits") from None
    except SystemExit:  # raised outside a handler, in a task or a callback of user code
        raise SetupError("user code called sys.exit() in the event loop; this process exits") from None
    except RuntimeError as error:
        if str(error) == _STOPPED:
            raise SetupError("user code stopped the event loop; this process exits") from None
        raise


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory of event loops if the extra ``fast`` is installed, else None."""
    try:
        uvloop = import_extra("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _exit_now(code: int) -> NoReturn:
    """Exit without waiting for threads or tasks."""
    flush_logs()
    sys.stdout.flush()
    os._exit(code)


async def _end_tasks() -> int:
    """Cancel the tasks of this loop; returns how many of them do not end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if not tasks:
        return 0
    for task in tasks:
        task.cancel()
    _, running = await asyncio.wait(tasks, timeout=_CANCEL_TIMEOUT)
    return len(running)
