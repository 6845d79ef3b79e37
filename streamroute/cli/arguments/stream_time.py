"""A place in a stream on the command line: an entry's id, a time, or an age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streamroute.ops.stream_times import StreamTime


class StreamTimeParam(click.ParamType["StreamTime"]):
    """An id such as ``1718000000000-0``, an ISO 8601 time (UTC, unless it says so), or an age as ``-2h``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> StreamTime:
        """See ``click.ParamType``."""
        from streamroute.ops.stream_times import StreamTime, parse_stream_time

        if isinstance(value, StreamTime):
            return value
        try:
            return parse_stream_time(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
