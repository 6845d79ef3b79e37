"""A SQLite file with one row for each event and `with: {collection: ...}`."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from streamroute import Message


@contextmanager
def open_store() -> Iterator[sqlite3.Connection]:
    """The database, in the file that GITHUB_DB names (default: github.db in the working folder)."""
    with closing(sqlite3.connect(os.environ.get("GITHUB_DB", "github.db"))) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS events ("
            " collection TEXT, entry TEXT, type TEXT, repository TEXT, payload TEXT,"
            " PRIMARY KEY (collection, entry))"
        )
        yield database


async def record(payload: Message, database: sqlite3.Connection, *, collection: str) -> None:
    """Keep an event. An entry that is delivered twice is kept once: its id is the key."""
    repository = (payload.get("repository") or {}).get("full_name")
    with database:
        database.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)",
            (collection, payload.id, payload["type"], repository, json.dumps(payload)),
        )
