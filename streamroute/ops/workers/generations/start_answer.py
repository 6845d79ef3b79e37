"""Start answer: how a worker's start went, as the first line that it writes to its supervisor."""

from __future__ import annotations

import json
from asyncio import StreamReader
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamroute.ops.workers.generations.messages import read_values, text_of
from streamroute.text.limits import LONG
from streamroute.text.truncation import clip

MAX_TEXT: Final = 4 * LONG
"""Characters of the findings, with their lines."""
_MAX_LINES: Final = 50
_MAX_LINE: Final = 1_000  # characters
_MAX_PATHS: Final = 16 * LONG  # characters


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """``generation`` runs now; or ``refusal`` is why it does not, in a few words.

    ``lines`` are a refused one's errors, else the warnings; ``text`` shows the errors with their places.
    ``modules`` are the files of the user's modules that were imported.
    """

    generation: str = ""
    refusal: str = ""
    lines: tuple[str, ...] = ()
    text: str = ""
    modules: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the answer as one line for ``read_start_answer``, cut to its limits."""
        values = asdict(self) | {
            "number": 0,
            "refusal": clip(self.refusal, LONG),
            "lines": [clip(line, _MAX_LINE) for line in self.lines[:_MAX_LINES]],
            "text": clip(self.text, MAX_TEXT),
            "modules": _first(self.modules, _MAX_PATHS),
        }
        return json.dumps(values).encode() + b"\n"


async def read_start_answer(reader: StreamReader) -> StartAnswer | None:
    """Read the answer; None if the worker ended before. Raises ProtocolError."""
    values = await read_values(reader)
    if values is None:
        return None
    texts = {name: text_of(values, name) for name in ("generation", "refusal", "text")}
    return StartAnswer(**texts, lines=_texts(values, "lines"), modules=_texts(values, "modules"))


def _texts(values: dict[str, Any], name: str) -> tuple[str, ...]:
    items = values.get(name)
    return tuple(item for item in items if type(item) is str) if type(items) is list else ()


def _first(paths: Iterable[str], most: int) -> list[str]:
    """Return the first paths that have at most so many characters together."""
    taken: list[str] = []
    for path in paths:
        most -= len(path)
        if most < 0:
            break
        taken.append(path)
    return taken
