"""BoardService: the router that a board shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document


@dataclass(slots=True)
class BoardService:
    """A configuration and its Redis. A reload replaces ``document``."""

    name: str
    document: Document
    redis: RedisConnection
