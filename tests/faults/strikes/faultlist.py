"""Every scenario, by name."""

from __future__ import annotations

import bad_days
import entry_faults
import handler_faults
import network_faults
import pause_faults
import poison_faults
import reload_faults
import replicated_faults
import resource_faults
import restart_faults
import server_faults
import state_faults
import worker_faults
from scenarios import SCENARIOS

__all__ = ["SCENARIOS"]

_REGISTERED = (  # on import
    worker_faults,
    server_faults,
    network_faults,
    entry_faults,
    replicated_faults,
    poison_faults,
    handler_faults,
    state_faults,
    pause_faults,
    restart_faults,
    resource_faults,
    reload_faults,
    bad_days,
)
