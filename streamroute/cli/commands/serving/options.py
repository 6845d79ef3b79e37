"""The options of ``serve``, validated against the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

import click

from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.process.metrics import MetricsEndpoints

if TYPE_CHECKING:
    from streamroute.cli.commands.serving.board_process import BoardStart
    from streamroute.cli.commands.serving.worker_channel import WorkerChannelEnd
    from streamroute.config.document import Document
    from streamroute.ops.serve.session import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of ``serve``; of a worker, ``report`` is its file descriptor for reports.

    ``channel`` is a worker's channel for generations; None if it is not reloaded. ``board`` is None without
    one. ``traces`` is how spans refer to those of producers; None to decide by the environment.
    """

    feed: Feed | None = None
    drain: bool
    embedded: bool
    adopt: bool
    metrics: MetricsEndpoints = field(default_factory=MetricsEndpoints)
    board: BoardStart | None = None
    report: int | None = None
    channel: WorkerChannelEnd | None = None
    traces: str | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether the run ends by itself, with a summary."""
        return self.drain or self.feed is not None

    @property
    def is_worker(self) -> bool:
        """Whether this process reports to a supervisor."""
        return self.report is not None


def with_feed(
    options: ServeOptions, events: BinaryIO, name: str, document: Document, stream: str | None
) -> ServeOptions:
    """Return the options with a feed of ``events``, to ``stream`` or to the only one.

    Raises click.UsageError if the stream is ambiguous or unserved.
    """
    from streamroute.ops.serve.served_streams import served_streams
    from streamroute.ops.serve.session import Feed

    return replace(options, feed=Feed(events, name, _feed_target(document, served_streams(document), stream)))


def _feed_target(document: Document, served: list[str], stream: str | None) -> str:
    if stream is None:
        if len(served) > 1:
            raise click.UsageError(f"--feed needs --feed-stream, one of: {', '.join(served)}")
        return served[0]
    stream_named(document.streams, stream)
    if stream not in served:
        raise click.UsageError(f'the stream "{stream}" has no routes: the feed would not be read')
    return stream
