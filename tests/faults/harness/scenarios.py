"""Scenarios: each fault that workers must survive, by name, and how a scenario is run and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from oracle import Terms, Verdict
from scene import PATIENCE, TERMS, Scene
from servers import RealServer
from worker_process import SERVE

if TYPE_CHECKING:
    from pathlib import Path

Strike = Callable[[Scene], None]
"""Causes a fault in a scene under load, and ends it: the workers must recover by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fault, and the scene that it needs.

    Without ``system``, the scene is one server with the settings ``server``. A scenario that is not
    ``comparable`` tests a feature that the usual design lacks.
    """

    name: str
    strike: Strike
    workers: int = 2
    terms: Terms = TERMS
    server: Mapping[str, Any] = field(default_factory=dict)
    system: Callable[[Path], Any] | None = None
    command: Sequence[str] = SERVE
    comparable: bool = True


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, **facts: Any) -> Callable[[Strike], Strike]:
    """Register the decorated function as the strike of a scenario."""

    def register(strike: Strike) -> Strike:
        SCENARIOS[name] = Scenario(name=name, strike=strike, **facts)
        return strike

    return register


own_scenario = partial(scenario, comparable=False)


def play(
    played: Scenario,
    binary: Path,
    folder: Path,
    seed: int,
    *,
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Verdict:
    """Run load, the fault at a seeded moment, recovery, rest, and the oracle; return its verdict."""
    settings = {"options": [], **played.server}
    with ExitStack() as stack:
        system = stack.enter_context(played.system(binary)) if played.system else None
        server = system.locate() if system else stack.enter_context(RealServer(binary, **settings))
        scene = stack.enter_context(
            Scene(
                server,
                folder,
                seed,
                system,
                command=command or played.command,
                environment={**({"FAULTS_URL": system.url} if system else {}), **(environment or {})},
                terms=played.terms,
                patience=patience,
            )
        )
        if played.workers:
            scene.start(played.workers)
        played.strike(scene)
        scene.rest()
        scene.end()
        return scene.verdict()
