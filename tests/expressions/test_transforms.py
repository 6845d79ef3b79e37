"""Transforms: what a handler gets in place of the payload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import message_of
from streamroute.compiler.api import compile_routes
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.errors import Reject, Retry
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.transforms import compile_transform
from streamroute.message import Message
from streamroute.values import RetryPolicy

PAYLOAD = {"type": "t", "guest": {"email": "a@b", "tags": ["x"]}, "nights": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "transformed.py").write_text("GOT = []\ndef f(payload): GOT.append(payload)\n")
    with isolated_imports(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("{email: guest.email, n: nights}", {"email": "a@b", "n": 3}),
        ("guest", {"email": "a@b", "tags": ["x"]}),
        ("@", PAYLOAD),
        ("merge(guest, {type: type})", {"email": "a@b", "tags": ["x"], "type": "t"}),
    ],
)
def test_the_handler_gets_the_result(expression: str, result: dict[str, Any]) -> None:
    assert compile_transform(expression)(PAYLOAD) == result


def test_a_message_keeps_its_facts_but_for_the_raw_fields() -> None:
    message = message_of(
        PAYLOAD, id="1-0", stream="s", group="g", deliveries=2, attempt=3, fields={b"type": b"t"}, outcomes=[]
    )
    made = compile_transform("{n: nights}")(message)
    assert isinstance(made, Message)
    assert made == {"n": 3}
    assert (made.id, made.stream, made.group, made.deliveries, made.attempt) == ("1-0", "s", "g", 2, 3)
    assert made.fields == {}
    assert made.delivery is message.delivery
    assert message == PAYLOAD


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("guest.email", "the transform returned a string, but a handler receives an object"),
        ("guest.phone", "the transform returned null, but a handler receives an object"),
        ("guest.tags", "the transform returned a list, but a handler receives an object"),
        ("nights > `1`", "the transform returned a boolean, but a handler receives an object"),
        ("keys(nights)", "the transform failed: keys() takes object, not number"),
    ],
)
def test_a_result_that_is_not_an_object_is_rejected(expression: str, reason: str) -> None:
    with pytest.raises(Reject) as caught:
        compile_transform(expression)(PAYLOAD)
    assert caught.value.reason == reason


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.none(), min_size=1))
def test_an_object_or_a_reject_and_nothing_else(payload: dict[str, Any]) -> None:
    for expression in ("@", "a", "{x: a}", "[a]", "keys(@)", "sum([a])", "to_number(a)"):
        transform = compile_transform(expression)
        if expression in {"@", "{x: a}"}:
            assert isinstance(transform(payload), dict)
        else:
            with pytest.raises(Reject, match="the transform "):
                transform(payload)


def test_an_expression_that_cannot_be_compiled_raises() -> None:
    with pytest.raises(ExpressionError):
        compile_transform("{a: }")


async def test_a_payload_that_cannot_be_transformed_is_not_handled_and_not_retried() -> None:
    got: list[Any] = []
    call = handler_call(got.append, "a.f", {})
    assert isinstance(call, HandlerCall)
    transform = compile_transform("nothing")
    handler = route_handler(call, name="r", timeout=60, retry=RetryPolicy(), prepare=transform)
    with pytest.raises(Reject, match="the transform returned null"):
        await handler(dict(PAYLOAD), None)
    assert got == []


@pytest.mark.parametrize("is_async", [True, False])
async def test_the_wrapped_handler_gets_it_and_its_attempts_are_the_message_s(is_async: bool) -> None:
    got: list[Any] = []

    async def slow(payload: Any) -> None:
        got.append(payload)
        raise ValueError("no")

    def plain(payload: Any) -> None:
        got.append(payload)
        raise ValueError("no")

    call = handler_call(slow if is_async else plain, "a.f", {})
    assert isinstance(call, HandlerCall)
    policy = RetryPolicy(max_attempts=2, delay=5, jitter=0)
    handler = route_handler(
        call, name="r", timeout=60, retry=policy, prepare=compile_transform("{n: nights}")
    )
    with pytest.raises(Retry):
        await handler(Message(PAYLOAD, attempt=1), None)
    with pytest.raises(Reject, match="failed after 2 attempts"):
        await handler(Message(PAYLOAD, attempt=2), None)
    assert got == [{"n": 3}, {"n": 3}]


async def test_the_filter_sees_the_payload_and_the_handler_the_result(folder: Path) -> None:
    (folder / "routes.yaml").write_text(
        "version: 1\nstreams: {s: }\nroutes:\n"
        "  - {name: r, type: t, filter: nights > `2`, transform: '{n: nights}', handler: transformed.f}\n"
    )
    [(handler, accepts)] = compile_routes(folder)["s"][0].handlers["t"]
    assert accepts is not None
    assert accepts(dict(PAYLOAD))
    await handler(dict(PAYLOAD), None)
    from transformed import GOT  # type: ignore[import-not-found]  # the test has just written it

    assert GOT == [{"n": 3}]
    assert compile_filter("n == `3`")(GOT[0])


def test_mistakes_of_a_transform_are_reported_at_the_transform(folder: Path) -> None:
    (folder / "routes.yaml").write_text(
        "version: 1\nstreams: {s: }\nroutes:\n"
        "  - {name: a, type: t, handler: transformed.f, transform: '{n: lenght(x)}'}\n"
        "  - name: b\n    type: t\n    handler: transformed.f\n    transform: {n: nights}\n"
        "  - name: c\n    type: t\n    handler: transformed.f\n    transform: a && 'x #y'\n"
    )
    found = [
        (finding.code, finding.span.line, finding.span.column) for finding in check_path(folder).findings
    ]
    assert found == [("SR302", 4, 64), ("SR104", 8, 16), ("SR303", 12, 16)]


def change(value: Any) -> None:
    """What a handler may do to all that it can reach."""
    if isinstance(value, list):
        for item in value:
            change(item)
        value.append("changed")
    elif isinstance(value, dict):
        for item in value.values():
            change(item)
        value["changed"] = True


@pytest.mark.parametrize(
    "expression",
    [
        "{tags: `[1]`, n: n}",
        "{tags: `{}`}",
        "{tags: [`[1]`]}",
        '`{"tags": {"a": [1]}}`',
        'merge(`{"tags": [1]}`, @)',
        'not_null(missing, `{"tags": [1]}`)',
        "{tags: missing || `[1]`}",
        "{tags: map(&`[1]`, items)}",
        "{tags: items[?n == `1`] && `[1]`}",
        "{tags: reverse(`[[1]]`)}",
        "{tags: sort_by(`[[1]]`, &@[0])}",
        '{tags: values(`{"a": [1]}`)}',
    ],
)
def test_a_handlers_changes_affect_only_its_own_message(expression: str) -> None:
    transform = compile_transform(expression)

    def payload() -> dict[str, Any]:
        return {"type": "t", "n": 1, "items": [{"n": 1}]}

    first = transform(payload())
    change(first)
    second = transform(payload())
    assert "changed" not in repr(second)


def test_a_transform_without_a_new_list_or_object_copies_nothing() -> None:
    payload = {"type": "t", "items": [1]}
    assert compile_transform("{kept: items, n: `1`, s: 'x'}")(payload)["kept"] is payload["items"]


def test_a_slice_is_no_part_that_holds_literals() -> None:
    assert compile_transform("{first: items[0:1]}")({"items": [1, 2]}) == {"first": [1]}
