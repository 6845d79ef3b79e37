"""Hidden options of ``board`` that link it to the router that started it."""

from __future__ import annotations

from typing import Final

LISTENER_OPTION: Final = "--router-listener"
"""The file descriptor of the listening socket."""
METRICS_OPTION: Final = "--router-metrics"
"""The port of the router's metrics on this machine."""
