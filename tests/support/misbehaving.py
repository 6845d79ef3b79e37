"""Misbehaving exceptions that handlers and codecs may raise, and that fail when inspected."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Never, NoReturn

from streamroute.errors import Postpone, Reject, Retry, RouteFailure, SetupError

BIG: Final = "x" * 10_000_000
MANY: Final = 10_000

Make = Callable[[], BaseException]


class Text(str):
    """A string that raises on every use."""

    __slots__ = ()


def _refuse(_self: object, *_arguments: object) -> NoReturn:
    raise ZeroDivisionError


for _name in (
    *("__len__", "__getitem__", "__iter__", "__str__", "__repr__", "__format__", "__add__", "__radd__"),
    *("__contains__", "__bool__", "split", "strip", "encode", "translate", "isascii", "join"),
):
    setattr(Text, _name, _refuse)


class Unspeakable:
    """An object that raises on every use."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise KeyboardInterrupt

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    def __hash__(self) -> int:
        raise GeneratorExit

    def __bool__(self) -> bool:
        raise asyncio.CancelledError

    def __len__(self) -> int:
        raise StopIteration


def refusing(error: BaseException | type[BaseException]) -> Any:
    """Return a property that raises."""

    def refuse(_self: object) -> NoReturn:
        raise error

    return property(refuse)


def speaking(text: Callable[[], Any], base: type[BaseException] = Exception) -> Make:
    """Return an exception whose text is what ``text`` returns, or raises."""
    return type("Speaking", (base,), {"__str__": lambda _self: text()})


def silent(error: type[BaseException]) -> Make:
    """Return an exception whose text raises."""

    def say() -> NoReturn:
        raise error

    return speaking(say)


def having(base: type[BaseException] = Exception, **attributes: Any) -> Make:
    """Return an exception of a class with these attributes."""
    return type("Having", (base,), attributes)


def holding(error: Make, **attributes: Any) -> Make:
    """Return an exception with attributes set after creation."""

    def make() -> BaseException:
        made = error()
        vars(made).update(attributes)
        return made

    return make


def ignore(_self: object) -> None:
    """A constructor that does not call its base."""


def endless() -> str:
    """Recurse without end, and without garbage collection: finalizers of others would fail in this depth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _recurse()
    finally:
        if was_enabled:
            gc.enable()


def _recurse() -> str:
    return _recurse()


def chained() -> BaseException:
    error: BaseException = ValueError("the first")
    for number in range(MANY):
        following = KeyError(number)
        following.__cause__ = error
        error = following
    return error


def with_cause(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def circular() -> BaseException:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    return one


def recursive() -> BaseException:
    try:
        endless()
    except RecursionError as error:
        return error
    raise AssertionError


class Nameless(type):
    """A metaclass whose classes have no readable name."""

    __name__ = refusing(ZeroDivisionError)
    __mro__ = refusing(ZeroDivisionError)

    def __repr__(cls) -> Never:
        raise ZeroDivisionError


class LosesEverythingError(Exception):
    """An exception without any readable attribute."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise KeyboardInterrupt


FAILURES: Final[dict[str, Make]] = {
    "plain": lambda: ValueError("no luck"),
    "without a text": ValueError,
    "its text raises": silent(RuntimeError),
    "its text raises KeyboardInterrupt": silent(KeyboardInterrupt),
    "its text raises SystemExit": silent(SystemExit),
    "its text raises GeneratorExit": silent(GeneratorExit),
    "its text raises CancelledError": silent(asyncio.CancelledError),
    "its text raises StopIteration": silent(StopIteration),
    "its text raises itself": silent(type("Itself", (Exception,), {"__str__": str})),
    "its text is endless": speaking(endless),
    "its text is a number": speaking(lambda: 7),
    "its text is a string that raises": speaking(lambda: Text("no luck")),
    "its text has 10 MB": speaking(lambda: BIG),
    "its argument has 10 MB": lambda: ValueError(BIG),
    "its argument is a payload of 10 MB": lambda: ValueError({"rooms": [BIG[:1000]] * MANY}),
    "its text has halves of surrogate pairs": lambda: ValueError("\ud800 and \udfff"),
    "its text has many lines": lambda: ValueError("one\ntwo\r\x1b[2Jthree\u2028four\x85"),
    "its argument raises": lambda: ValueError(Unspeakable(), Text("no luck")),
    "a key that raises": lambda: KeyError(Unspeakable()),
    "its class raises": having(__class__=refusing(RuntimeError)),
    "its class raises KeyboardInterrupt": having(__class__=refusing(KeyboardInterrupt)),
    "it claims to be a cancellation": having(__class__=property(lambda _: asyncio.CancelledError)),
    "it claims to be a Reject": having(__class__=property(lambda _: Reject)),
    "it claims to be a Retry": having(__class__=property(lambda _: Retry)),
    "it claims to be a number": having(__class__=property(lambda _: int)),
    "its cause raises": having(__cause__=refusing(SystemExit)),
    "its context raises": having(__context__=refusing(ValueError), __suppress_context__=refusing(ValueError)),
    "its traceback raises": having(__traceback__=refusing(ValueError)),
    "its notes raise": having(__notes__=refusing(ValueError)),
    "its notes are bad": holding(ValueError, __notes__=[Unspeakable(), BIG, 7]),
    "its notes are no list": holding(ValueError, __notes__=7),
    "its arguments raise": having(args=refusing(ValueError)),
    "its copies raise": having(__reduce__=refusing(ValueError), __reduce_ex__=refusing(ValueError)),
    "it equals nothing": having(__eq__=refusing(ValueError), __hash__=refusing(ValueError)),
    "it loses everything": LosesEverythingError,
    "its type has no name": Nameless("Nameless", (Exception,), {}),
    "its type has a long name": type("Long\n" + BIG, (Exception,), {}),
    "its type has a bad name": type(Text("Bad"), (Exception,), {"__module__": Text("bad")}),
    "a chain of causes": chained,
    "causes in a circle": circular,
    "a recursion": recursive,
    "a group": lambda: ExceptionGroup("many", [ValueError(BIG)] * MANY),
    "a group of groups": lambda: ExceptionGroup("a", [ExceptionGroup("b", [ValueError("x")] * 9)] * 9),
    "a group of ends": lambda: BaseExceptionGroup("x", [SystemExit(), KeyboardInterrupt(), GeneratorExit()]),
    "a group whose members raise": lambda: type(
        "Group", (ExceptionGroup,), {"exceptions": refusing(ValueError)}
    )("x", [silent(ValueError)()]),
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration("a value"),
    "StopAsyncIteration": StopAsyncIteration,
    "CancelledError": asyncio.CancelledError,
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "InvalidStateError": asyncio.InvalidStateError,
    "TimeoutError": TimeoutError,
    "MemoryError": MemoryError,
    "BaseException": lambda: BaseException("of no kind"),
    "a warning": lambda: UserWarning("not an error"),
    "an error of our own": lambda: SetupError("call setup first"),
    "a bad syntax": lambda: SyntaxError("bad", ("f.py", 1, 2, BIG)),
    "neither of the two outcomes": lambda: RouteFailure("which?"),
    "a retry that computes its delay, and fails": having(Retry, __init__=ignore, delay=refusing(SystemExit)),
    "a retry without a delay": having(Retry, __init__=ignore),
    "a retry after nan": holding(Retry, delay=math.nan),
    "a retry after infinity": holding(Retry, delay=math.inf),
    "a retry after ages": holding(Retry, delay=10**400),
    "a retry after a text": holding(Retry, delay="1s"),
    "a retry after a bad string": holding(Retry, delay=Text("1")),
    "a retry after a timedelta": holding(Retry, delay=timedelta(seconds=1)),
    "a retry after an object": holding(Retry, delay=Unspeakable()),
    "a retry without a text": speaking(lambda: 1 / 0, Retry),
    "a wait of nobody": holding(lambda: Postpone(1), delay=None),
    "a wait of nan": holding(lambda: Postpone(1), delay=math.nan),
}
"""Each is an ordinary failure of its route: retried, then dead-lettered."""

REJECTIONS: Final[dict[str, Make]] = {
    "a reject": lambda: Reject("no price"),
    "a reject of 10 MB": lambda: Reject(BIG),
    "a reject that computes its reason, and fails": having(
        Reject, __init__=ignore, reason=refusing(KeyboardInterrupt)
    ),
    "a reject for an object": holding(Reject, reason=Unspeakable()),
    "a reject for a bad string": holding(Reject, reason=Text("no price")),
    "a reject for nothing": holding(Reject, reason=None),
    "a reject without a reason": having(Reject, __init__=ignore),
    "a reject whose text raises": speaking(lambda: 1 / 0, Reject),
    "a reject that was not asked": speaking(lambda: 7, Reject),
    "a reject with a circle behind it": lambda: with_cause(Reject("no price"), circular()),
}
"""Each is dead-lettered at once."""
ALL: Final = {**FAILURES, **REJECTIONS}
