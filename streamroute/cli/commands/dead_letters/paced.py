"""``dead retry`` with ``--rate``, ``--stop-after`` or ``--watch``: a paced job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.arguments.options import ACTOR, WHY, Rate, combined
from streamroute.cli.output.jobs.dry_run import print_letter_counts
from streamroute.cli.output.streams import echo, printable, progress_bar
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.cli.commands.dead_letters.session import DeadLetterSession

PACE_OPTIONS: Final = combined(
    click.option("--rate", type=Rate(), metavar="N/s", help="At most so many, such as 50/s or 10/m."),
    click.option(
        "--stop-after", type=click.IntRange(1), metavar="N",
        help="Stop when N of the retried messages have failed again.",
    ),
    click.option("--watch", is_flag=True, help="Wait until the retried messages have succeeded or failed."),
    click.option("--resume", metavar="JOB", help="Go on with a paced retry that was stopped or interrupted."),
    WHY,
    ACTOR,
)  # fmt: skip
"""The options of a paced retry: ``rate``, ``stop_after``, ``watch``, ``resume``, ``why`` and ``who``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The options of a paced retry, without ``resume``."""

    rate: float | None
    stop_after: int | None
    watch: bool
    why: str
    who: str | None

    @classmethod
    def take(cls, options: dict[str, Any]) -> Pace:
        """Take the options of a pace out of those of the command."""
        return cls(**{name: options.pop(name) for name in ("rate", "stop_after", "watch", "why", "who")})

    @property
    def is_set(self) -> bool:
        """Whether the retry is a paced one."""
        return self.rate is not None or self.stop_after is not None or self.watch


async def retry_paced(
    session: DeadLetterSession, pace: Pace, *, to: str | None, dry_run: bool, output_format: str
) -> int:
    """Retry the letters of a session as a job; returns the exit code of the command."""
    from streamroute.cli.commands.running_jobs.foreground import run_in_foreground
    from streamroute.ops.audit import actor
    from streamroute.ops.paced_retry.selection import LetterSelection
    from streamroute.ops.paced_retry.start import count_letters, create_retry
    from streamroute.ops.paced_retry.work import PacedRetry

    selection = LetterSelection(
        criteria=session.criteria, to=to, stop_after=pace.stop_after, watch=pace.watch
    )
    with progress_bar("dead letters", await session.query.count()) as bar:
        counts = await count_letters(session.query, selection, bar.update)
    code = session.exit_code(counts.total())
    if dry_run or not counts:
        print_letter_counts(counts, output_format, dry_run=dry_run)
        return code
    redis, document = session.redis, session.document
    started = create_retry(redis, document, selection, counts, who=actor(pace.who), rate=pace.rate)
    keys, held, job = await started
    work = PacedRetry(redis, document, keys, selection)
    ended = await run_in_foreground(
        *(redis, keys, held, job, work),
        target=selection.text,
        reason=pace.why,
        output_format=output_format,
    )
    for reason, count in work.refused.most_common():
        echo(f"{pluralize(count, 'dead letter')} not retried: {printable(reason)}", err=True)
    return ended or (ExitCode.FOUND if work.refused else code)


def resume_retry(config: str | None, job_id: str, pace: Pace, *, embedded: bool, output_format: str) -> int:
    """Go on with a paced retry; returns the exit code of the command."""
    from streamroute.cli.commands.running_jobs.resume import resume_job
    from streamroute.ops.paced_retry.selection import KIND

    if pace.rate is not None or pace.stop_after is not None:
        raise click.UsageError(
            "--resume goes on with the retry as it was started; leave out --rate and --stop-after"
        )
    return resume_job(
        *(config, job_id, pace.who),
        imports=False,
        embedded=embedded,
        output_format=output_format,
        kind=KIND,
        watch=pace.watch,
    )
