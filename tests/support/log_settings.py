"""The settings of the loggers that a command changes when it sets up its log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_QUIETED: Final = ("asyncio", "redis", "httpx", "httpcore")
"""Loggers whose level a command sets."""


@contextmanager
def log_settings_kept() -> Iterator[None]:
    """Restore them after the block, so that later tests of this process see every record."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in _QUIETED}
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        for logger, earlier in levels.items():
            logger.setLevel(earlier)
        logging.captureWarnings(False)
