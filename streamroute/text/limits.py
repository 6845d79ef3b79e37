"""How much text from outside is kept, in characters: of exceptions, payloads, types and answers of others.

The raw fields of an entry are no such text: retries and dead letters hold all of them.
"""

from __future__ import annotations

from typing import Final

NAME: Final = 200
"""A name: a message's type, an entry's id, a route's name in a message of another scheduler."""

HISTORY: Final = 500
"""An error, and a reason, in the history that a retry carries along."""

ERROR: Final = 4_000
"""The text of an exception or of any other object, in a dead letter and in a line of the log."""

REASON: Final = ERROR + 500
"""A reason: an error, and what is said of it before."""

LONG: Final = 16_000
"""A traceback, and a whole line of the log."""
