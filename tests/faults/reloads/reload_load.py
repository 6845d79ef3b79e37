"""The load during reloads: messages as fast as the workers take them."""

from __future__ import annotations

import json
import random
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import ResponseError

from group_state import order as as_numbers
from ledger import Ledger, now
from producer import GROUP, MAX_ATTEMPTS, STREAM
from reload_configs import DOOMED, LANES, NOTES

if TYPE_CHECKING:
    from pathlib import Path

_BATCH: Final = 10
_BACKLOG: Final = 40  # messages that wait in the stream: the workers never run dry
_PAUSE: Final = 0.01  # seconds between two looks at a full backlog


class SaturatingLoad:
    """Keeps a backlog in the stream, from a thread, between ``start()`` and ``finish()``.

    One message in ten fails once or twice, one in two hundred permanently. Each takes up to 25 ms in each of
    its routes, one in twenty up to 150 ms. Each tenth goes to another stream.
    """

    def __init__(self, client: Any, folder: Path, seed: int) -> None:
        self.count = 0
        self._client = client
        self._ledger = Ledger(folder / "produced.jsonl")
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        self._backlog: deque[tuple[int, int]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def finish(self) -> None:
        """Stop; no-op if stopped."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def close(self) -> None:
        """Stop, and release all resources."""
        self.finish()
        self._client.close()
        self._ledger.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._is_full():
                self._stop.wait(_PAUSE)
            else:
                self._send([self._message(self.count + i) for i in range(_BATCH)])

    def _is_full(self) -> bool:
        if len(self._backlog) < _BACKLOG:
            return False
        last = as_numbers(self._last_delivered())
        while self._backlog and self._backlog[0] <= last:
            self._backlog.popleft()
        return len(self._backlog) >= _BACKLOG

    def _last_delivered(self) -> bytes:
        with suppress(ResponseError):  # there is no group yet
            for flat in self._client.execute_command("XINFO", "GROUPS", STREAM):
                facts = dict(zip(flat[::2], flat[1::2], strict=True))
                if facts[b"name"] == GROUP.encode():
                    last: bytes = facts[b"last-delivered-id"]
                    return last
        return b"0-0"

    def _send(self, messages: list[dict[str, Any]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            kind, stream = ("order.noted", NOTES) if message["n"] % 10 == 0 else ("order.placed", STREAM)
            pipeline.execute_command("XADD", stream, "*", "type", kind, "data", json.dumps(message))
        sent, ids = now(), [entry_id.decode() for entry_id in pipeline.execute()]
        for message, entry_id in zip(messages, ids, strict=True):
            self._record(message, entry_id, sent)
        self.count += len(messages)

    def _record(self, message: dict[str, Any], entry_id: str, sent: float) -> None:
        n, fails = message["n"], message["fails"]
        routes = ["choice", "audit", *(["flaky"] if fails else [])]
        if n % 10 == 0:
            entry_id, routes = f"{NOTES} {entry_id}", ["note"]
        else:
            self._backlog.append(as_numbers(entry_id))
        doomed = ["flaky"] if "flaky" in routes and fails >= MAX_ATTEMPTS else []
        facts: dict[str, Any] = {"n": n, "id": entry_id, "routes": routes, "doomed": doomed}
        self._ledger.write(sync=False, sent=sent, at=now(), **facts)

    def _message(self, n: int) -> dict[str, Any]:
        dice = self._random.randrange(200)
        fails = DOOMED if dice == 0 else self._random.randint(1, 2) if dice <= 20 else 0
        work = round(self._random.uniform(0, 0.15 if self._random.randrange(20) == 0 else 0.025), 3)
        return {"n": n, "lane": self._random.randrange(LANES), "fails": fails, "work": work}
