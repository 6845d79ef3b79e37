"""Handlers and a codec of the deployed configurations; each run is recorded by its route."""

from __future__ import annotations

import asyncio
import json
import os
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import Ledger, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger import What


async def effect(payload: Any, *, route: str, fails: bool) -> None:
    """Wait as the message says, then take effect; with ``fails``, first fail as often as it says."""
    _write("start", route, payload)
    if not fails:
        await asyncio.sleep(payload["work"])
    if fails and payload.attempt <= payload["fails"]:
        _write("fail", route, payload)
        raise ConnectionError("the shop is closed")
    _write("done", route, payload)


async def moved_effect(payload: Any, *, route: str, fails: bool) -> None:
    """The same handler under another path."""
    await effect(payload, route=route, fails=fails)


class Compressed:
    """Reads compressed JSON, and the plain JSON of the time before; writes compressed JSON."""

    def decode(self, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Return the message."""
        data = fields[b"data"]
        message: dict[str, Any] = json.loads(data if data.startswith(b"{") else zlib.decompress(data))
        return {**message, "type": fields[b"type"].decode()}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Return the entry."""
        data = {name: value for name, value in payload.items() if name != "type"}
        return {b"type": str(payload["type"]).encode(), b"data": zlib.compress(json.dumps(data).encode())}


def _write(what: What, route: str, payload: Any) -> None:
    # Not synced: written data survives the process, and no machine crashes here.
    _ledger().write(
        sync=False,
        what=what,
        n=payload["n"],
        id=payload.id,
        route=route,
        attempt=payload.attempt,
        deliveries=payload.deliveries,
        worker=os.environ["FAULTS_WORKER"],
        at=now(),
    )


@cache
def _ledger() -> Ledger:
    name = os.environ["FAULTS_WORKER"]
    return Ledger(Path(os.environ["FAULTS_FOLDER"]) / f"runs-{name}.jsonl")
