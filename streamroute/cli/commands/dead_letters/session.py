"""Runs a command of ``dead``: loads the configuration, opens the server, and checks names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.commands.dead_letters.known_names import require_known_groups, require_known_names
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, progress_bar
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.config.document import Document
    from streamroute.ops.audit import Audit
    from streamroute.ops.dead_letters.actions import ActionResult
    from streamroute.ops.dead_letters.audited_change import AuditedChange
    from streamroute.ops.dead_letters.filter import DeadLetterFilter
    from streamroute.ops.dead_letters.groups import GroupReport
    from streamroute.ops.dead_letters.payloads import LetterPayloads
    from streamroute.ops.dead_letters.query import DeadLetterPage, DeadLetterQuery


@dataclass(frozen=True, slots=True)
class DeadLetterSession:
    """The configuration, its dead letters, and the filter of the command line."""

    document: Document
    redis: RedisConnection
    query: DeadLetterQuery
    criteria: DeadLetterFilter
    payloads: LetterPayloads | None = None

    async def groups(self, streams: Sequence[str] = (), *, rebuild: bool = False) -> GroupReport:
        """Return the groups of failures, with a progress bar if letters have to be read."""
        from streamroute.ops.dead_letters.groups import GroupReader

        with progress_bar("dead letters", await self.query.count()) as bar:
            return await GroupReader(self.redis, self.query, bar.update).read(streams, rebuild=rebuild)

    def audit(self, who: str | None) -> Audit:
        """Return the audit log of an action of this operator."""
        from streamroute.ops.audit import Audit, actor

        return Audit(self.redis, actor(who))

    def change(
        self, action: str, result: ActionResult, who: str | None, *, to: str | None = None, reason: str = ""
    ) -> AuditedChange:
        """Return the record of a change of the selected letters; ``who`` is None for a dry run."""
        from streamroute.ops.dead_letters.audited_change import AuditedChange
        from streamroute.ops.paced_retry.selection import LetterSelection

        audit = None if who is None else self.audit(who)
        target = LetterSelection(criteria=self.criteria, to=to).text
        is_brief = bool(self.criteria.ids)
        return AuditedChange(audit, self.document, result, action, target, reason, is_brief)

    async def pages(self) -> AsyncIterator[DeadLetterPage]:
        """Yield the matching letters, with a progress bar on a terminal."""
        total = len(self.criteria.ids) or await self.query.count()
        with progress_bar("dead letters", total) as bar:
            async for page in self.query.find(self.criteria):
                yield page
                bar.update(page.scanned)

    def exit_code(self, count: int) -> ExitCode:
        """Return FOUND, and print why, if fewer letters matched than ids were given, or --where failed."""
        if (where := self.criteria.where) is not None and where.failed:
            dead_letters = pluralize(where.failed, "dead letter")
            echo(f"--where failed on {dead_letters}, not selected: {where.first_problem}", err=True)
            return ExitCode.FOUND
        if self.criteria.ids and count < len(set(self.criteria.ids)):
            echo("no such dead letter, or the filters exclude it", err=True)
            return ExitCode.FOUND
        return ExitCode.OK


Work = Callable[[DeadLetterSession], Coroutine[Any, Any, int]]


def run_session(
    config: str | None,
    work: Work,
    *,
    embedded: bool,
    where: str | None = None,
    decode: bool = False,
    **filters: Any,
) -> int:
    """Run a command that reads letters; returns its exit code. ``decode``: it needs their payloads."""
    from streamroute.ops.dead_letters.filter import DeadLetterFilter

    request = LetterRequest(config, DeadLetterFilter(**filters), where, decode or where is not None)
    return _run(request, work, embedded=embedded)


def run_change(
    config: str | None,
    work: Work,
    *,
    embedded: bool,
    everything: bool,
    where: str | None = None,
    **filters: Any,
) -> int:
    """Run a command that changes letters, which requires ids, a filter, or ``everything``."""
    from streamroute.ops.dead_letters.filter import DeadLetterFilter

    criteria = DeadLetterFilter(**filters)
    if criteria.matches_all and where is None and not everything:
        raise click.UsageError("select dead letters by id, by a filter such as --route, or with --all")
    return _run(LetterRequest(config, criteria, where, where is not None), work, embedded=embedded)


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """The configuration and the letters that a command is about; ``decode``: it needs their payloads."""

    config: str | None
    criteria: DeadLetterFilter
    where: str | None
    decode: bool


def _run(request: LetterRequest, work: Work, *, embedded: bool) -> int:
    from streamroute.cli.arguments.config import load_or_exit

    set_up_logging("text", "warning")
    path = config_path(request.config)
    loaded = load_or_exit(path, imports=False)
    for name in request.criteria.streams:
        stream_named(loaded.document.streams, name)
    if not request.decode:
        return asyncio.run(_work(loaded.document, work, request.criteria, None, embedded=embedded))
    if _needs_imports(loaded.document):
        loaded = load_or_exit(path)
    payloads = _payloads(loaded)
    criteria = _with_condition(request, payloads)
    return asyncio.run(_work(loaded.document, work, criteria, payloads, embedded=embedded))


def _needs_imports(document: Document) -> bool:
    """Whether a stream has a codec of the project, which user code decodes."""
    from streamroute.adapters.codecs.builtin import CODEC_NAMES

    return any(stream.codec not in CODEC_NAMES for stream in document.streams.values())


def _payloads(loaded: UsableConfig) -> LetterPayloads:
    from streamroute.ops.dead_letters.payloads import LetterPayloads

    return LetterPayloads(loaded.document, loaded.compiled.codecs)


def _with_condition(request: LetterRequest, payloads: LetterPayloads) -> DeadLetterFilter:
    from streamroute.expressions.problem import ExpressionError
    from streamroute.ops.dead_letters.payloads import PayloadCondition

    if request.where is None:
        return request.criteria
    try:
        return replace(request.criteria, where=PayloadCondition(request.where, payloads))
    except ExpressionError as error:
        raise click.UsageError(f"--where {error}") from None


async def _work(
    document: Document,
    work: Work,
    criteria: DeadLetterFilter,
    payloads: LetterPayloads | None,
    *,
    embedded: bool,
) -> int:
    from streamroute.ops.dead_letters.query import DeadLetterQuery

    async with open_server(document, embedded=embedded, create=False) as redis:
        session = DeadLetterSession(document, redis, DeadLetterQuery(redis, document), criteria, payloads)
        await require_known_names(session.query, document, criteria)
        if criteria.groups:
            require_known_groups(await session.groups(), criteria.groups)
        return await work(session)
