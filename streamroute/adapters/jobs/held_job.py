"""A job that this process runs: its steps apply once, and only while no other process has the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.jobs.job import Job
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import Argument, script
from streamroute.errors import StreamrouteError
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.adapters.entries.retry_record import RetryRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

KEEP: Final = 15_000
"""How long a process keeps a job without a step, in ms."""


class JobLostError(StreamrouteError):
    """Raised when another process has taken over the job: this one must do nothing more for it."""


class JobStopError(StreamrouteError):
    """Raised when somebody asked to stop the job; ``who`` is their name."""

    def __init__(self, who: str) -> None:
        super().__init__(f"stopped by {who}")
        self.who = who


@dataclass(frozen=True, slots=True)
class StepReply:
    """The result of a step: ``job`` as it is stored now.

    ``is_full``: nothing was added, since too many messages would wait. ``time`` is Redis time, in ms since
    the epoch; ``waiting`` is the number of messages in the retry stream, running ones included.
    """

    job: Job
    time: int
    waiting: int
    is_full: bool = False


class HeldJob:
    """A job that this process has acquired, until another one may take it: ``KEEP`` ms after the last step.

    The methods raise JobLostError, RedisUnavailableError, or SetupError if Redis refuses. A step that raises
    RedisUnavailableError may be repeated.
    """

    def __init__(self, redis: RedisConnection, keys: GroupKeys, process: str, step: int) -> None:
        self._redis = redis
        self._keys = keys
        self._process = process
        self._step = step
        self._client = raw_client(redis.client, keys.jobs)

    async def write(self, job: Job, messages: Sequence[RetryRecord] = (), *, room: int = 0) -> StepReply:
        """Add messages to the retry stream and store the job, or neither.

        With ``room``, at most that many messages wait in the retry stream afterwards. Raises JobStopError if
        the job is to stop; then nothing was written.
        """
        reply = await self._send(job, messages, KEEP, room)
        state, time, waiting, fact = text(reply[0]), int(reply[1]), int(reply[2]), reply[3]
        if state == "lost":
            raise JobLostError(f"the job {job.id} was deleted, or another process has taken it over")
        if state == "stop":
            raise JobStopError(clip(text(fact), NAME))
        if state == "full":
            return StepReply(job, time, waiting, is_full=True)
        self._step += 1
        return StepReply(Job.unpack(fact) if state == "again" else job, time, waiting)

    async def release(self, job: Job) -> None:
        """Store the job, and give it up; another process may then resume it.

        If a step that was interrupted has been applied, the job is kept as that step stored it, since its
        cursor is further on; only the state and the reason are those of ``job``.
        """
        reply = await self._send(job, (), 0, 0)
        if text(reply[0]) == "again":
            self._step += 1
            stored = Job.unpack(reply[3])
            await self._send(replace(stored, state=job.state, reason=job.reason), (), 0, 0)

    async def _send(self, job: Job, messages: Sequence[RetryRecord], keep: int, room: int) -> Any:
        arguments: list[Argument] = [job.id, self._process, self._step, keep, room, job.pack()]
        for message in messages:
            arguments += [message.name, message.pack()]
        with translate_errors(self._redis, f"working on the job {job.id} of {self._keys.stream}"):
            keys = [self._keys.jobs, self._keys.retry]
            return await script("jobs/step").run(self._client, keys, arguments)
