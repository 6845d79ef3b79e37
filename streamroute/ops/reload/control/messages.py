"""Requests and answers of the control socket: one line of JSON each, of bounded length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from streamroute.ops.reload.result import ReloadResult
from streamroute.text.truncation import clip

MAX_REQUEST: Final = 32_768
"""Bytes of a request: the longest path has 4096, and JSON needs up to six for one of them."""

MAX_ANSWER: Final = 8_000_000
"""Bytes of an answer."""

_MAX_TEXT: Final = 100_000  # characters of a text in an answer; JSON needs up to six bytes for one

RELOAD: Final = "reload"
ROLLBACK: Final = "rollback"
GENERATION: Final = "generation"
_ASKS: Final = frozenset({RELOAD, ROLLBACK, GENERATION})


class BadMessageError(ValueError):
    """Raised for a request or an answer that is not one; the text says why."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """What a client asks for: to reload the files, or to roll back to a generation (empty: the last one).

    Or it asks which generation runs. ``root`` is the absolute path of the root file whose processes are
    meant; empty: all that use the state folder.
    """

    ask: str
    generation: str = ""
    root: str = ""

    def is_for(self, root: str) -> bool:
        """Whether a process that serves this root file, given by its absolute path, is meant."""
        return self.root in {"", root}

    def encode(self) -> bytes:
        """Return the request as a line."""
        return _line({"ask": self.ask, "generation": self.generation, "root": self.root})

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read a line. Raises BadMessageError."""
        data = _mapping(line)
        ask, generation, root = data.get("ask"), data.get("generation", ""), data.get("root", "")
        if ask not in _ASKS or not isinstance(generation, str) or not isinstance(root, str):
            raise BadMessageError("unknown request")
        return cls(ask, generation, root)


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """The answer: the result of the reload, or why there is none; ``note`` is a line to add to it.

    If the process serves another root file than the request is for, ``is_meant`` is false, and nothing was
    done.
    """

    process: int
    result: ReloadResult | None = None
    error: str = ""
    note: str = ""
    is_meant: bool = True

    @property
    def is_ok(self) -> bool:
        """Whether the configuration that was asked for is running now."""
        return self.result is not None and self.result.is_ok

    def encode(self) -> bytes:
        """Return the answer as a line; long texts are cut."""
        result = None if self.result is None else _clipped(self.result.as_dict())
        texts = _clipped({"error": self.error, "note": self.note})
        return _line({"process": self.process, "result": result, "meant": self.is_meant, **texts})

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read a line. Raises BadMessageError."""
        data = _mapping(line)
        try:
            result = None if data.get("result") is None else ReloadResult.from_dict(data["result"])
            texts = str(data.get("error", "")), str(data.get("note", ""))
            return cls(int(data["process"]), result, *texts, is_meant=data.get("meant") is not False)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadMessageError("the answer is not one of streamroute") from error


def _mapping(line: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("the line is not JSON") from error
    if not isinstance(data, dict):
        raise BadMessageError("the line is not a JSON object")
    return data


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode() + b"\n"


def _clipped(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: clip(value, _MAX_TEXT) if isinstance(value, str) else value for key, value in data.items()}
