"""The paths of ``redact:``: their syntax, and the fields they lead to."""

from __future__ import annotations

import pytest

from streamroute.redaction.paths import ANY, DEEP, Step, parse_path, path_matcher


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("email", ("email",)),
        ("guest.email", ("guest", "email")),
        ("cards[].number", ("cards", "number")),
        ("cards[*][].number", ("cards", "number")),
        ("guest.*", ("guest", ANY)),
        ("**.password", (DEEP, "password")),
        ("guest.**", ("guest", ANY)),
        ('"e mail"."a\\"b\\u00e9"', ("e mail", 'a"bé')),
        ("e-mail", ("e-mail",)),
    ],
)
def test_a_path_is_read_as_steps(path: str, steps: tuple[Step, ...]) -> None:
    assert parse_path(path) == steps


NO_PATHS = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "$.a",
    "/a/b",
    "a[0]",
    "[]",
    "a b",
    "a|b",
    '"a',
    'a"b"',
    "***",
    "a.é\n",
]


@pytest.mark.parametrize("text", NO_PATHS)
def test_another_text_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="is not a path to a field"):
        parse_path(text)


def hides(path: str, *names: str) -> bool:
    place = path_matcher([parse_path(path)])
    for name in names:
        place = place.field(name)
    return place.hides


def test_a_path_hides_its_own_field_alone() -> None:
    assert hides("guest.email", "guest", "email")
    assert not hides("guest.email", "guest")
    assert not hides("guest.email", "guest", "name")
    assert not hides("guest.email", "email")


def test_a_wildcard_stands_for_any_field_and_a_double_one_for_any_number_of_levels() -> None:
    assert hides("*.email", "host", "email")
    assert not hides("*.email", "email")
    for names in (["password"], ["guest", "password"], ["a", "b", "c", "password"]):
        assert hides("**.password", *names)
    assert hides("a.**.b.**.c", "a", "x", "b", "c")
    assert not hides("a.**.b.**.c", "a", "x", "c")


def test_a_place_that_no_path_leads_to_is_idle() -> None:
    place = path_matcher([parse_path("guest.email")])
    assert not place.is_idle
    assert place.field("price").is_idle
    assert place.field("price").field("email").is_idle


def test_places_are_bounded_whatever_a_payload_asks_for() -> None:
    paths = [parse_path(f"**.{name}.**.x.**.y") for name in "abcdefghij"]
    place = path_matcher(paths)
    for number in range(3_000):
        place = place.field("abcdefghijxy"[number % 12]).field(f"other{number}")
    assert place.field("x").field("y").hides
