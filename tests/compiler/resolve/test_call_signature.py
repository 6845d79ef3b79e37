"""How a handler is called is decided once, and what does not fit is said before any message."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from misbehaving import ALL
from streamroute.compiler.resolve.call_signature import (
    ContainerPassing,
    HandlerCall,
    SignatureProblem,
    check_factory,
    handler_call,
)

NOT, POSITION, NAME = ContainerPassing.NOT, ContainerPassing.POSITION, ContainerPassing.NAME


class Notifier:
    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    async def __call__(self, payload: dict[str, Any], container: Any) -> None: ...

    def method(self, payload: dict[str, Any]) -> None: ...


class NeedsSetup(Notifier):
    def __init__(self, url: str) -> None: ...


class Plain:
    """No instance of this can be called."""


async def with_keys(payload: Any, container: Any, *, channel: str, retries: int = 3) -> None: ...
def positional_only(payload: Any, container: Any, /) -> None: ...
def anything(*args: Any, **kwargs: Any) -> None: ...
def generator(payload: Any) -> Iterator[int]:
    yield 1


async def async_generator(payload: Any) -> AsyncIterator[int]:
    yield 1


@functools.wraps(with_keys)
def decorated(*args: Any, **kwargs: Any) -> Any:
    return with_keys(*args, **kwargs)


def fits(handler: Any, **arguments: Any) -> tuple[ContainerPassing, bool]:
    call = handler_call(handler, "shop.f", arguments)
    assert isinstance(call, HandlerCall), call
    return call.container, call.is_async


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda payload: None, NOT),
        (lambda payload, container: None, POSITION),
        (lambda message, services: None, POSITION),
        (lambda payload, container=None: None, POSITION),
        (lambda payload, limit=3: None, NOT),
        (lambda payload, *, container: None, NAME),
        (lambda payload, limit=3, container=None: None, NAME),
        (lambda *args: None, POSITION),
        (lambda payload, *args: None, POSITION),
        (positional_only, POSITION),
        (anything, POSITION),
        (Notifier().method, NOT),
        (Notifier(), POSITION),
        (Notifier, POSITION),
        (functools.partial(lambda prefix, payload: None, "x"), NOT),
    ],
)
def test_the_container_goes_where_a_handler_takes_it(handler: Any, expected: ContainerPassing) -> None:
    assert fits(handler)[0] is expected


def test_arguments_of_with_are_not_taken_for_the_container() -> None:
    assert fits(lambda payload, channel: None, channel="x") == (NOT, False)
    assert fits(lambda payload, container: None, container="x") == (NOT, False)
    assert fits(lambda payload, container, channel: None, channel="x") == (POSITION, False)
    assert fits(anything, channel="x") == (POSITION, False)
    assert fits(with_keys, channel="x", retries=1) == (POSITION, True)
    assert fits(decorated, channel="x") == (POSITION, False)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (with_keys, True),
        (functools.partial(functools.partial(with_keys), channel="x"), True),
        (Notifier(), True),
        (Notifier, True),
        (Notifier().__call__, True),
        (Notifier().method, False),
    ],
)
def test_async_handlers_are_known_through_their_wrappings(handler: Any, expected: object) -> None:
    arguments = {"channel": "x"} if handler is with_keys else {}
    assert fits(handler, **arguments)[1] is expected


def signature_problems(handler: Any, **arguments: Any) -> list[SignatureProblem]:
    found = handler_call(handler, "shop.f", arguments)
    assert isinstance(found, list), found
    return found


@pytest.mark.parametrize(
    ("handler", "arguments", "text", "key"),
    [
        (lambda: None, {}, '"shop.f" does not accept the payload as its first argument', None),
        (
            lambda *, payload: None,
            {},
            '"shop.f" does not accept the payload as its first argument',
            None,
        ),
        (with_keys, {}, '"shop.f" requires the argument "channel"', None),
        (lambda a, b, c, d: None, {}, '"shop.f" requires the arguments "c", "d"', None),
        (
            with_keys,
            {"channel": 1, "retires": 1},
            '"shop.f" does not accept the argument "retires"; did you mean "retries"?',
            "retires",
        ),
        (lambda payload: None, {"x": 1}, '"shop.f" does not accept the argument "x"', "x"),
        (
            lambda payload: None,
            {"payload": 1},
            '"shop.f" receives the payload as "payload", which cannot be set under with:',
            "payload",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    handler: Any, arguments: dict[str, Any], text: str, key: str | None
) -> None:
    [problem] = signature_problems(handler, **arguments)
    assert (problem.problem.code, problem.problem.text, problem.key) == ("SR404", text, key)


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (3, '"shop.f" is an int, which cannot be called'),
        (functools, '"shop.f" is a module, which cannot be called'),
        (None, '"shop.f" is a NoneType, which cannot be called'),
        (Plain, '"shop.f" is a class whose instances cannot be called'),
        (generator, '"shop.f" is a generator function, which cannot be a handler: calling it runs nothing'),
        (
            async_generator,
            '"shop.f" is a generator function, which cannot be a handler: calling it runs nothing',
        ),
    ],
)
def test_objects_that_cannot_handle_a_message_are_refused(handler: Any, text: str) -> None:
    [problem] = signature_problems(handler)
    assert (problem.problem.code, problem.problem.text) == ("SR403", text)


def test_a_class_that_needs_arguments_is_refused_with_its_error() -> None:
    [problem] = signature_problems(NeedsSetup)
    assert problem.problem.code == "SR403"
    assert 'could not create an instance of the class "shop.f": TypeError' in problem.problem.message


class Unmade:
    """A class whose instance is not to be had."""

    error: BaseException

    def __init__(self) -> None:
        raise self.error

    def __call__(self, payload: Any) -> None: ...


class Unasked:
    """A handler that answers to nothing that it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit

    def __call__(self, payload: Any) -> None: ...


@pytest.mark.parametrize("kind", ALL)
def test_any_exception_of_a_constructor_is_reported_in_one_line(kind: str) -> None:
    error = ALL[kind]()
    made = type("Made", (Unmade,), {"error": error})
    if type(error) is KeyboardInterrupt:  # the command is ended
        with pytest.raises(KeyboardInterrupt):
            signature_problems(made)
        return
    [problem] = signature_problems(made)
    assert problem.problem.code == "SR403"
    assert len(problem.problem.message.splitlines()) == 1
    assert len(problem.problem.message) <= 5_000


def test_a_handler_without_attributes_is_accepted_or_reported() -> None:
    assert fits_or_not(Unasked())


def fits_or_not(handler: Any) -> bool:
    found = handler_call(handler, "shop.f", {})
    return isinstance(found, HandlerCall) or [problem.problem.code for problem in found] == ["SR403"]


def test_compiled_code_without_a_signature_is_taken_at_its_word() -> None:
    assert fits(type.__call__.__get__(dict)) == (POSITION, False)


# Factories of the container


class Pool:
    """A container that is made by its class."""

    def __init__(self, size: int = 3) -> None: ...


def build(*sizes: int, **named: int) -> None: ...


@contextmanager
def opened() -> Iterator[int]:
    yield 1


async def opened_later(url: str) -> None: ...


def undecorated() -> Iterator[int]:
    yield 1


async def undecorated_async() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("factory", [Pool, build, opened, functools.partial(opened_later, "x"), dict])
def test_callables_without_arguments_can_make_a_container(factory: Any) -> None:
    assert check_factory(factory, "f") is None


@pytest.mark.parametrize(
    ("factory", "expected_text"),
    [
        (5, '"f" is an int, which cannot be called'),
        (opened_later, '"f" requires "url", but is called without arguments'),
        (undecorated, '"f" is a generator function: handlers would receive a generator'),
        (undecorated_async, '"f" is a generator function: handlers would receive a generator'),
    ],
)
def test_an_unusable_container_factory_is_a_problem(factory: Any, expected_text: str) -> None:
    problem = check_factory(factory, "f")
    assert problem is not None
    assert problem.message == expected_text


class Unbound:
    """As a proxy for what only a request has."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("working outside of a request")

    def __call__(self, payload: Any, container: Any) -> None: ...


class Hostile(Unbound):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_proxy_that_raises_on_inspection_is_accepted() -> None:
    assert fits(Unbound()) == (POSITION, False)


def test_objects_that_raise_on_inspection_are_refused() -> None:
    [problem] = signature_problems(Hostile())
    assert problem.problem.code == "SR403"
    assert 'could not inspect "shop.f": RuntimeError' in problem.problem.message
