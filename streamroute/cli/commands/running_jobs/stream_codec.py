"""Loads a configuration for a command that decodes the entries of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from streamroute.cli.arguments.config import UsableConfig


def require_codec(loaded: UsableConfig, stream: str) -> None:
    """Raise click.UsageError if the stream has the project's own codec, and it was not imported."""
    from streamroute.adapters.codecs.builtin import CODEC_NAMES

    codec = loaded.document.streams[stream].codec
    if codec not in CODEC_NAMES and stream not in loaded.compiled.codecs:
        raise click.UsageError(f'add --import, which runs the project\'s codec "{codec}" of "{stream}"')
