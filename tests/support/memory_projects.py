"""A project for test apps: routes of every kind, and handlers that leave their marks in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = '''
"""Handlers that note in ``RAN`` what they did."""

import asyncio
import threading

from streamroute import Reject, Retry

RAN = []
GATE = threading.Event()
OPENED = []


async def ok(payload):
    RAN.append(("ok", payload.get("n")))


async def told(payload, container, *, word):
    RAN.append((word, payload.get("n"), container))


def plain(payload):
    RAN.append(("plain", payload["n"]))


async def fail(payload):
    RAN.append(("fail", payload["n"], payload.attempt))
    raise ValueError("no such guest")


async def later(payload):
    if payload.attempt == 1:
        raise Retry(delay=90)


async def reject(payload):
    raise Reject("not for us")


async def sleep(payload):
    await asyncio.sleep(payload["seconds"])


async def hang(payload):
    await asyncio.Event().wait()


def block(payload):
    GATE.wait(10)


async def build():
    await asyncio.sleep(0.5)
    OPENED.append("container")
    return "container"
'''

ROUTES = """
version: 1
container: memory_handlers.build
streams:
  events: {group: tests, retry: {max_attempts: 3, delay: 10s, jitter: 0}}
routes:
  - {name: ok, stream: events, type: t, filter: "n > `2`", handler: memory_handlers.ok}
  - {name: told, stream: events, type: told, handler: memory_handlers.told, with: {word: hello}}
  - {name: plain, stream: events, type: plain, handler: memory_handlers.plain}
  - {name: fail, stream: events, type: fail, handler: memory_handlers.fail}
  - {name: later, stream: events, type: later, handler: memory_handlers.later}
  - {name: reject, stream: events, type: reject, handler: memory_handlers.reject}
  - {name: sleep, stream: events, type: sleep, handler: memory_handlers.sleep, timeout: 1h}
  - {name: hang, stream: events, type: hang, handler: memory_handlers.hang, timeout: 30s}
  - {name: block, stream: events, type: block, handler: memory_handlers.block, timeout: 30s}
  - {name: small, stream: events, type: small, transform: "{total: n}", handler: memory_handlers.ok}
"""


def write_project(folder: Path, routes: str = ROUTES, handlers: str = HANDLERS) -> Path:
    """Write the project; return the path of its configuration."""
    (folder / "memory_handlers.py").write_text(handlers, encoding="utf-8")
    path = folder / "routes.yaml"
    path.write_text(routes, encoding="utf-8")
    return path
