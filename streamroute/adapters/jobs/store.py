"""The jobs of one group in Redis: listed, created, acquired, stopped."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.jobs.held_job import KEEP, HeldJob
from streamroute.adapters.jobs.job import Job, JobState
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_each
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.adapters.redis.scripts import script
from streamroute.errors import DecodeError, StreamrouteError
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_MAX_FINISHED: Final = 500
"""Jobs that are done and are kept: as long, their ids cannot be used again."""
_MAX_JOBS: Final = 1_000
_RUNNER: Final = ":runner"
_STOP: Final = ":stop"


class JobHeldError(StreamrouteError):
    """Raised when another process runs the job; ``seconds`` is how long it keeps it without a step."""

    def __init__(self, job_id: str, process: str, seconds: float) -> None:
        super().__init__(f"the job {job_id} is run by {process}")
        self.process = process
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job of a group, and the process that runs it (empty: none does)."""

    stream: str
    job: Job
    process: str = ""
    is_stopping: bool = False

    @property
    def status(self) -> str:
        """``running``, ``stopping``, ``stopped``, ``done``, or ``interrupted``: its process is gone."""
        if self.job.state is not JobState.RUNNING:
            return self.job.state.value
        if not self.process:
            return "interrupted"
        return "stopping" if self.is_stopping else "running"


@dataclass(frozen=True, slots=True)
class JobList:
    """The jobs of a group, newest first; ``problems`` are one line for each value that cannot be read."""

    jobs: list[StoredJob]
    problems: list[str]


class JobStore:
    """The jobs of one group.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, keys: GroupKeys) -> None:
        self.keys = keys
        self._redis = redis
        self._client = raw_client(redis.client, keys.jobs)
        self._doing = f"working on the jobs of {keys.stream}"

    async def all(self) -> JobList:
        """Return all jobs.

        Source: https://redis.io/docs/latest/commands/hgetall/
        """
        now, values = await self._read()
        found, problems = [], []
        for name, value in values.items():
            if name.endswith((_RUNNER, _STOP)):
                continue
            try:
                found.append(self._stored(Job.unpack(value), values, now))
            except DecodeError as error:
                problems.append(f"the job {clip(name, NAME)} in {self.keys.jobs} is ignored: {error}")
        found.sort(key=lambda stored: stored.job.created, reverse=True)
        return JobList(found, problems)

    async def find(self, job_id: str) -> StoredJob | None:
        """Return the job of this id, or None. Raises StreamrouteError if it cannot be read."""
        names = [job_id, f"{job_id}{_RUNNER}", f"{job_id}{_STOP}"]
        now, *values = await self._send(("TIME",), *(("HGET", self.keys.jobs, name) for name in names))
        if values[0] is None:
            return None
        try:
            job = Job.unpack(values[0])
        except DecodeError as error:
            raise StreamrouteError(f"the job {job_id} in {self.keys.jobs}: {error}") from None
        known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        return self._stored(job, known, milliseconds(now))

    async def create(self, job: Job) -> Job | None:
        """Store a new job, and return it with the time; None if there is one of this id.

        Forgets the oldest of more than 500 jobs that are done.
        """
        now, values = await self._read()
        await self._forget(values)
        created = replace(job, created=now)
        with translate_errors(self._redis, self._doing):
            new = await send_command(self._client, "HSETNX", self.keys.jobs, job.id, created.pack())
        return created if new else None

    async def acquire(self, job_id: str) -> tuple[HeldJob, Job]:
        """Take a job, to run it. Raises JobHeldError if another process runs it, and StreamrouteError if it
        does not exist.
        """
        process = f"{_word(socket.gethostname())}:{os.getpid()}:{secrets.token_hex(4)}"
        with translate_errors(self._redis, self._doing):
            reply = await script("jobs/acquire").run(self._client, [self.keys.jobs], [job_id, process, KEEP])
        state = text(reply[0])
        if state == "missing":
            raise StreamrouteError(f"{self.keys.stream} has no job {job_id}")
        if state == "held":
            raise JobHeldError(job_id, clip(text(reply[2]), NAME), (int(reply[3]) - int(reply[1])) / 1000)
        return HeldJob(self._redis, self.keys, process, int(reply[2])), Job.unpack(reply[3])

    async def request_stop(self, job_id: str, who: str) -> None:
        """Ask the process that runs a job to stop it; it does so at its next step."""
        await self._send(("HSET", self.keys.jobs, f"{job_id}{_STOP}", clip(who, NAME)))

    async def _read(self) -> tuple[int, Mapping[str, Any]]:
        now, values = await self._send(("TIME",), ("HGETALL", self.keys.jobs))
        return milliseconds(now), attributes(values)

    async def _send(self, *commands: tuple[str, ...]) -> list[Any]:
        with translate_errors(self._redis, self._doing):
            answers = await send_each(self._client, commands)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def _stored(self, job: Job, values: Mapping[str, Any], now: int) -> StoredJob:
        process, _, rest = text(values.get(f"{job.id}{_RUNNER}", "")).partition(" ")
        ends = rest.partition(" ")[0]
        alive = ends.isdecimal() and len(ends) < 16 and now < int(ends) < now + 10 * KEEP
        is_stopping = f"{job.id}{_STOP}" in values
        return StoredJob(self.keys.stream, job, clip(process, NAME) if alive else "", is_stopping)

    async def _forget(self, values: Mapping[str, Any]) -> None:
        """Delete the oldest jobs that are done, if there are too many."""
        names = [name for name in values if not name.endswith((_RUNNER, _STOP))]
        if len(names) < _MAX_FINISHED:
            return
        done = [stored.job for stored in (await self.all()).jobs if stored.job.state is JobState.DONE]
        oldest = [job.id for job in done[_MAX_FINISHED - 1 :]]
        if oldest:
            await self._send(("HDEL", self.keys.jobs, *oldest))
        if len(names) - len(oldest) >= _MAX_JOBS:
            raise StreamrouteError(
                f"{self.keys.stream} has {len(names)} jobs that are not done; resume them, "
                f"or delete the key {self.keys.jobs}"
            )


def _word(name: str) -> str:
    return "".join(char if char.isalnum() or char in "-._" else "-" for char in name)[:60] or "-"
