"""Publish CloudEvents: ``python measure.py``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import streamroute
from streamroute import Event

ROUTES = Path(__file__).with_name("routes.yaml")
MEASURED = "com.example.temperature.measured"


def measured(number: int, bed: int, celsius: float) -> Event:
    """An event of a sensor: headers are attributes; ``id`` makes publishing it again a repetition."""
    attributes = {"source": "/sensors", "subject": f"bed/{bed}", "time": f"2026-07-01T12:0{number}:00Z"}
    return Event(MEASURED, {"celsius": celsius}, id=f"m-{number}", headers=attributes)


async def main() -> None:
    """Publish three measurements; each is checked by the schema of its type."""
    async with streamroute.Publisher(ROUTES) as publisher:
        events = [measured(1, 1, 24.5), measured(2, 2, 31), measured(3, 2, 32.5)]
        ids = await publisher.publish_many("climate", events, validate=True)
    print(f"{len(ids)} events published")


if __name__ == "__main__":
    asyncio.run(main())
