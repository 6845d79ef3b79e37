"""The producer: sends messages at a steady pace, resends unconfirmed ones, and records the confirmed ones."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING, Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ledger import Ledger, now
from waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STREAM: Final = "orders"
GROUP: Final = "shop"
KIND: Final = "order.placed"
MAX_ATTEMPTS: Final = 3
KEYS: Final = 20
_RESEND_AFTER = 0.05  # seconds
_BATCH = 1_000  # messages per round trip, for large numbers


def connect(socket_path: Path) -> Redis:
    """Return a direct client for the test itself, without retries; replies are raw RESP2."""
    client = Redis(
        unix_socket_path=str(socket_path), socket_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2
    )
    client.response_callbacks.clear()
    return client


class Producer:
    """Sends about ``rate`` messages a second from a thread, between ``start()`` and ``finish()``.

    ``seed`` determines the orders to the handlers: most take some 80 ms, every tenth fails once or twice,
    every fiftieth permanently.
    """

    def __init__(self, client: Any, folder: Path, seed: int, rate: float = 150) -> None:
        self.count = 0
        self._client = client
        self._ledger = Ledger(folder / "produced.jsonl")
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        self._pause = 1 / rate
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def wait_for(self, count: int) -> None:
        """Return once this many messages are confirmed."""
        wait_for(lambda: self.count >= count, f"{count} messages to be taken", 60)

    def send(
        self, kind: str = KIND, routes: Sequence[str] = (), doomed: Sequence[str] = (), **orders: Any
    ) -> str:
        """Send one message with these orders; return its id once the server has confirmed it.

        ``routes`` are those that must handle it beside ``record`` and ``flaky``, ``doomed`` those of them
        that fail permanently on purpose.
        """
        fails = orders.get("fails", 0)
        all_routes = ["record", *(["flaky"] if fails else []), *routes]
        all_doomed = [*(["flaky"] if fails >= MAX_ATTEMPTS else []), *doomed]
        all_doomed += ["record"] if orders.get("die") in ("every", "exit") else []
        return self._send(orders, {b"type": kind.encode()}, all_routes, all_doomed)

    def send_together(self, *messages: Mapping[str, Any]) -> list[str]:
        """Send messages with these orders at once, so that one read may return all; return their ids."""
        with self._turn:
            pipeline, first = self._client.pipeline(transaction=True), self.count
            for n, orders in enumerate(messages, first):
                data = json.dumps({"n": n, "key": n % KEYS, **orders})
                pipeline.execute_command("XADD", STREAM, "*", "type", KIND, "data", data)
            sent, ids = now(), [entry_id.decode() for entry_id in pipeline.execute()]
            for n, (entry_id, orders) in enumerate(zip(ids, messages, strict=True), first):
                facts: dict[str, Any] = {"routes": ["record"], "doomed": [], "job": orders.get("job")}
                self._ledger.write(n=n, id=entry_id, sent=sent, at=now(), **facts)
            self.count += len(messages)
        return ids

    def send_many(self, count: int, kind: str, route: str) -> None:
        """Send this many messages that fail permanently in their only route."""
        with self._turn:
            for start in range(0, count, _BATCH):
                self._send_batch(min(_BATCH, count - start), kind, route)

    def _send_batch(self, count: int, kind: str, route: str) -> None:
        pipeline, numbers = self._client.pipeline(transaction=False), range(self.count, self.count + count)
        for n in numbers:
            pipeline.execute_command("XADD", STREAM, "*", "type", kind, "data", json.dumps({"n": n}))
        sent, ids = now(), pipeline.execute()
        for n, entry_id in zip(numbers, ids, strict=True):
            facts: dict[str, Any] = {"id": entry_id.decode(), "routes": [route], "doomed": [route]}
            self._ledger.write(sync=False, n=n, sent=sent, at=now(), **facts)
        self.count += count

    def send_raw(self, fields: dict[bytes, bytes]) -> str:
        """Send an entry that must be dead-lettered before any handler."""
        return self._send(None, fields, [], [])

    def finish(self) -> None:
        """Stop once the current message is confirmed; no-op if stopped."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def close(self) -> None:
        """Stop, at once if the server is gone for good, and release all resources."""
        self._given_up.set()
        self.finish()
        self._client.close()
        self._ledger.close()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                self.send(**self._ordinary())
            except (RedisError, OSError):
                return  # given up: this message was never confirmed

    def _ordinary(self) -> dict[str, Any]:
        orders: dict[str, Any] = {"work": round(self._random.uniform(0, 0.16), 4)}
        kind = self._random.randrange(50)
        if kind == 0:
            orders["fails"] = MAX_ATTEMPTS
        elif kind <= 5:
            orders["fails"] = self._random.randint(1, MAX_ATTEMPTS - 1)
        return orders

    def _send(
        self, orders: dict[str, Any] | None, fields: dict[bytes, bytes], routes: list[str], doomed: list[str]
    ) -> str:
        with self._turn:
            n = self.count
            if orders is not None:
                fields = {**fields, b"data": json.dumps({"n": n, "key": n % KEYS, **orders}).encode()}
            sent, entry_id = self._add(fields)
            facts: dict[str, Any] = {"routes": routes, "doomed": doomed, "job": (orders or {}).get("job")}
            self._ledger.write(n=n, id=entry_id, sent=sent, at=now(), **facts)
            self.count += 1
        return entry_id

    def _add(self, fields: dict[bytes, bytes]) -> tuple[float, str]:
        """Send until confirmed; a lost reply makes two entries of one message, as with any producer."""
        while True:
            sent = now()
            try:
                entry_id: bytes = self._client.xadd(STREAM, fields)
            except (RedisError, OSError):
                if self._given_up.wait(_RESEND_AFTER):
                    raise
            else:
                return sent, entry_id.decode()
