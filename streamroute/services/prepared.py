"""A prepared generation: built and checked, not yet running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamroute.services.generation import Generation
from streamroute.services.service import Service


@dataclass(frozen=True, eq=False)
class PreparedGeneration:
    """What ``App.prepare`` has built; ``App.commit`` runs it, ``App.discard`` closes it.

    ``services`` are those that the running ones cannot replace by other settings, by stream.
    """

    generation: Generation
    services: Mapping[str, Service]
