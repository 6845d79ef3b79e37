"""A prepared generation: built and checked, not yet running."""

from __future__ import annotations

from dataclasses import dataclass

from streamroute.services.generation import Generation


@dataclass(frozen=True, eq=False)
class PreparedGeneration:
    """What ``App.prepare`` has built; ``App.commit`` runs it, ``App.discard`` closes it."""

    generation: Generation
