"""Convert foreign objects to bounded, plain text.

These functions never raise. Exceptions of an object's own methods are suppressed, including KeyboardInterrupt
and SystemExit: the methods run while a failure is settled, which must complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from streamroute.text.lazy_pattern import lazy_pattern
from streamroute.text.limits import ERROR, NAME
from streamroute.text.truncation import MORE, clip, ellipsize, encodable

_MAX_DEPTH: Final = 20  # levels of lists and dicts
_ARGUMENTS: Final = vars(BaseException)["args"].__get__
_CLASS_NAME: Final = vars(type)["__name__"].__get__
_CONTROLS: Final = lazy_pattern("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Terminal control characters, line breaks, and bidirectional formatting characters."""
_ADDRESS: Final = lazy_pattern(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30})://(\S+)")
_CUT_LOGIN: Final = lazy_pattern(r"([^/:\[]*):(?![0-9]{1,5}(?:\Z|[^0-9.]))[^/]")
"""The part before the password in a text that was cut within the password: no port follows."""
_PARAMETER: Final = lazy_pattern(r"(?i)([?&][\w-]*(?:passw|secret|token|key|sig)[\w-]*=)[^\s\"']+")


def safe_str(value: object, limit: int = ERROR) -> str:
    """Return ``str(value)``, at most ``limit`` characters; a note if ``__str__`` raises."""
    try:
        return clip(_str(value, limit), limit)
    except BaseException as error:  # noqa: BLE001 - see above
        return clip(f"(no text: __str__ raised {type_name(error)})", limit)


def safe_repr(value: object, limit: int = ERROR) -> str:
    """Return ``repr(value)``, at most ``limit`` characters; stops early for a large list or dict."""
    text = _joined(_pieces(value, limit, 0), limit)
    return ellipsize(text, limit)


def type_name(value: object) -> str:
    """Return the name of an object's type on one line, at most ``NAME`` characters."""
    # Not `type(value).__name__`: a metaclass may define it.
    name = one_line(encodable(str.__getitem__(_CLASS_NAME(type(value)), slice(NAME + 1)), NAME + 1))
    return ellipsize(name, NAME)


def one_line(text: str) -> str:
    """Return the text with line breaks and other control characters as Python escapes."""
    return _CONTROLS.sub(_escaped, text)


def redacted_str(value: object, limit: int = ERROR) -> str:
    """Return ``safe_str`` without the passwords in URLs."""
    return redact_logins(safe_str(value, limit))


def redact_logins(text: str) -> str:
    """Return the text without the passwords in URLs, for logs and dead letters."""
    return _ADDRESS.sub(_without_login, text) if "://" in text else text


def _without_login(address: re.Match[str]) -> str:
    """Replace the credentials of a URL; the path of a web URL may also contain an ``@``."""
    scheme, rest = address[1], address[2]
    authority, slash, path = rest.partition("/") if scheme.lower() in ("http", "https") else (rest, "", "")
    login, at, host = authority.rpartition("@")
    if at:
        user, colon, _ = login.partition(":")
        authority = f"{user}:***@{host}" if colon else f"***@{host}"
    elif cut := _CUT_LOGIN.match(authority):
        authority = f"{cut[1]}:***"
    return f"{scheme}://{_PARAMETER.sub(_without_value, authority + slash + path)}"


def _without_value(parameter: re.Match[str]) -> str:
    return f"{parameter[1]}***"


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _str(value: Any, limit: int) -> str:
    value_type = type(value)
    if value_type is str:
        return str.__str__(value)
    if issubclass(value_type, BaseException):
        return _exception_str(value, limit)
    return safe_repr(value, limit) if _is_container(value_type) else str(value)


def _exception_str(error: BaseException, limit: int) -> str:
    """Return ``str(error)``; if that is the text of its arguments, stop at ``limit`` characters."""
    method = type(error).__str__
    if method not in (BaseException.__str__, KeyError.__str__):
        return str(error)
    arguments = _ARGUMENTS(error)
    if len(arguments) != 1:
        return safe_repr(arguments, limit) if arguments else ""
    return safe_repr(arguments[0], limit) if method is KeyError.__str__ else _str(arguments[0], limit)


# repr() in pieces: the complete text of a 60 MB payload would take another 60 MB.


def _pieces(value: Any, limit: int, depth: int) -> Iterator[str]:
    value_type = type(value)
    if issubclass(value_type, BaseException) and _has_builtin_repr(value_type):
        yield type_name(value)
        value = _ARGUMENTS(value)
        opening, closing = "()"
    elif _is_container(value_type):
        opening, closing = _brackets(value)
    else:
        yield _leaf(value[:limit] if value_type in (str, bytes) else value)
        return
    yield opening
    if depth >= _MAX_DEPTH:
        yield MORE
    elif issubclass(value_type, dict):
        yield from _separated(_pair(item, limit, depth + 1) for item in dict.items(value))
    else:
        yield from _separated(_pieces(item, limit, depth + 1) for item in value)
    yield closing


def _pair(item: tuple[Any, Any], limit: int, depth: int) -> Iterator[str]:
    yield from _pieces(item[0], limit, depth)
    yield ": "
    yield from _pieces(item[1], limit, depth)


def _separated(parts: Iterable[Iterable[str]]) -> Iterator[str]:
    for index, part in enumerate(parts):
        if index:
            yield ", "
        yield from part


def _brackets(value: Any) -> tuple[str, str]:
    value_type = type(value)
    if value_type is list:
        return "[", "]"
    if value_type is tuple:
        return "(", ",)" if len(value) == 1 else ")"
    if value_type in (set, frozenset) and not value:
        return f"{value_type.__name__}(", ")"
    return ("frozenset({", "})") if value_type is frozenset else ("{", "}")


def _leaf(value: Any) -> str:
    try:
        return clip(repr(value), ERROR)
    except BaseException as error:  # noqa: BLE001 - see above
        return f"<{type_name(value)}: __repr__ raised {type_name(error)}>"


def _has_builtin_repr(error_type: Any) -> bool:
    """Whether exceptions of this type have the repr of a built-in one: its name, and its arguments.

    Groups have a method of their own from Python 3.13.12 and 3.14.3 on, with the same result.
    """
    method = error_type.__repr__
    return method is BaseException.__repr__ or method is BaseExceptionGroup.__repr__


def _is_container(value_type: Any) -> bool:
    """Whether objects of this type have the repr of a built-in list, tuple, set or dict."""
    return value_type in (list, tuple, set, frozenset) or value_type.__repr__ is dict.__repr__


def _joined(pieces: Iterator[str], limit: int) -> str:
    """Join the pieces up to the one that exceeds the limit."""
    parts: list[str] = []
    length = 0
    try:
        for piece in pieces:
            parts.append(piece)
            length += len(piece)
            if length > limit:
                break
    except BaseException as error:  # noqa: BLE001 - see above
        parts.append(f"{MORE} ({type_name(error)})")
    return "".join(parts)
