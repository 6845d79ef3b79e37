"""Values at hidden paths are replaced, whatever objects a payload consists of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.redaction.paths import parse_path, path_matcher
from streamroute.redaction.values import REDACTED, Redaction


def redacted(value: Any, *paths: str) -> Any:
    return Redaction().value(value, path_matcher(map(parse_path, paths)))


@pytest.mark.parametrize("value", ["a@example.com", 7, 1.5, True, None, {"a": 1}, ["x"], b"x", object()])
def test_a_hidden_value_of_any_kind_is_replaced(value: Any) -> None:
    assert redacted({"guest": {"email": value, "id": 1}}, "guest.email") == {
        "guest": {"email": REDACTED, "id": 1}
    }


@pytest.mark.parametrize(
    "path", ["cards[].number", "cards.number", "cards[*].number", "**.number", "cards.*"]
)
def test_lists_are_searched_with_and_without_brackets(path: str) -> None:
    cards = [{"number": "4111"}, {"number": "4222"}, [{"number": "4333"}]]
    assert "4" not in json.dumps(redacted({"cards": cards}, path))
    assert "4" not in json.dumps(redacted({"cards": tuple(cards)}, path))
    assert "4" not in json.dumps(redacted({"cards": cards[0]}, path))


def test_a_value_in_which_nothing_is_hidden_stays_the_same_object() -> None:
    payload = {"guest": {"name": "Ann"}, "cards": [1, {"x": 2}], "note": '{"a": 1}'}
    assert redacted(payload, "guest.email", "**.number") is payload
    changed = redacted({**payload, "email": 1}, "email")
    assert changed["guest"] is payload["guest"]


def test_the_payload_itself_is_not_changed() -> None:
    payload = {"guest": {"email": "a"}, "cards": [{"number": 1}]}
    redacted(payload, "guest.email", "cards[].number")
    assert payload == {"guest": {"email": "a"}, "cards": [{"number": 1}]}


def test_a_text_is_read_as_json_where_a_path_leads_into_it() -> None:
    payload = {"guest": '{"email": "a@b", "name": "Zoë"}', "inner": json.dumps({"guest": '{"email": 1}'})}
    assert redacted(payload, "guest.email", "inner.guest.email") == {
        "guest": '{"email": "(redacted)", "name": "Zoë"}',
        "inner": json.dumps({"guest": '{"email": "(redacted)"}'}),
    }


@pytest.mark.parametrize(
    "text",
    ['{"email": "a@b"', '{"\\u0065mail": "a@b"', '{"email": 1, "email": 2}', '["email"' + "[" * 100_000],
)
def test_a_text_that_cannot_be_read_is_hidden_if_it_may_hold_the_field(text: str) -> None:
    assert redacted({"guest": text, "note": "[WARN] email"}, "guest.email") == {
        "guest": REDACTED,
        "note": "[WARN] email",
    }
    assert redacted({"note": "[WARN] late"}, "**.email") == {"note": "[WARN] late"}


def test_an_object_of_a_users_class_is_hidden_if_a_path_leads_into_it() -> None:
    class Guest:
        email = "a@b"

    assert redacted({"guest": Guest(), "price": 1}, "guest.email") == {"guest": REDACTED, "price": 1}
    assert redacted({"guest": {"email"}}, "guest.email") == {"guest": REDACTED}


def test_a_value_that_contains_itself_and_a_deep_one_end() -> None:
    loop: dict[str, Any] = {"email": "a@b"}
    loop["loop"] = loop
    assert "a@b" not in repr(redacted(loop, "**.email"))
    deep: Any = {"email": "a@b"}
    for _ in range(5_000):
        deep = [deep]
    assert "a@b" not in str(redacted(deep, "**.email"))


def test_a_part_that_occurs_exponentially_often_is_looked_at_once() -> None:
    value: Any = {"email": "a@b"}
    for _ in range(100):
        value = [value, value]
    result = redacted(value, "**.email")
    for _ in range(100):
        result = result[1]
    assert result == {"email": REDACTED}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd") | st.text(max_size=2), inner)
    ),
    max_leaves=20,
)


@given(JSON, st.lists(st.sampled_from(["a", "a.b", "*.c", "**.d", "a[].b.**.c", '"b".*']), max_size=4))
def test_redacting_twice_changes_nothing_more(value: Any, paths: list[str]) -> None:
    once = redacted({"a": value, "b": value}, *paths)
    assert redacted(once, *paths) == once


@given(JSON)
def test_no_value_of_a_name_is_left_at_any_depth(value: Any) -> None:
    def values(node: Any) -> list[Any]:
        if isinstance(node, dict):
            own = [node["d"]] if "d" in node else []
            return own + [each for item in node.values() for each in values(item)]
        return [each for item in node for each in values(item)] if isinstance(node, list) else []

    assert set(map(repr, values(redacted({"x": value}, "**.d")))) <= {repr(REDACTED)}
