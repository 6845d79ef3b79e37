"""Supervisor: run several worker processes, restart those that end unexpectedly, and drain them together.

A worker's standard input is its lifeline: it stays open while the supervisor lives, and a worker that reads
end-of-file drains and exits. Terminal signals reach only the supervisor. Workers report through pipes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.ops.workers.ending import WorkerEnd
from streamroute.ops.workers.report_pipe import ReportPipe
from streamroute.ops.workers.reports import WorkerReports
from streamroute.ops.workers.restart_pause import CrashPauses, RestartPauses
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.workers.generations.channel import WorkerChannel

log = logging.getLogger(__name__)


async def _ignore_death(_number: int, _pid: int) -> None:
    """Default no-op callback."""


@dataclass(slots=True)
class Supervisor:
    """Keeps ``count`` workers running.

    ``command`` is a worker's command line; the file descriptor for its reports is appended. With ``drain``,
    workers end with 0 or 1 when they are done, and only one that crashed is restarted. A worker that cannot
    reach Redis ends with the exit code ``unreachable_code``. No worker is restarted before
    ``wait_until_reachable()`` returns: in an outage this process polls, instead of starting workers.
    Workers that have not ended ``stop_timeout`` seconds after ``stop()`` are killed. ``channel(number)`` is
    the worker's connection for its generations while it runs; the file descriptor of the worker's end follows
    ``channel_option``. ``on_death`` is awaited with the number and the process id of a worker that died at
    work, before it is restarted.
    """

    command: Sequence[str]
    count: int
    reports: WorkerReports
    drain: bool
    stop_timeout: float
    unreachable_code: int
    wait_until_reachable: Callable[[], Awaitable[None]]
    incidents: Incidents = LOG_ONLY
    pauses: RestartPauses = field(default_factory=RestartPauses)
    channel: Callable[[int], AbstractAsyncContextManager[WorkerChannel]] | None = None
    channel_option: str = ""
    on_trial: bool = False
    on_death: Callable[[int, int], Awaitable[None]] = _ignore_death
    failure: str = field(default="", init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[Process, int] = field(default_factory=dict)
    _deadline: asyncio.TimerHandle | None = None
    _code: int = 0

    async def run(self) -> int:
        """Run until ``stop()``, or until all are done.

        Return the exit code of a worker that could not start, that was done and had failures, or that did not
        end cleanly (1 if it was killed), else 0. On cancellation, let every worker drain first.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(1, self.count + 1):
                    group.create_task(self._run_worker(number))
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
        return self._code

    def stop(self) -> None:
        """Make every worker drain and exit; further calls have no effect."""
        if self._stop.is_set():
            return
        self._stop.set()
        for process in self._running:
            _terminate(process)
        self._deadline = asyncio.get_running_loop().call_later(self.stop_timeout, self._kill_remaining)

    async def stopping(self) -> None:
        """Wait until ``stop()`` is called."""
        await self._stop.wait()

    def kill(self) -> None:
        """Kill all workers at once; can be called from a signal handler."""
        for process in tuple(self._running):
            _send(process, signal.SIGKILL)

    def allow_stop(self, seconds: float) -> None:
        """Give workers at least this many seconds to end."""
        self.stop_timeout = max(self.stop_timeout, seconds)

    def replace(self, number: int) -> None:
        """Make one worker drain and exit, so that it is started again."""
        for process, its_number in self._running.items():
            if its_number == number:
                _terminate(process)

    def _kill_remaining(self) -> None:
        remaining = pluralize(len(self._running), "worker")
        message = "%s did not end within %g s and will be killed; unfinished entries stay pending"
        log.error(message, remaining, self.stop_timeout)
        self.kill()

    async def _run_worker(self, number: int) -> None:
        """Run a worker, and restart it until its end is final."""
        pauses = CrashPauses(self.pauses)
        while not self._stop.is_set():
            started = time.monotonic()
            end = await self._run_once(number)
            if self._is_final(number, end):
                return
            pause = self._pause(pauses, end, time.monotonic() - started)
            message = "worker %d exited unexpectedly %s; restarting in %gs"
            self.incidents.report(Incident.WORKER_DIED, "", message, number, end, pause)
            if end.has_worked and not end.is_clean_exit:
                await self.on_death(number, end.pid)
            await self._wait_before_restart(pause)

    def _is_final(self, number: int, end: WorkerEnd) -> bool:
        """Whether this worker must not be restarted."""
        if self._stop.is_set():
            is_clean = end.code in (0, -signal.SIGTERM) or self._is_in_outage(end)
            log.log(logging.INFO if is_clean else logging.WARNING, "worker %d exited %s", number, end)
            if not is_clean:
                self._code = self._code or max(end.code, 1)
            return True
        if self.on_trial and not self._is_in_outage(end):
            self.failure = f"worker {number} ended {end}"
            self._code = self._code or max(end.code, 1)
            self.stop()
            return True
        if self.drain and end.code in (0, 1) and end.is_clean_exit and end.was_ready:
            log.info("worker %d is done (%s)", number, end.how)
            self._code = self._code or end.code
            return True
        if end.is_refusal and not self.reports.has_been_ready:
            # It has logged the reason, and the others would log the same. Once any worker was ready, the
            # reason is considered temporary.
            log.error("worker %d could not start (%s); stopping all workers", number, end.how)
            self._code = self._code or end.code
            self.stop()
            return True
        return False

    def _pause(self, pauses: CrashPauses, end: WorkerEnd, ran_for: float) -> float:
        if self._is_in_outage(end):
            return self.pauses.while_unreachable()
        return pauses.after_crash(ran_for, at_work=end.has_worked)

    def _is_in_outage(self, end: WorkerEnd) -> bool:
        return end.code == self.unreachable_code and end.is_clean_exit

    async def _run_once(self, number: int) -> WorkerEnd:
        """Start a worker and wait until it ends."""
        try:
            async with self._channel(number) as channel:
                with self.reports.pipe() as pipe:
                    process = await self._start(pipe, channel)
                    log.info("worker %d is process %d", number, process.pid)
                    code = await self._wait_for_exit(process, number)
            return WorkerEnd(code, pipe.report, pid=process.pid)
        except OSError as error:  # too many processes or open files: temporary
            return WorkerEnd(error=error)

    def _channel(self, number: int) -> AbstractAsyncContextManager[WorkerChannel | None]:
        return nullcontext() if self.channel is None else self.channel(number)

    async def _start(self, pipe: ReportPipe, channel: WorkerChannel | None) -> Process:
        arguments, descriptors = [str(pipe.writing)], [pipe.writing]
        if channel is not None:
            descriptors.append(channel.worker_end.fileno())
            arguments += [self.channel_option, str(descriptors[-1])]
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
            start_new_session=True,
        )
        if channel is not None:
            channel.worker_end.close()
        return process

    async def _wait_for_exit(self, process: Process, number: int) -> int:
        """Wait until a worker ends; return its exit code, or minus the number of a signal."""
        self._running[process] = number
        if self._stop.is_set():
            _terminate(process)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            self.stop()
            await process.wait()
            raise
        finally:
            del self._running[process]

    async def _wait_before_restart(self, seconds: float) -> None:
        """Wait this long, then until Redis is reachable; ``stop()`` ends the wait."""
        await _first_to_finish(self._pause_until_reachable(seconds), _wait_for(self._stop))

    async def _pause_until_reachable(self, pause: float) -> None:
        await asyncio.sleep(pause)
        await self.wait_until_reachable()


def _terminate(process: Process) -> None:
    _send(process, signal.SIGTERM)


def _send(process: Process, number: signal.Signals) -> None:
    """Send a signal to a worker; does nothing if it has ended.

    ``Process.send_signal()`` may read the exit status of one that has just ended; asyncio, which waits for
    it, then reports the exit code 255 for any end.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


async def _first_to_finish(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until the first ends, cancel the others, and raise the exception of the first."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
