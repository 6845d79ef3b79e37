"""Finds the configured stream of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.config.document import StreamConfig


def stream_named(streams: Mapping[str, StreamConfig], name: str) -> StreamConfig:
    """Return the configured stream of this name; raises click.UsageError if there is none."""
    if name in streams:
        return streams[name]
    suggestion = did_you_mean(name, streams)
    hint = (
        f'did you mean "{suggestion}"?'
        if suggestion
        else f"the configuration has {', '.join(streams) or 'none'}"
    )
    raise click.UsageError(f'unknown stream "{name}"; {hint}')
