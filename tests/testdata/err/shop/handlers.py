"""Handlers of every shape that a route may meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


async def welcome(payload: dict[str, Any]) -> None:
    """Takes a message."""


async def welcome_vip(payload: dict[str, Any], container: object) -> None:
    """Takes a message and the container."""


def send(payload: dict[str, Any], *, template: str, copies: int = 1) -> None:
    """Takes arguments of its route."""


other = welcome


def no_payload() -> None:
    """Takes nothing."""


def rows(payload: dict[str, Any]) -> Iterator[int]:
    """Runs nothing when it is called."""
    yield len(payload)


class Guests:
    """Its instances cannot be called."""


class Compact:
    """Half a codec."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Read an entry."""
        return {str(key): value for key, value in fields.items()}


RATES = {"EUR": 1.0}


def anything(payload: dict[str, Any], **arguments: object) -> None:
    """Takes whatever its route gives."""
