"""A handler's annotation of its payload, against what it will get; only what cannot be is reported."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, Protocol, TypedDict, TypeVar

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.resolve.payload_annotation import check_annotation
from streamroute.compiler.resolve.static_reader import StaticReader
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.message import Message

T = TypeVar("T")


@dataclass
class Booking:
    nights: int


class HasItems(Protocol):
    def items(self) -> Any: ...


class Stay(TypedDict):
    nights: int


def handler(annotation: Any) -> Callable[..., Any]:
    def handle(payload: Any, container: Any) -> None: ...

    handle.__annotations__ = {"payload": annotation}
    return handle


def said(function: Any) -> list[str]:
    return [problem.message for problem in check_annotation(function, "h", None)]


@pytest.mark.parametrize(
    "annotation",
    [
        dict, dict[str, Any], Mapping[str, Any], MutableMapping[str, Any], Message, object, Any, T, HasItems,
        Stay, "dict[str, Any]", "Mapping[str, Any] | None", dict[str, Any] | str, "NoSuchName", "1 +",
    ],
)  # fmt: skip
def test_annotations_that_a_message_satisfies_are_accepted(annotation: Any) -> None:
    assert said(handler(annotation)) == []


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (str, "str"),
        (bytes, "bytes"),
        (Booking, "Booking"),
        (list[str], "list[str]"),
        (Sequence[str], "collections.abc.Sequence[str]"),
        ("str", "str"),
        ("Booking", "Booking"),
        (str | None, "str | None"),
    ],
)
def test_annotations_that_no_dict_satisfies_are_reported(annotation: Any, shown: str) -> None:
    assert said(handler(annotation)) == [f'"h" annotates its payload as {shown}, but receives a dict']


def test_the_function_that_a_call_ends_in_counts() -> None:
    class Handler:
        def __call__(self, payload: str) -> None: ...

        def method(self, payload: str) -> None: ...

    assert len(said(Handler())) == len(said(Handler().method)) == 1
    assert len(said(functools.partial(handler(str), container=1))) == 1


def test_the_annotations_of_a_decorated_function_are_not_checked() -> None:
    inner = handler(Booking)

    @functools.wraps(inner)
    def convert(*args: Any, **kwargs: Any) -> None: ...

    assert said(convert) == []
    assert said(print) == []
    assert said(lambda payload: None) == []


# A TypedDict beside a schema

OPEN = {"type": "object", "properties": {"nights": {"type": "integer"}, "tier": {"enum": ["gold", "silver"]}}}
CLOSED = {**OPEN, "additionalProperties": False}


class Typo(TypedDict):
    nigths: int


class Other(TypedDict):
    source: str


class Maybe(TypedDict):
    nigths: NotRequired[int]


class Wrong(TypedDict):
    nights: str


class Choice(TypedDict):
    tier: Literal["bronze"]


class Fine(TypedDict):
    type: str
    nights: float | None
    tier: Literal["gold", "silver"]


@pytest.mark.parametrize(
    ("annotation", "schema", "expected"),
    [
        (Fine, CLOSED, []),
        (Typo, OPEN, []),
        (Typo, CLOSED, ['"h" annotates its payload as Typo, but its messages have no key "nigths"']),
        (Maybe, CLOSED, []),
        (Other, CLOSED, []),
        (Wrong, OPEN, ['"h" annotates its payload as Wrong, but "nights" never has its type there']),
        (Choice, OPEN, ['"h" annotates its payload as Choice, but "tier" never has its type there']),
        (Wrong, {"type": "object"}, []),
        (Wrong, None, []),
    ],
)
def test_a_typed_dict_is_compared_with_the_schema_of_its_messages(
    annotation: Any, schema: Any, expected: list[str]
) -> None:
    payload = None if schema is None else payload_type({"booked": from_schema(schema)})
    problems = list(check_annotation(handler(annotation), "h", payload))
    assert [problem.message for problem in problems] == expected
    helps = [problem.help for problem in problems if "nigths" in problem.message]
    assert set(helps) <= {'did you mean "nights"?'}


# In a configuration

CODE = """
from typing import TypedDict

class Stay(TypedDict):
    nights: str

def text(payload: str): ...
def stay(payload: Stay): ...
def plain(payload: dict): ...
str_ = str
def other(payload: str_): ...
"""
ROUTES = """\
version: 1
streams: {events: }
messages: {booked: {schema: {properties: {nights: {type: integer}}}}}
routes:
  - {name: one, type: booked, handler: NAME.text}
  - {name: two, type: booked, handler: NAME.text, filter: nights}
  - {name: three, type: booked, handler: NAME.stay}
  - {name: four, type: booked, handler: NAME.stay, transform: '{nights: to_string(nights)}'}
  - {name: five, type: booked, handler: NAME.plain}
  - {name: six, type: booked, handler: NAME.other}
"""


def test_an_annotation_is_reported_once_and_not_behind_a_transform(tmp_path: Path) -> None:
    (tmp_path / "annotated_one.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "routes.yaml").write_text(ROUTES.replace("NAME", "annotated_one"), encoding="utf-8")
    with isolated_imports(tmp_path):
        found = check_path(tmp_path / "routes.yaml").findings
    assert [(one.code, one.span.line) for one in found] == [("SR408", 5), ("SR408", 7), ("SR408", 10)]


def test_reading_the_source_finds_the_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "annotated_two.py").write_text(CODE, encoding="utf-8")
    reader = StaticReader(tmp_path)
    found = {name: reader.handler(f"annotated_two.{name}", {}) for name in ("text", "stay", "plain", "other")}
    assert {name: len(signature_problems) for name, signature_problems in found.items()} == {
        "text": 1,
        "stay": 0,
        "plain": 0,
        "other": 0,
    }
    assert found["text"][0].problem.code == "SR408"
