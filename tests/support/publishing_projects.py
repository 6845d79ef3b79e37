"""A project with streams to publish to, and the entries of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

_ROUTES = """\
version: 1
redis: {{url: "{url}"}}
streams:
  bot_events: {{group: tests{settings}}}
  audit: {{group: tests}}
messages:
  booking.confirmed:
    schema:
      type: object
      properties: {{nights: {{type: integer}}, guest: {{type: string, pattern: "^[a-z]+$"}}}}
      required: [nights]
  ping: {{}}
routes:
  - {{name: r, stream: bot_events, type: booking.confirmed, handler: trap.door}}
"""


def routes(folder: Path, url: str, settings: str = "") -> Path:
    """Write a configuration; ``settings`` are those of the stream bot_events. Importing a handler exits."""
    path = folder / "routes.yaml"
    path.write_text(_ROUTES.format(url=url, settings=f", {settings}" if settings else ""))
    (folder / "trap.py").write_text("raise SystemExit(9)\n")
    return path


async def entries(client: Redis, stream: str = "bot_events") -> list[tuple[str, dict[bytes, bytes]]]:
    """Return the ids and fields of a stream's entries."""
    rows: Any = await client.xrange(stream)
    return [(entry_id.decode(), fields) for entry_id, fields in rows]
