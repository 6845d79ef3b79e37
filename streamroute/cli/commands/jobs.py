"""``streamroute jobs``: lists, stops and resumes paced jobs."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.output.logging import echo_error, set_up_logging
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.adapters.jobs.store import JobList, StoredJob
    from streamroute.config.document import Document


@click.group(name="jobs")
def command() -> None:
    """List, stop or resume replays and paced retries.

    "replay" and "dead retry --rate" run as jobs: each step is stored in Redis, so that a
    job goes on where it was, from any machine, after Ctrl-C, a crash or a failure that
    stopped it.

    \b
    Examples:
      streamroute jobs list
      streamroute jobs stop replay-1f2e3d4c
      streamroute jobs resume replay-1f2e3d4c
    """


@command.command(name="list")
@CONFIG_OPTIONS
def list_jobs(config: str | None, no_embedded: bool, output_format: str) -> int:
    """List the jobs of the configuration's streams, newest first.

    A job is running, stopping, stopped, done, or interrupted: its process is gone.
    """
    from streamroute.cli.output.jobs.listing import job_table
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.ops.jobs.job_object import stored_object

    found = asyncio.run(_list(_document(config), embedded=not no_embedded))
    for problem in found.problems:
        echo_error(problem)
    if output_format == "json":
        write_json({"jobs": [stored_object(stored) for stored in found.jobs]})
    else:
        echo(job_table(found.jobs, OutputLayout.of(sys.stdout)) if found.jobs else "no jobs")
    return ExitCode.OK


@command.command(name="stop")
@CONFIG_OPTIONS
@ACTOR
@click.argument("job_id", metavar="ID")
def stop(config: str | None, no_embedded: bool, output_format: str, who: str | None, job_id: str) -> int:
    """Stop a running job; "jobs resume" goes on with it."""
    from streamroute.ops.jobs.job_object import stored_object

    stopped = asyncio.run(_stop(_document(config), job_id, who, embedded=not no_embedded))
    if output_format == "json":
        write_json(stored_object(stopped))
    else:
        echo(f"{job_id} is {stopped.status}")
    return ExitCode.OK


@command.command(name="resume")
@CONFIG_OPTIONS
@ACTOR
@click.argument("job_id", metavar="ID")
@click.option(
    "--import", "imports", is_flag=True, help="Import the project's own codec, if a replay needs it."
)
def resume(
    config: str | None, no_embedded: bool, output_format: str, who: str | None, job_id: str, imports: bool
) -> int:
    """Go on with a job that stopped or was interrupted, where it was.

    If the process of the job was killed, waits some 15 seconds for the end of its lock.
    """
    from streamroute.cli.commands.running_jobs.resume import resume_job

    return resume_job(
        config, job_id, who, imports=imports, embedded=not no_embedded, output_format=output_format
    )


def _document(config: str | None) -> Document:
    from streamroute.cli.arguments.config import load_or_exit

    set_up_logging("text", "warning")
    return load_or_exit(config_path(config), imports=False).document


async def _list(document: Document, *, embedded: bool) -> JobList:
    from streamroute.ops.audit import group_keys
    from streamroute.ops.jobs.control import jobs_of

    async with open_server(document, embedded=embedded, create=False) as redis:
        return await jobs_of(redis, group_keys(document))


async def _stop(document: Document, job_id: str, who: str | None, *, embedded: bool) -> StoredJob:
    from streamroute.ops.audit import Audit, actor, group_keys
    from streamroute.ops.jobs.control import find_job, stop_job

    async with open_server(document, embedded=embedded, create=False) as redis:
        store, _ = await find_job(redis, group_keys(document), job_id)
        audit = Audit(redis, actor(who))
        stopped = await stop_job(store, job_id, audit.who)
        await audit.write([store.keys], "job stop", job_id, result=stopped.status)
        return stopped
