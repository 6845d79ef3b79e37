"""Every scenario, by name."""

from __future__ import annotations

import bad_days
import entry_faults
import network_faults
import server_faults
import worker_faults
from scenarios import SCENARIOS

__all__ = ["SCENARIOS"]

_REGISTERED = (worker_faults, server_faults, network_faults, entry_faults, bad_days)  # by being imported
