"""Compare a handler's payload annotation with the payload that it will receive.

A handler receives a ``Message``, which is a dict. Only certain mismatches are reported: an annotation that is
not understood, or cannot be evaluated, is ignored.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any, Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.types.algebra.json_types import (
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    UNKNOWN,
    Shape,
    Type,
    array_of,
    is_never,
)
from streamroute.expressions.types.algebra.type_operations import intersect, of_value, union_all
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr, safe_str
from streamroute.text.suggestions import did_you_mean

PAYLOAD_ANNOTATION: Final = "SR408"

_SCALARS: Final[dict[Any, Type]] = {
    str: STRING,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    None: NULL,
    type(None): NULL,
}


def check_annotation(handler: Any, name: str, payload: Type | None) -> Iterator[Problem]:
    """Yield the problems of the first parameter's annotation; ``payload`` is the payload's known type."""
    hint = _hint(handler)
    if hint is None or any(map(_takes_payload, _alternatives(hint))):
        if typing.is_typeddict(hint) and payload is not None:
            yield from _check_keys(hint, name, payload)
        return
    yield misfit(name, _annotation_text(hint))


def misfit(name: str, annotation: str) -> Problem:
    """The problem of an annotation that does not accept a dict."""
    message = f'"{name}" annotates its payload as {annotation}, but receives a dict'
    help_text = "annotate it as dict, a TypedDict, or streamroute.Message, and convert it in the handler"
    return Problem(PAYLOAD_ANNOTATION, message, help=help_text, once=True)


def _hint(handler: Any) -> Any:
    """The annotation; None if there is none, or it cannot be determined.

    A decorator may call the function that it wraps with something other than the payload.
    """
    if hasattr(_function(handler), "__wrapped__"):
        return None
    try:
        parameters = list(inspect.signature(handler).parameters.values())
        hint = parameters[0].annotation if parameters else inspect.Parameter.empty
        if isinstance(hint, str):
            hint = typing.get_type_hints(_function(handler)).get(parameters[0].name)
    except Exception:  # noqa: BLE001 - user code is evaluated, and may raise anything
        return None
    return None if hint is inspect.Parameter.empty else hint


def _function(handler: Any) -> Any:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler if inspect.isroutine(handler) else type(handler).__call__


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union, the type inside Annotated, or the annotation itself."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(hint)[0])
    return (hint,)


def _takes_payload(hint: Any) -> bool:
    kind = typing.get_origin(hint) or hint
    is_class = isinstance(kind, type) and kind is not Any and not getattr(kind, "_is_protocol", False)
    if not is_class or typing.is_typeddict(kind):
        # Type variables, protocols and other non-classes prove nothing.
        return True
    try:
        from streamroute.message import Message  # few annotations need this import

        return issubclass(Message, kind)
    except Exception:  # noqa: BLE001 - as above
        return True


def _annotation_text(hint: Any) -> str:
    try:
        return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else safe_str(hint, NAME)
    except Exception:  # noqa: BLE001 - a user's class may raise anything
        return safe_repr(hint, NAME)


# A TypedDict, key by key


def _check_keys(hint: Any, name: str, payload: Type) -> Iterator[Problem]:
    """Required keys of a TypedDict that no payload has, and keys whose type no payload has."""
    if not payload.objects:
        return
    try:
        hints = typing.get_type_hints(hint, include_extras=True)
    except Exception:  # noqa: BLE001 - as above: nothing is known
        return
    for key, annotation in hints.items():
        yield from _check_key(key, annotation, hint, name, payload)


def _check_key(key: str, annotation: Any, hint: Any, name: str, payload: Type) -> Iterator[Problem]:
    shapes = payload.objects
    if all(_lacks(shape, key) for shape in shapes):
        suggestion = did_you_mean(key, [known for shape in shapes for known in shape.properties])
        is_certain = suggestion is not None or not any(shape.envelope for shape in shapes)
        # For string annotations, Python ignores NotRequired in __required_keys__.
        is_required = (
            key in hint.__required_keys__ and typing.get_origin(annotation) is not typing.NotRequired
        )
        if is_required and is_certain:
            message = (
                f'"{name}" annotates its payload as {hint.__name__}, but its messages have no key "{key}"'
            )
            advice = f'did you mean "{suggestion}"?' if suggestion else None
            yield Problem(PAYLOAD_ANNOTATION, message, help=advice, once=True)
    elif all(_differs(shape, key, _type_of(annotation)) for shape in shapes):
        message = f'"{name}" annotates its payload as {hint.__name__}, but "{key}" never has its type there'
        yield Problem(PAYLOAD_ANNOTATION, message, once=True)


def _lacks(shape: Shape, key: str) -> bool:
    """Whether the schema excludes this key; in an envelope, the entry may have another field of that name."""
    return key not in shape.properties and (shape.rest is None or shape.envelope)


def _differs(shape: Shape, key: str, expected: Type) -> bool:
    known = shape.properties.get(key)
    return known is not None and is_never(intersect(known.type.get(), expected))


def _type_of(hint: Any) -> Type:
    """The JSON type of an annotation."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return union_all(map(_type_of, typing.get_args(hint)))
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _type_of(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return union_all(map(of_value, typing.get_args(hint)))
    if typing.is_typeddict(hint) or (origin or hint) is dict:
        return OBJECT
    if (origin or hint) is list:
        return array_of(UNKNOWN)
    return _SCALARS.get(hint, UNKNOWN) if _is_hashable(hint) else UNKNOWN


def _is_hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:
        return False
    return True
