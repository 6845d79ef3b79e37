"""Length limits for external text, in characters: exceptions, payloads, types, responses.

They do not apply to the raw fields of an entry: retries and dead letters contain all of them.
"""

from __future__ import annotations

from typing import Final

NAME: Final = 200
"""A name: a message's type, an entry's id, a route's name in an external scheduler's message."""

HISTORY: Final = 500
"""An error or a reason in the history of a retry."""

ERROR: Final = 4_000
"""The text of an exception or another object, in a dead letter or a log line."""

REASON: Final = ERROR + 500
"""A reason: an error and the text before it."""

LONG: Final = 16_000
"""A traceback or a complete log line."""
