"""The call of a handler: with the payload, the container, and its ``with:`` keys. Decided once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from streamroute.expressions.problem import Problem
from streamroute.logs.exception_text import error_line
from streamroute.text.safe_text import type_name
from streamroute.text.suggestions import did_you_mean

NOT_CALLABLE: Final = "SR403"
ARGUMENTS_DO_NOT_FIT: Final = "SR404"

_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class ContainerPassing(Enum):
    """How a handler receives the container."""

    NOT = "not"
    POSITION = "position"
    NAME = "name"


class HandlerCall(NamedTuple):
    """A handler that fits its route, and how to call it."""

    function: Callable[..., Any]
    container: ContainerPassing
    is_async: bool
    arguments: Mapping[str, Any] = MappingProxyType({})


class SignatureProblem(NamedTuple):
    """A problem of a handler's path, or of a key of ``with:`` (``key``)."""

    problem: Problem
    key: str | None = None


def handler_call(
    handler: Any, name: str, arguments: Mapping[str, Any]
) -> HandlerCall | list[SignatureProblem]:
    """Decide how to call ``handler``, or return every problem of its signature.

    The payload is its first argument. The container is its second, if that one is required or named
    ``container``; an optional second parameter of another name keeps its default.
    """
    try:
        return _handler_call(handler, name, arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - inspecting a user's object may raise anything
        message = f'could not inspect "{name}": {error_line(error)}'
        return [SignatureProblem(Problem(NOT_CALLABLE, message))]


def _handler_call(
    handler: Any, name: str, arguments: Mapping[str, Any]
) -> HandlerCall | list[SignatureProblem]:
    handler = _instance(handler, name)
    if isinstance(handler, Problem):
        return [SignatureProblem(handler)]
    refused = _refuse(handler, name)
    if refused is not None:
        return [SignatureProblem(refused)]
    is_async = _is_async(handler)
    try:
        parameters = list(inspect.signature(handler).parameters.values())
    except Exception:  # noqa: BLE001 - as above
        # Compiled code and proxies may hide their signature: report nothing.
        return HandlerCall(handler, ContainerPassing.POSITION, is_async, arguments)
    container = _container(parameters, arguments)
    return signature_problems(parameters, name, arguments) or HandlerCall(
        handler, container, is_async, arguments
    )


def signature_problems(
    parameters: list[inspect.Parameter], name: str, arguments: Mapping[str, Any]
) -> list[SignatureProblem]:
    """Return every reason why a handler with these parameters does not fit its route."""
    return _signature_problems(parameters, _container(parameters, arguments), name, arguments)


def check_factory(factory: Any, name: str) -> Problem | None:
    """Return why calling this without arguments cannot make the container; None if it can."""
    if not callable(factory):
        return Problem(NOT_CALLABLE, f'"{name}" is {_kind(factory)}, which cannot be called')
    try:
        is_generator = _is_generator(factory)
    except Exception:  # noqa: BLE001 - a user's object may raise anything
        return None  # unknown signature: report nothing
    if is_generator:
        prefix = "async" if inspect.isasyncgenfunction(innermost_function(factory)) else ""
        message = f'"{name}" is a generator function: handlers would receive a generator'
        return Problem(NOT_CALLABLE, message, help=f"decorate it with contextlib.{prefix}contextmanager")
    try:
        parameters = inspect.signature(factory).parameters.values()
    except Exception:  # noqa: BLE001 - a user's object may raise anything
        return None  # unknown signature: report nothing
    missing = ", ".join(f'"{parameter.name}"' for parameter in parameters if _is_required(parameter))
    if missing:
        return Problem(ARGUMENTS_DO_NOT_FIT, f'"{name}" requires {missing}, but is called without arguments')
    return None


def _instance(handler: Any, name: str) -> Any:
    """Instantiate a class whose instances are callable; return any other handler itself."""
    if not inspect.isclass(handler):
        return handler
    if "__call__" not in {attribute for base in handler.__mro__[:-1] for attribute in vars(base)}:
        return Problem(NOT_CALLABLE, f'"{name}" is a class whose instances cannot be called')
    try:
        return handler()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a constructor may raise anything; it is reported
        message = f'could not create an instance of the class "{name}": {error_line(error)}'
        return Problem(NOT_CALLABLE, message)


def _refuse(handler: Any, name: str) -> Problem | None:
    if not callable(handler):
        return Problem(NOT_CALLABLE, f'"{name}" is {_kind(handler)}, which cannot be called')
    if _is_generator(handler):
        message = f'"{name}" is a generator function, which cannot be a handler: calling it runs nothing'
        return Problem(NOT_CALLABLE, message)
    return None


def _kind(value: Any) -> str:
    if inspect.ismodule(value):
        return "a module"
    kind = type_name(value)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def innermost_function(handler: Any) -> Any:
    """The function that finally runs: inside partials, bound methods and ``__call__``."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if inspect.isroutine(handler):
        return handler
    return type(handler).__call__


def _is_generator(function: Any) -> bool:
    code = innermost_function(function)
    return inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code)


def _is_async(handler: Any) -> bool:
    return inspect.iscoroutinefunction(innermost_function(handler))


def _container(parameters: list[inspect.Parameter], arguments: Mapping[str, Any]) -> ContainerPassing:
    for index, parameter in enumerate(parameters):
        if parameter.name == "container" and parameter.name not in arguments:
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                return ContainerPassing.NAME
            if parameter.kind in _BY_POSITION and index > 0:
                return ContainerPassing.POSITION if index == 1 else ContainerPassing.NAME
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL and index <= 1:
            return ContainerPassing.POSITION
        if index == 1 and _is_second(parameter, arguments):
            return ContainerPassing.POSITION
    return ContainerPassing.NOT


def _is_second(parameter: inspect.Parameter, arguments: Mapping[str, Any]) -> bool:
    """Whether the second parameter takes the container."""
    if parameter.kind not in _BY_POSITION or parameter.default is not parameter.empty:
        return False
    return parameter.name not in arguments or parameter.kind is inspect.Parameter.POSITIONAL_ONLY


def _signature_problems(
    parameters: list[inspect.Parameter], container: ContainerPassing, name: str, arguments: Mapping[str, Any]
) -> list[SignatureProblem]:
    if not parameters or not _takes_payload(parameters[0]):
        message = f'"{name}" does not accept the payload as its first argument'
        return [SignatureProblem(Problem(ARGUMENTS_DO_NOT_FIT, message))]
    positional_count = 2 if container is ContainerPassing.POSITION else 1
    by_position = [parameter for parameter in parameters if parameter.kind in _BY_POSITION][:positional_count]
    taken = {parameter.name for parameter in by_position}
    if container is ContainerPassing.NAME:
        taken.add("container")
    key_problems = _wrong_keys(parameters, by_position, name, arguments)
    # Do not also report a misspelled key as missing.
    suggested = {problem.problem.suggestion or "" for problem in key_problems}
    return [*key_problems, *_missing(parameters, taken | set(arguments) | suggested, name)]


def _takes_payload(first: inspect.Parameter) -> bool:
    return first.kind in _BY_POSITION or first.kind is inspect.Parameter.VAR_POSITIONAL


def _wrong_keys(
    parameters: list[inspect.Parameter],
    by_position: list[inspect.Parameter],
    name: str,
    arguments: Mapping[str, Any],
) -> list[SignatureProblem]:
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    taken = {parameter.name for parameter in by_position if parameter.kind in _BY_NAME}
    free = [
        parameter.name
        for parameter in parameters
        if parameter.kind in _BY_NAME and parameter.name not in taken
    ]
    problems = []
    for key in arguments:
        if key in taken:
            role = "payload" if key == by_position[0].name else "container"
            message = f'"{name}" receives the {role} as "{key}", which cannot be set under with:'
            problems.append(SignatureProblem(Problem(ARGUMENTS_DO_NOT_FIT, message), key))
        elif key not in free and not takes_any:
            suggestion = did_you_mean(key, [*free, *(parameter.name for parameter in by_position[1:])])
            problems.append(
                SignatureProblem(
                    Problem(
                        ARGUMENTS_DO_NOT_FIT,
                        f'"{name}" does not accept the argument "{key}"',
                        suggestion=suggestion,
                    ),
                    key,
                )
            )
    return problems


def _missing(parameters: list[inspect.Parameter], set_names: set[str], name: str) -> list[SignatureProblem]:
    missing = [
        parameter.name
        for parameter in parameters
        if _is_required(parameter) and parameter.name not in set_names
    ]
    if not missing:
        return []
    names = ", ".join(f'"{parameter}"' for parameter in missing)
    noun = "the argument" if len(missing) == 1 else "the arguments"
    help_text = "set it under with:, or give it a default value"
    return [
        SignatureProblem(Problem(ARGUMENTS_DO_NOT_FIT, f'"{name}" requires {noun} {names}', help=help_text))
    ]


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in variable
