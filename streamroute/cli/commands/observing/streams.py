"""The streams that a command looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamroute.cli.arguments.stream_argument import stream_named

if TYPE_CHECKING:
    from streamroute.config.document import Document, StreamConfig


def chosen_streams(document: Document, names: Sequence[str]) -> list[StreamConfig]:
    """Return the streams of these names (none: all); raises click.UsageError for an unknown one."""
    return [stream_named(document.streams, name) for name in dict.fromkeys(names) or document.streams]
