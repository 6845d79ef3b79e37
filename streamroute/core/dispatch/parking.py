"""Parking: the messages of paused routes wait, and a probe shows whether a route works again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from streamroute.core.dispatch.routes import Route
from streamroute.core.observer import Result
from streamroute.core.router import HandlerFunc
from streamroute.errors import LeaseLostError, Postpone, Reject
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.values import Outcome


def without_parked(
    gate: PauseGate, payload: dict[str, Any], routes: Sequence[Route], failures: list[Outcome]
) -> Sequence[Route]:
    """Return the routes that run now; record that the message waits for the others.

    A message whose outcomes are not settled cannot be parked: all of its routes run.
    """
    if not isinstance(payload, Message) or payload.delivery.outcomes is None:
        return routes
    unparked = payload.delivery.unparked
    if not gate.parks and (unparked is None or not unparked.is_probe):
        return routes
    running: list[Route] = []
    for route in routes:
        parked_for = gate.parked_for(route, unparked)
        if parked_for is not None:
            failures.append(gate.park(parked_for, route.key, payload.attempt))
        elif unparked is not None and unparked.is_probe and unparked.is_of(route):
            running.append(replace(route, handler=_probing(route.handler, gate, unparked.route)))
        else:
            running.append(route)
    return running


def _probing(run: HandlerFunc, gate: PauseGate, route: str) -> HandlerFunc:
    """Wrap a handler: its end tells the circuit whether the route works again.

    A message that is rejected, waits for another one, or is a duplicate says nothing: another one is tried.
    """

    async def handler(message: Any, container: Any) -> Any:
        try:
            result = await run(message, container)
        except (LeaseLostError, asyncio.CancelledError):
            raise  # it runs again, here or on another worker, and is a probe then too
        except BaseException as error:
            says_nothing = issubclass(type(error), (Reject, Postpone))
            gate.probes.append((route, "again" if says_nothing else "open"))
            raise
        gate.probes.append((route, "again" if result is Result.SKIPPED else "closed"))
        return result

    return handler
