"""The settings of the loggers that a command changes when it sets up its log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def log_settings_kept() -> Iterator[None]:
    """Restore these settings after the block, so that later tests of this process see every record."""
    from streamroute.cli.output.logging import NOISY_LOGGERS  # conftest is loaded before coverage starts

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in NOISY_LOGGERS}
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        for logger, earlier in levels.items():
            logger.setLevel(earlier)
        logging.captureWarnings(False)
