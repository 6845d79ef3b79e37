"""The load during deploys: a few hundred messages a second, some of which fail or are slow."""

from __future__ import annotations

import json
import random
import threading
import zlib
from dataclasses import dataclass
from typing import Any, Final

from ledger import now
from producer import STREAM

PLACED: Final = "order.placed"
CHANGED: Final = "order.changed"
TIERS: Final = ("gold", "silver", "bronze")
LANES: Final = 7
FAILS_FOR_GOOD: Final = 9  # more attempts than any configuration allows
_TICK: Final = 0.02  # seconds between two batches
_AGAIN: Final = 200  # messages after which an item repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the server accepted at ``sent``; its handlers fail ``fails`` times.

    Two messages share an ``item``; ``packed`` says that it was not sent as plain JSON.
    """

    n: int
    id: str
    sent: float
    kind: str
    tier: str
    fails: int
    item: int
    packed: bool


class Load:
    """Sends ``rate`` messages a second from a thread, between ``start()`` and ``finish()``.

    After ``pack()``, messages are sent compressed.
    """

    def __init__(self, client: Any, seed: int, rate: float) -> None:
        self.sent: list[Sent] = []
        self._client = client
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        self._batch = max(1, round(rate * _TICK))
        self._packed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def pack(self) -> None:
        """Send in the new form from now on."""
        self._packed = True

    def finish(self) -> None:
        """Stop; no-op if stopped."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(_TICK):
            self._send([self._message(len(self.sent) + i) for i in range(self._batch)])

    def _send(self, messages: list[dict[str, Any]]) -> None:
        packed = self._packed
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            data = json.dumps(message).encode()
            fields = {b"type": message["kind"].encode(), b"data": zlib.compress(data) if packed else data}
            pipeline.xadd(STREAM, fields)
        sent = now()
        for message, entry_id in zip(messages, pipeline.execute(), strict=True):
            facts = {name: message[name] for name in ("n", "kind", "tier", "fails", "item")}
            self.sent.append(Sent(id=entry_id.decode(), sent=sent, packed=packed, **facts))

    def _message(self, n: int) -> dict[str, Any]:
        """Three in ten fail once or twice, one in sixty permanently; one in fifty takes up to two seconds."""
        dice = self._random.random()
        fails = FAILS_FOR_GOOD if dice < 1 / 60 else self._random.randint(1, 2) if dice < 0.3 else 0
        is_slow = self._random.random() < 0.02
        return {
            "n": n,
            "kind": CHANGED if self._random.random() < 0.3 else PLACED,
            "tier": self._random.choice(TIERS),
            "fails": fails,
            "item": n if n % (2 * _AGAIN) < _AGAIN else n - _AGAIN,
            "key": n % LANES,
            "lane": n % (LANES + 4),
            "work": round(self._random.uniform(1, 2) if is_slow else self._random.uniform(0, 0.04), 4),
        }
