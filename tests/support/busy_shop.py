"""A router of bookings with a board, empty or in the middle of a bad night."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards import board_url
from projects import Project
from servers import RealServer, valkey_binary, wait_until
from streamroute.adapters.entries.dead_record import DeadRecord

if TYPE_CHECKING:
    from projects import Running

HEAD = """
version: 1
redis:
  url: ${REDIS_URL:-embedded}
streams:
  bookings: {group: shop, grace: 1s, retry: {max_attempts: 2, delay: 2h, max_delay: 2h}}
  payments: {group: shop, grace: 1s, retry: {max_attempts: 1}}
routes:
"""
ROUTES = """
  - name: confirm
    description: Guests are told that their booking stands.
    type: booking.confirmed
    stream: bookings
    handler: shop.confirm
  - name: welcome-vip
    type: booking.confirmed
    stream: bookings
    filter: guest.tier == 'gold' && nights >= `3`
    handler: shop.confirm
  - name: sync-calendar
    type: [booking.confirmed, booking.cancelled]
    stream: bookings
    handler: shop.sync
  - name: charge
    type: [payment.due, payment.late]
    stream: payments
    handler: shop.charge
  - name: report
    type: payment.report
    stream: payments
    handler: shop.report
    timeout: 1h
  - name: old-report
    type: payment.report
    stream: payments
    handler: shop.report
    enabled: false
"""
MORE = """
  - name: invoice
    type: payment.done
    stream: payments
    filter: amount > `0`
    transform: "{id: booking, total: amount}"
    handler: shop.confirm
"""
SHOP = '''
"""Handlers of a bad night."""

import asyncio


class CardDeclinedError(Exception):
    """The bank says no."""


async def confirm(payload):
    await asyncio.sleep(0.002)


async def sync(payload):
    raise ConnectionError(f"calendar.internal:443 refused the connection of booking {payload['booking']}")


async def charge(payload):
    raise CardDeclinedError(f"the card of {payload['booking']} was declined")


async def report(payload):
    await asyncio.Event().wait()
'''
FIXED = SHOP.replace("    raise CardDeclinedError", "    return\n    raise CardDeclinedError")
"""The same, but charging works."""
_HOUR = 3_600_000  # ms


@dataclass
class Shop:
    """A running router: its project, and its board for the operators alice and carol, and the viewer bob."""

    project: Project
    running: Running
    url: str
    token: str
    second_token: str
    viewer_token: str
    paths: Mapping[str, str]
    """The address of each page, by name."""

    def restart(self) -> None:
        """Start the router again, with the handlers that are there now; its board stays where it is."""
        self.running.process.terminate()
        self.running.end()
        words = ["serve", *_WORDS]
        words[words.index("--http") + 1] = self.url.rpartition(":")[2]
        self.running = self.project.start(*words)
        self.running.expect_log("serving")


@contextmanager
def shop(folder: Path, *, is_busy: bool) -> Iterator[Shop]:
    """Run the router on a server of its own; a busy one has messages in every state when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    with RealServer(valkey_binary()) as server, Project(folder, {"REDIS_URL": server.url}) as project:
        alice, carol, bob = (secrets.token_urlsafe(24) for _ in range(3))
        tokens = f"operator alice {alice}\noperator carol {carol}\nviewer bob {bob}\n"
        project.write("tokens", tokens).chmod(0o600)
        project.write("shop.py", SHOP)
        project.write("routes.yaml", HEAD + ROUTES)
        running = project.start("serve", *_WORDS)
        running.expect_log("serving")
        paths = dict(_PAGES)
        if is_busy:
            paths |= _become_busy(project, running)
        yield Shop(project, running, board_url(running), alice, carol, bob, paths)


_WORDS = ("--http", "0", "--http-admin", "--http-tokens", "tokens", "--state-dir", "state", "--reload")


_PAGES = {
    "overview": "/",
    "routes": "/routes",
    "route": "/route/charge",
    "failures": "/failures",
    "retries": "/retries",
    "tail": "/tail",
    "jobs": "/jobs",
    "explain": "/explain",
    "config": "/config",
    "audit": "/audit",
}


def _become_busy(project: Project, running: Running) -> dict[str, str]:
    _write_old_letters(project)
    publish(
        project, "payments", *({"type": "payment.due", "booking": f"B-{n}", "amount": n} for n in range(40))
    )
    publish(project, "payments", {"type": "payment.report", "booking": "B-1"})
    guest = {"name": "Ada", "tier": "gold"}
    publish(
        project,
        "bookings",
        *(
            {"type": "booking.confirmed", "booking": f"B-{n}", "nights": n % 7, "guest": guest}
            for n in range(60)
        ),
    )
    project.run("pause", "welcome-vip", "--reason", "the template of the letter is wrong", "--as", "alice")
    dead = "{payments}:shop:dead"
    wait_until(lambda: project.redis.xlen(dead) >= 40 + _OLD, "the dead letters")
    wait_until(lambda: project.redis.zcard("{bookings}:shop:due") == 60, "the retries")
    project.write("routes.yaml", HEAD + ROUTES + MORE)
    running.expect_log("1 route added: invoice")
    project.write("routes.yaml", HEAD + ROUTES + MORE + "  - {name: broken, type: x, handlr: shop.confirm}\n")
    running.expect_log("handlr")
    project.write("routes.yaml", HEAD + ROUTES + MORE)
    groups = json.loads(project.run("dead", "groups", "--format", "json").out)["groups"]
    small = next(group for group in groups if group["route"] == "invoice")
    big = next(group for group in groups if group["route"] == "charge")
    done = project.run(
        "dead",
        "retry",
        "--group",
        small["group"],
        "--rate",
        "50/s",
        "--as",
        "alice",
        "--why",
        "the amount is known",
    )
    assert done.code == 0, done.err
    letter = project.redis.xrevrange(dead, count=1)[0][0].decode()
    message = project.redis.xrevrange("bookings", count=1)[0][0].decode()
    return {
        "failure": f"/failures/payments/{big['group']}",
        "letter": f"/letter/payments/{letter}",
        "edit": f"/letter/payments/{letter}/edit",
        "message": f"/message/bookings/{message}",
    }


def publish(project: Project, stream: str, *events: Mapping[str, Any]) -> None:
    """Write events to a stream as producers do."""
    client = project.redis
    with client.pipeline(transaction=False) as pipeline:
        for event in events:
            pipeline.xadd(stream, {"type": str(event["type"]), "data": json.dumps(event)})
        pipeline.execute()


_OLD = 60
"""Dead letters of the day before."""


def _write_old_letters(project: Project) -> None:
    now = int(time.time() * 1000)
    client = project.redis
    for number in range(_OLD):
        at = now - 20 * _HOUR + number * (19 * _HOUR // _OLD)
        record = old_record(number, at)
        client.xadd("{payments}:shop:dead", record.write(), id=f"{at}-0")


def old_record(number: int, at: int) -> DeadRecord:
    """Return the dead letter of a day before; ``at`` is its time in ms since the epoch."""
    is_invoice = number % 5 == 0
    error = "KeyError: 'amount'" if is_invoice else f"CardDeclinedError: the card of B-{number} was declined"
    kind = "payment.done" if is_invoice else "payment.late"
    event = {"type": kind, "booking": f"B-{number}", "amount": 7}
    return DeadRecord(
        id=f"{at - 5}-0",
        stream="payments",
        group="shop",
        route="invoice" if is_invoice else "charge",
        reason="failed",
        error=error,
        traceback=f'Traceback (most recent call last):\n  File "shop.py", line 20, in charge\n{error}\n',
        attempt=1,
        deliveries=1,
        fields={b"type": kind.encode(), b"data": json.dumps(event).encode()},
        type=kind,
        time=at / 1000,
        error_class="KeyError" if is_invoice else "CardDeclinedError",
        frame="shop:charge",
    ).signed()
