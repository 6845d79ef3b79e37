"""The exit codes of commands."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    """There is no finding worse than info, and no message failed permanently."""
    FOUND = 1
    """A file or an event has an error, or a message failed permanently."""
    USAGE = 2
    """The command line is invalid, or a path does not exist."""
    INTERNAL = 3
    """streamroute has a bug."""
    NO_REDIS = 4
    """Redis cannot be reached."""
