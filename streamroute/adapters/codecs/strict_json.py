"""Reads and writes strict JSON, with the same results with and without orjson.

Refuses NaN and the infinities (also numbers that overflow to infinity), halves of surrogate pairs (which
cannot be printed or encoded), and nesting beyond ``MAX_NESTING``, which would exhaust the stack of code that
walks the value later.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from streamroute.expansion import refuse_expanding
from streamroute.system.extras import import_extra
from streamroute.text.json_problems import describe_json_error, nesting_offset, position_text
from streamroute.text.safe_text import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NESTING: Final = 200
"""Levels of lists and objects. orjson writes 254; copy.deepcopy uses 4 of Python's 1,000 frames per level."""

_LONGEST_REPR: Final = 80  # characters of an external text in a message
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_EVERY_THIRD: Final = slice(2, None, 3)
_LONG_NUMBER: Final = b"0" * 19  # the shortest integers that may not fit into 64 bits

SHORT: Final = 2 * MAX_NESTING
"""Bytes of JSON that is certainly not nested too deeply."""
DIGITS: Final = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
"""For ``bytes.translate``: every digit becomes "0", any other byte a space."""
SAMPLES: Final = slice(18, None, 19)
"""A number of 19 or more digits covers at least one of the offsets 18, 37, 56, ..."""


class NotJsonError(ValueError):
    """Raised for text that is not JSON; the message completes "the field ... "."""


class JsonSyntaxError(NotJsonError):
    """Raised for text that breaks the syntax of JSON."""


class NestingError(ValueError):
    """Raised for JSON that is nested deeper than ``MAX_NESTING``."""


def short_repr(text: str | bytes) -> str:
    """Return the repr of a text on one line, at most 80 characters."""
    return safe_repr(text, _LONGEST_REPR)


_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_json(value: Any) -> bytes:
    """Return a value as compact JSON in UTF-8, which ``read_json`` accepts.

    Raises ValueError or TypeError for a value that JSON cannot represent.
    """
    refuse_expanding(value)
    try:
        text = _encoder.encode(value).encode()
    except RecursionError:
        raise NestingError("is nested too deeply, or contains itself") from None
    except UnicodeEncodeError as error:
        raise NotJsonError(f"holds half of a surrogate pair: {short_repr(error.object)}") from None
    except ValueError:  # a value that contains itself was refused before
        raise NotJsonError("holds a number that is not finite, or is too long to be written") from None
    _refuse_deep(text, value)
    return text


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJsonError(f"holds a number too large for a float: {short_repr(text)}")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(f"holds {name}, which is not JSON")


_decoder: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
_scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(_decoder)["scan_once"]


def read_standard(data: bytes) -> Any:
    """Parse JSON with the standard library: the reference for ``read_json``."""
    try:
        text = data.decode()
        value, end = _scan(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return _decode_with_error(data)
    if end != len(text):
        return _decode_with_error(data)
    if 92 in data:  # a backslash may begin half of a surrogate pair
        _refuse_half_pairs(data, value)
    if len(data) > SHORT:
        _refuse_deep(data, value)
    return value


def _decode_with_error(data: bytes) -> Any:
    """Return the value, or raise an error that explains why it is invalid."""
    try:
        value = _decoder.decode(data.decode())
    except UnicodeDecodeError as error:
        around = data[max(error.start - 20, 0) : error.start + 20]
        raise NotJsonError(f"is not UTF-8 at byte {error.start}: {short_repr(around)}") from None
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(_describe(error)) from None
    except RecursionError:
        raise _nesting_error(data) from None
    except NotJsonError:
        raise
    except ValueError as error:  # an integer with more digits than Python converts
        raise NotJsonError(describe_json_error(data.decode(), error)) from None
    _refuse_half_pairs(data, value)
    _refuse_deep(data, value)
    return value


_TOO_DEEP: Final = f"is nested deeper than {MAX_NESTING} levels"


def _describe(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "is empty, not JSON"
    if error.doc.startswith("\ufeff"):
        return "starts with a byte order mark, which is not JSON"
    around = error.doc[max(error.pos - 20, 0) : error.pos + 40]
    return f"is not JSON: {error.msg} at {position_text(error.doc, error.pos)}, in {short_repr(around)}"


def _refuse_half_pairs(data: bytes, value: Any) -> None:
    if b"\\" not in data or _SURROGATE.search(data) is None:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise NotJsonError(f"holds half of a surrogate pair ({half}): a text was cut in two") from None
    except RecursionError:
        raise NestingError(_TOO_DEEP) from None


def _refuse_deep(data: bytes, value: Any) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return
    level = [value]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise _nesting_error(data)


def _nesting_error(data: bytes) -> NestingError:
    text = data.decode(errors="replace")
    at = nesting_offset(text, MAX_NESTING)
    return NestingError(_TOO_DEEP if at is None else f"{_TOO_DEEP}, at {position_text(text, at)}")


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [child for child in node.values() if isinstance(child, (dict, list, tuple))]
    if isinstance(node, (list, tuple)):
        return [child for child in node if isinstance(child, (dict, list, tuple))]
    return []


def accelerated(loads: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a faster ``read_standard``, which uses orjson's ``loads``.

    orjson silently converts integers beyond 64 bits to floats, so the standard library parses JSON with long
    numbers. It also parses everything that orjson refuses, to raise the same errors.
    """

    def read(data: bytes) -> Any:
        if 48 in data[SAMPLES].translate(DIGITS) and has_long_number(data):
            return read_standard(data)
        try:
            value = loads(data)
        except ValueError:
            return read_standard(data)
        if len(data) > SHORT:
            _refuse_deep(data, value)
        return value

    return read


def has_long_number(data: bytes) -> bool:
    """Whether 19 digits follow each other."""
    # `partition` is faster than `find`, and 19 digits cover at least six of the offsets 2, 5, 8, ...
    if not data[_EVERY_THIRD].translate(DIGITS).partition(b"000000")[1]:
        return False
    return bool(data.translate(DIGITS).partition(_LONG_NUMBER)[1])


def _orjson_loads() -> Callable[[bytes], Any] | None:
    try:
        loads: Callable[[bytes], Any] = import_extra("orjson").loads
    except ImportError:
        return None
    return loads


orjson_loads: Final = _orjson_loads()
"""orjson's ``loads``, or None. Its values are those of ``read_json`` for at most ``SHORT`` bytes without a
long number; it raises ValueError for some JSON that ``read_json`` parses.
"""
read_json: Callable[[bytes], Any] = read_standard if orjson_loads is None else accelerated(orjson_loads)
"""Parse one JSON value from UTF-8; raises NotJsonError or NestingError, with a readable reason."""
