"""Exceptions in words: as Python shows them, in a bounded length, whatever the exception does."""

from __future__ import annotations

import traceback
import tracemalloc
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from misbehaving import ALL, BIG
from streamroute.errors import SetupError
from streamroute.logs.exception_text import cause_of, error_line, error_text, traceback_text


def raised(make: Callable[[], BaseException]) -> BaseException:
    """An exception that has been raised, as handlers do it."""
    try:
        throw(make())
    except BaseException as error:  # noqa: BLE001 - of whatever kind
        return error


def throw(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize("limit", [50, 500, 16_000])
@pytest.mark.parametrize("kind", ALL)
def test_text_and_traceback_of_any_exception_are_bounded(kind: str, limit: int) -> None:
    error = raised(ALL[kind])
    for read in (error_text, error_line, traceback_text):
        text = read(error, limit)
        assert type(text) is str
        assert 0 < len(text) <= max(limit, 200)
        text.encode()
    assert len(error_line(error).splitlines()) == 1
    cause_of(error)


@pytest.mark.parametrize("kind", ALL)
def test_no_traceback_takes_much_memory(kind: str) -> None:
    error = raised(ALL[kind])
    held = len(BIG) if "10 MB" in kind or "long name" in kind else 0  # what Python's own str() makes
    traceback_text(error)  # the lines of source are read once
    tracemalloc.start()
    try:
        traceback_text(error)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000 + 2 * held


def first() -> None:
    raise ValueError("the first")


def second() -> None:
    try:
        first()
    except ValueError as error:
        raise KeyError("the second") from error


def third() -> None:
    try:
        second()
    except KeyError:
        noted = RuntimeError("the third")
        noted.add_note("it was noted")
        raise noted  # noqa: B904 - its context is shown


def fourth() -> None:
    try:
        third()
    except RuntimeError:
        raise OSError("the fourth") from None


@pytest.mark.parametrize("function", [first, second, third, fourth])
def test_a_traceback_is_that_of_python(function: Callable[[], None]) -> None:
    error = raised(function)  # type: ignore[arg-type]  # it raises
    assert traceback_text(error) == "".join(traceback.format_exception(error))


def test_a_long_stack_shows_both_ends() -> None:
    text = traceback_text(raised(ALL["a recursion"]))
    assert "in endless" in text
    assert "frames left out" in text
    assert text.endswith("RecursionError: maximum recursion depth exceeded\n")


def test_a_long_chain_of_exceptions_shows_both_ends() -> None:
    text = traceback_text(ALL["a chain of causes"]())
    assert text.startswith("ValueError: the first\n")
    assert "9,9" in text
    assert text.endswith("KeyError: 9999\n")


def test_a_large_exception_group_shows_some_members() -> None:
    error = raised(lambda: ExceptionGroup("many", [ValueError(number) for number in range(1000)]))
    text = traceback_text(error)
    assert "  | ValueError: 4\n" in text
    assert "ValueError: 5\n" not in text
    assert "and 995 more" in text


def test_members_that_lead_back_to_their_group_come_to_an_end() -> None:
    member = ValueError("member")
    group = ExceptionGroup("group", [member])
    member.__cause__ = group
    assert "group" in traceback_text(group)


@pytest.mark.parametrize(
    ("error", "text", "line"),
    [
        (ValueError("no luck"), "ValueError: no luck", "ValueError: no luck"),
        (ValueError(), "ValueError", "ValueError"),
        (ValueError("a\n  b"), "ValueError: a\n  b", "ValueError: a b"),
        (SetupError("set it\nup"), "SetupError: set it\nup", "set it\nup"),
    ],
)
def test_an_error_line_names_type_and_text(error: Exception, text: str, line: str) -> None:
    assert (error_text(error), error_line(error)) == (text, line)


def test_the_cause_is_the_one_of_python() -> None:
    class OtherError(Exception):
        __cause__ = 7  # type: ignore[assignment]  # that it is nonsense is the point

    def chain() -> Any:
        raise OtherError from ValueError("why")

    assert str(cause_of(raised(chain))) == "why"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no answer from redis://shop:hunter2@h:6379/0", "no answer from redis://shop:***@h:6379/0"),
        ("amqp://u:hun/ter@2@h/x, and", "amqp://u:***@h/x, and"),
        ("postgres://hunter2@h", "postgres://***@h"),
        ("'https://u:hunter2@h/a@b'", "'https://u:***@h/a@b'"),
        ("https://h/a@b?x=1&api_key=hunter2", "https://h/a@b?x=1&api_key=***"),
        ("redis://h/0?password=hun&ter2", "redis://h/0?password=***"),
        ("https://h/a@b, mailto:a@b", "https://h/a@b, mailto:a@b"),
        ("redis://u:***@h", "redis://u:***@h"),
        ("://@", "://@"),
        (
            "http://h:8080/a, https://[::1]:1/, redis://h:6379",
            "http://h:8080/a, https://[::1]:1/, redis://h:6379",
        ),
    ],
)
def test_no_password_of_an_address_is_in_its_text(message: str, shown: str) -> None:
    """It goes to logs and dead letters, which more people read than may know the password."""
    error = raised(lambda: ValueError(message))
    error.add_note(message)
    assert error_text(error) == error_line(error) == f"ValueError: {shown}"
    assert traceback_text(error).count(shown) == 2
    assert "hunter2" not in traceback_text(error)


@pytest.mark.parametrize("password", ["hunter2", "98765432101", "9876x"])
@pytest.mark.parametrize("user", ["shop", ""])
def test_a_password_is_hidden_even_where_the_text_is_cut(user: str, password: str) -> None:
    message = f"no answer from redis://{user}:{password}@h:6379/0 {'x' * 500}"
    for limit in range(40, 120):
        shown = error_text(ValueError(message), limit)
        assert not any(password[:kept] in shown for kept in range(3, len(password) + 1)), shown


def test_an_address_is_looked_at_once() -> None:
    for text in ("a://" * 50_000, "a://b@" * 50_000, "a" * 200_000 + "://", "a://?token=" * 20_000):
        assert len(error_text(ValueError(text), 400_000)) > 10
