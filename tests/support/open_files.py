"""Counts what this process has open."""

from __future__ import annotations

from pathlib import Path

_FILES = Path("/proc/self/fd")


def count_open_files() -> int:
    """Return the number of open file descriptors; 0 where the system does not list them.

    A test requires that it has not grown: garbage of earlier tests may be collected meanwhile.
    """
    return len([*_FILES.iterdir()]) if _FILES.exists() else 0
