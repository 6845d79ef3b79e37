"""What the exit codes mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    """Nothing is wrong, or nothing worse than info."""
    FOUND = 1
    """Something is wrong in a file or an event, or a message failed for good."""
    USAGE = 2
    """The command's words are off, or a path does not exist."""
    INTERNAL = 3
    """streamroute itself failed."""
    NO_REDIS = 4
    """Redis cannot be reached."""
