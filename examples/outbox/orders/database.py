"""The database of orders, and the outbox beside them."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any

import streamroute

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, guest TEXT NOT NULL, nights INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
  place INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of the events
  id TEXT NOT NULL UNIQUE,                 -- what makes publishing one of them again a repetition
  type TEXT NOT NULL,
  data TEXT NOT NULL
);
"""


def open_database() -> sqlite3.Connection:
    """Open the file that ORDERS names (default: orders.db in the working folder)."""
    database = sqlite3.connect(os.environ.get("ORDERS", "orders.db"))
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(_SCHEMA)
    return database


def place_order(database: sqlite3.Connection, guest: str, nights: int) -> int:
    """Keep an order and its event in one transaction: either both are there, or neither."""
    with database:
        number = database.execute(
            "INSERT INTO orders (guest, nights) VALUES (?, ?) RETURNING number", (guest, nights)
        ).fetchone()[0]
        add_event(database, "order.placed", {"number": number, "guest": guest, "nights": nights})
    return int(number)


def add_event(database: sqlite3.Connection, event_type: str, data: dict[str, Any]) -> None:
    """Put an event into the outbox, as part of the caller's transaction."""
    database.execute(
        "INSERT INTO outbox (id, type, data) VALUES (?, ?, ?)",
        (str(uuid.uuid4()), event_type, json.dumps(data)),
    )


def waiting_events(database: sqlite3.Connection, limit: int) -> list[tuple[int, streamroute.Event]]:
    """Return the oldest events of the outbox, each with its place."""
    rows = database.execute("SELECT place, type, data, id FROM outbox ORDER BY place LIMIT ?", (limit,))
    return [(place, streamroute.Event(kind, json.loads(data), id=id_)) for place, kind, data, id_ in rows]


def remove_events(database: sqlite3.Connection, places: Sequence[int]) -> None:
    """Forget events that are in the stream."""
    with database:
        database.executemany("DELETE FROM outbox WHERE place = ?", [(place,) for place in places])
