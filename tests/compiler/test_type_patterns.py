"""Patterns in a route's types stand for types of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.api import compile_routes
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.type_patterns import TypePatterns, is_pattern

CATALOGUE = ("booking.confirmed", "booking.guest.added", "invoice.sent", "Booking.odd")
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    (tmp_path / "globbed.py").write_text("def f(payload): ...\n")

    def write_routes(text: str) -> Path:
        (tmp_path / "routes.yaml").write_text(f"version: 1\nstreams: {{bookings: }}\n{text}")
        return tmp_path

    with isolated_imports(tmp_path):
        yield write_routes


@pytest.mark.parametrize(
    ("types", "expanded"),
    [
        (("booking.*",), ("booking.confirmed", "booking.guest.added")),
        (("*",), CATALOGUE),
        (("*.sent", "booking.*"), ("invoice.sent", "booking.confirmed", "booking.guest.added")),
        (("booking.*", "booking.confirmed"), ("booking.confirmed", "booking.guest.added")),
        (("[bB]ooking.?dd",), ("Booking.odd",)),
        (("invoice.sen?",), ("invoice.sent",)),
        (("booking?confirmed", "other"), ("booking.confirmed", "other")),
        (("[i]nvoice.sent",), ("invoice.sent",)),
        (("other", "invoice.sent"), ("other", "invoice.sent")),
        (("other.*",), ()),
    ],
)
def test_a_pattern_expands_to_the_matching_types(types: tuple[str, ...], expanded: tuple[str, ...]) -> None:
    assert TypePatterns(CATALOGUE).expand(types) == expanded


@pytest.mark.parametrize("name", ["?", "a?", "*", "a.*", "[", "[ab]"])
def test_each_sign_alone_makes_a_pattern(name: str) -> None:
    assert is_pattern(name)


def test_a_name_is_no_pattern() -> None:
    assert not any(map(is_pattern, CATALOGUE))


def test_a_router_has_the_types_and_not_the_pattern(write: Write) -> None:
    folder = write(
        "messages: {a.x: , a.y: , b.x: }\n"
        "routes:\n"
        "  - {name: one, type: 'a.*', handler: globbed.f}\n"
        "  - {name: two, type: [b.x, '*.x'], handler: globbed.f}\n"
    )
    [router] = compile_routes(folder)["bookings"]
    assert {kind: [handler.__name__ for handler, _ in pairs] for kind, pairs in router.handlers.items()} == {
        "a.x": ["one", "two"],
        "a.y": ["one"],
        "b.x": ["two"],
    }


def test_a_pattern_that_matches_nothing_is_a_warning(write: Write) -> None:
    folder = write(
        "messages: {booking.confirmed: }\nroutes: [{name: one, type: 'bokking.*', handler: globbed.f}]"
    )
    [finding] = check_path(folder).findings
    assert str(finding).endswith(
        'warning[SR205]: pattern "bokking.*" matches no declared message type; did you mean "booking.*"?'
    )
    assert compile_routes(folder)["bookings"][0].handlers == {}


def test_a_pattern_without_a_catalogue_is_an_error(write: Write) -> None:
    [finding] = check_path(write("routes: [{name: one, type: ['a', 'b.*'], handler: globbed.f}]")).findings
    assert (finding.code, finding.span.line, finding.span.column) == ("SR204", 3, 34)
    assert "no message types are declared" in finding.message


@pytest.mark.parametrize("limits", [{"max_compared": 600}, {"max_types": 6}], ids=str)
def test_more_patterns_than_a_check_can_match_are_one_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    monkeypatch.setattr("streamroute.compiler.compiler.TypePatterns", partial(TypePatterns, **limits))
    types = "".join(f"  {name}: {{}}\n" for name in CATALOGUE)
    rows = "".join(
        f"- {{name: r{at}, type: '*{'?' * at}', handler: globbed.f, filter: a == `{at}`}}\n"
        for at in range(9)
    )
    result = check_path(write(f"messages:\n{types}routes:\n{rows}"), imports=False)
    assert [finding.code for finding in result.findings] == ["SR027"]


def test_patterns_that_are_too_many_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(name: str, _pattern: str) -> bool:
        compared.append(name)
        return True

    monkeypatch.setattr("streamroute.compiler.type_patterns.fnmatchcase", compare)
    patterns = TypePatterns(CATALOGUE, max_compared=600)
    for at in range(1_000):
        patterns.matches(f"*{at}")
    assert patterns.is_exhausted
    assert len(compared) <= 600 // 50


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pattern", ["[" * 200_000, "[[" * 1_000, "*a" * 100_000, "[!" * 999 + "*"], ids=len)
def test_a_pattern_of_brackets_takes_linear_time(pattern: str) -> None:
    """Each bracket that is not closed is looked for to the end of the pattern."""
    assert TypePatterns(CATALOGUE).matches(pattern) == ()
