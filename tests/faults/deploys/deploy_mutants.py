"""Mutants for deploys: builds that mishandle the state left by another configuration; each must be caught."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.groups.renaming.takeover import GroupTakeover
from streamroute.adapters.stream.coordinator import RedisCoordinator
from streamroute.core.dispatch import routes
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.route_selection import RouteSelection
from streamroute.values import RouteWait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from streamroute.core.dispatch.routes import Route
    from streamroute.message import Message

Whole = Any  # mutants access private members


def unknown_route_dies_at_once() -> None:
    """A retry of a route unknown to this worker is dead-lettered, even if another worker knows it."""

    async def route_wait(coordinator: Whole, message: Message, route: str) -> RouteWait:
        return RouteWait(None)

    _replace(RedisCoordinator, "route_wait", route_wait)


def filters_judge_retries() -> None:
    """A retry's filter runs again; a retry that it rejects is acknowledged."""
    routes_of_retry: Callable[..., Awaitable[Sequence[Route]]] = RouteSelection._routes_of_retry

    def ask_again(
        selection: Whole, message: Whole, names: frozenset[str], failures: list[Any]
    ) -> Awaitable[Sequence[Route]]:
        message.accepted = False
        return routes_of_retry(selection, message, names, failures)

    _replace(RouteSelection, "_routes_of_retry", ask_again)


def takeover_leaves_retries() -> None:
    """Scheduled retries stay in the old group, which is considered empty."""

    async def step(takeover: Whole) -> tuple[str, int]:
        await takeover._client.delete(takeover._old.retry, takeover._old.due, takeover._old.delayed)
        outcome: tuple[str, int] = await _step(takeover)
        return outcome

    _step: Callable[..., Any] = GroupTakeover._step
    _replace(GroupTakeover, "_step", step)


def takeover_waits_for_nobody() -> None:
    """The new group starts at the beginning of the stream, beside the old one."""

    async def advance(takeover: Whole) -> bool:
        return True

    _replace(GroupTakeover, "advance", advance)


def former_names_are_ignored() -> None:
    """A renamed route takes over nothing; no worker runs the retries of the old name."""

    def former_names(handler: Any) -> frozenset[str]:
        return frozenset()

    _replace(routes, "_former_names", former_names)


def types_judge_retries() -> None:
    """A retry is looked up among the routes of its type only."""

    def named(registry: Whole, names: Iterable[str]) -> Iterable[Route]:
        return ()

    _replace(RouteRegistry, "named", named)


def _replace(owner: object, method: str, mutation: Callable[..., Any]) -> None:
    assert hasattr(owner, method)
    setattr(owner, method, mutation)


MUTANTS: dict[str, Callable[[], None]] = {
    "an unknown route's retry dies at once": unknown_route_dies_at_once,
    "a retry's filter is asked again": filters_judge_retries,
    "the takeover leaves retries": takeover_leaves_retries,
    "the takeover waits for nobody": takeover_waits_for_nobody,
    "former names are ignored": former_names_are_ignored,
    "a retry's type is asked again": types_judge_retries,
}
