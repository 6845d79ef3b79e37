"""The messages between a supervisor and a worker: a line of JSON each, an order also the files' record."""

from __future__ import annotations

import json
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from streamroute.system.record_format import MAX_CONTENT, MAX_INDEX
from streamroute.text.limits import LONG
from streamroute.text.truncation import clip

MAX_LINE: Final = 13 * LONG
"""Bytes of a line of the supervisor, and more than it needs."""

MAX_ANSWER: Final = 400 * LONG
"""Bytes of a line of a worker: the texts of a start answer, with each of their characters escaped."""

_MAX_RECORD: Final = MAX_INDEX + MAX_CONTENT

T = TypeVar("T")


class SwapStep(StrEnum):
    """What a worker is to do with a generation."""

    PREPARE = "prepare"
    """Build it beside the running one, and answer."""
    COMMIT = "commit"
    """Run the one that is prepared, and answer."""
    DISCARD = "discard"
    """Close the one that is prepared, or stop preparing it; there is no answer."""


class ProtocolError(ValueError):
    """Raised for bytes that are no message: the other process is broken, or of another release."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the supervisor; ``record`` are the packed files of a generation to prepare."""

    number: int
    step: SwapStep
    record: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the order for ``read_order``."""
        return _line({"number": self.number, "step": self.step, "size": len(self.record)}) + self.record


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the order with this number: the generation, or the reason why it is refused."""

    number: int
    generation: str = ""
    refusal: str = ""

    def to_bytes(self) -> bytes:
        """Return the answer for ``read_answer``."""
        return _line(asdict(self) | {"refusal": clip(self.refusal, LONG)})


def send(writer: StreamWriter, message: Order | Answer) -> None:
    """Write a message to the buffer; does nothing if the other process has ended.

    What is written to a closed socket makes uvloop raise; asyncio ignores it.
    """
    if not writer.is_closing():
        writer.write(message.to_bytes())


async def read_order(reader: StreamReader) -> Order | None:
    """Read an order; None at the end. Raises ProtocolError."""
    line = await _read_line(reader)
    if line is None:
        return None
    number, step, size = decode_order(line)
    try:
        return Order(number, step, await reader.readexactly(size))
    except IncompleteReadError:
        return None


def decode_order(line: bytes) -> tuple[int, SwapStep, int]:
    """Return the number of an order, its step, and the bytes of its record. Raises ProtocolError."""
    values = _values(line)
    number, step, size = (
        _value(values, "number", int),
        _value(values, "step", str),
        _value(values, "size", int),
    )
    if step not in frozenset(SwapStep) or not 0 <= size <= _MAX_RECORD:
        raise ProtocolError("not an order")
    return number, SwapStep(step), size


async def read_answer(reader: StreamReader) -> Answer | None:
    """Read an answer; None at the end. Raises ProtocolError."""
    values = await read_values(reader)
    if values is None:
        return None
    number, generation = _value(values, "number", int), _value(values, "generation", str)
    return Answer(number, generation, _value(values, "refusal", str))


async def read_values(reader: StreamReader) -> dict[str, Any] | None:
    """Read a line with a JSON object; None at the end. Raises ProtocolError."""
    line = await _read_line(reader)
    return None if line is None else _values(line)


def text_of(values: dict[str, Any], name: str) -> str:
    """Return a text of an object. Raises ProtocolError if it is missing, or no text."""
    return _value(values, name, str)


async def _read_line(reader: StreamReader) -> bytes | None:
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    except ValueError:
        raise ProtocolError("a line is too long") from None
    return line if line.endswith(b"\n") else None  # the other process ended, perhaps while it wrote


def _values(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("a line is not JSON") from None
    if not isinstance(values, dict):
        raise ProtocolError("a line is not a JSON object")
    return values


def _value(values: dict[str, Any], name: str, kind: type[T]) -> T:
    value = values.get(name)
    if type(value) is not kind:
        raise ProtocolError(f'"{name}" is missing, or of another type')
    return value


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
