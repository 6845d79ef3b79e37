"""From a document to routers: every finding of every step, and what runs if there is none."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.api import compile_routes
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.config.json_schema import checked_schema
from streamroute.core.router import RedisRouter
from streamroute.errors import ConfigError, Reject, Retry, SetupError
from streamroute.expressions.filters import FilterError
from streamroute.message import Message

HANDLERS = """
CALLS = []

async def welcome(payload, container):
    CALLS.append(("welcome", dict(payload), container))

def thank(payload, channel):
    CALLS.append(("thank", channel))

async def fail(payload):
    raise ValueError("no")

class Compact:
    def decode(self, fields): return {}
    def encode(self, payload): return {}

class Half:
    def decode(self, fields): return {}

class Broken:
    def __init__(self): raise OSError("no file")

def build(): return "container"
"""

HEAD = """
version: 1
streams:
  bookings:
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Writes routes.yaml, and files beside it by name; a package ``sr`` holds the handlers."""
    package = tmp_path / "sr"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "handlers.py").write_text(HANDLERS)
    (package / "one.py").write_text("def f(payload): ...\n")

    def write_files(text: str, **others: str) -> Path:
        (tmp_path / "routes.yaml").write_text(text)
        for name, content in others.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        return tmp_path

    with isolated_imports(tmp_path):
        yield write_files


def found(result: CheckResult, folder: Path) -> list[str]:
    shown = (str(finding).replace(f"{folder}/", "") for finding in result.findings)
    return [line.replace("routes.yaml:", "").replace("error[", "E[") for line in shown]


def test_a_route_becomes_a_plain_router_entry(write: Write) -> None:
    routers = compile_routes(
        write(
            HEAD
            + """
routes:
  - {name: welcome, type: [confirmed, changed], filter: nights > `2`, handler: sr.handlers.welcome}
  - {name: thank, type: confirmed, handler: "sr.handlers:thank", with: {channel: mail}}
"""
        )
    )
    [router] = routers["bookings"]
    assert isinstance(router, RedisRouter)
    assert {kind: [handler.__name__ for handler, _ in pairs] for kind, pairs in router.handlers.items()} == {
        "confirmed": ["welcome", "thank"],
        "changed": ["welcome"],
    }
    accepts = router.handlers["confirmed"][0][1]
    assert accepts is not None
    assert accepts({"nights": 3}) is True
    assert accepts({"nights": 2}) is False
    assert router.handlers["confirmed"][1][1] is None


@pytest.mark.parametrize("dedupe", ["", "dedupe: {key: id, ttl: 1h}, "])
def test_a_handler_carries_the_name_of_its_route_and_the_names_it_had_before(
    write: Write, dedupe: str
) -> None:
    text = f"{{name: new, formerly: [old, older], {dedupe}type: t, handler: sr.handlers.welcome}}"
    [router] = compile_routes(write(f"{HEAD}\nroutes:\n  - {text}\n"))["bookings"]
    [(handler, _)] = router.handlers["t"]
    assert vars(handler)["route_key"] == "new"
    assert vars(handler)["formerly"] == ("old", "older")


async def test_the_compiled_handlers_run(write: Write) -> None:
    [router] = compile_routes(
        write(
            HEAD
            + """
routes:
  - {name: a, type: t, handler: sr.handlers.welcome}
  - {name: b, type: t, handler: sr.handlers.thank, with: {channel: mail}}
"""
        )
    )["bookings"]
    for handler, _ in router.handlers["t"]:
        await handler({"type": "t"}, "container")
    assert sys.modules["sr.handlers"].CALLS == [
        ("welcome", {"type": "t"}, "container"),
        ("thank", "mail"),
    ]


def test_there_is_one_router_for_each_file_and_stream_in_the_order_of_the_files(write: Write) -> None:
    folder = write(
        """
version: 1
streams: {bookings: , payouts: , unused: }
include: [one.yaml, two.yaml]
routes:
  - {name: root, stream: bookings, type: t, handler: sr.handlers.welcome}
""",
        one="version: 1\nroutes: [{name: one, type: t, stream: [bookings, payouts], handler: sr.one.f}]",
        two="version: 1\nroutes: [{name: two, stream: bookings, type: t, handler: sr.handlers.welcome}]",
    )
    routers = compile_routes(folder)
    names = {
        stream: [[handler.__name__ for handler, _ in router.handlers["t"]] for router in of_stream]
        for stream, of_stream in routers.items()
    }
    assert names == {"bookings": [["root"], ["one"], ["two"]], "payouts": [["one"]], "unused": []}


async def test_a_policy_is_the_route_s_over_the_stream_s(write: Write) -> None:
    routers = compile_routes(
        write(
            """
version: 1
streams:
  quick: {retry: {delay: 1s, jitter: 0}}
  slow: {retry: {delay: 60s, jitter: 0, max_attempts: 2}}
routes:
  - {name: a, stream: [quick, slow], type: t, handler: sr.handlers.fail, retry: {multiplier: 10}}
"""
        )
    )

    async def outcome(stream: str, attempt: int) -> Any:
        handler = routers[stream][0].handlers["t"][0][0]
        with pytest.raises((Retry, Reject)) as caught:
            await handler(Message({}, attempt=attempt), None)
        return getattr(caught.value, "delay", "rejected")

    assert [await outcome("quick", 1), await outcome("quick", 2)] == [1, 10]
    assert [await outcome("slow", 1), await outcome("slow", 2)] == [60, "rejected"]


def test_a_disabled_route_is_checked_and_not_registered(write: Write) -> None:
    folder = write(
        HEAD
        + """
routes:
  - {name: off, type: t, enabled: false, handler: sr.handlers.welcome}
  - {name: "on", type: t, handler: sr.handlers.welcome}
"""
    )
    result = check_path(folder)
    assert result.compiled is not None
    assert result.compiled.names("bookings") == ["on"]
    write(HEAD + "\nroutes: [{name: off, type: t, enabled: false, handler: sr.handlers.welcom}]")
    assert [finding.code for finding in check_path(folder).findings] == ["SR402"]


def test_every_finding_of_every_route_is_collected_with_its_place(write: Write) -> None:
    folder = write(
        """
version: 1
container: sr.handlers.CALLS
streams:
  bookings: {codec: sr.handlers.Half}
  payments: {codec: sr.handlers.Compact}
routes:
  - {name: a, type: t, stream: booking, handler: sr.handlers.welcome}
  - {name: a, type: t, handler: sr.handlers.welcome}
  - {name: b, type: booking.*, stream: bookings, handler: sr.handler.welcome}
  - {name: c, type: t, stream: bookings, handler: sr.handlers.thank, with: {chanel: x}}
  - name: d
    type: t
    stream: bookings
    handler: os.system
    filter: >-
      lenght(tags) > `1`
      && tier = 'gold'
  - {name: e, type: t, stream: bookings, handler: sr.handlers.welcome, filter: 'length(a, b)'}
"""
    )
    assert found(check_path(folder), folder) == [
        '3:12: E[SR403]: "sr.handlers.CALLS" is a list, which cannot be called',
        '5:21: E[SR403]: "sr.handlers.Half" is not a codec: it has no method encode',
        '8:32: E[SR202]: unknown stream "booking"; did you mean "bookings"?',
        (
            '9:6: E[SR203]: missing key "stream" in route "a": '
            'several streams are declared ("bookings", "payments")'
        ),
        '9:12: E[SR201]: duplicate route "a": first declared on line 8',
        '10:21: E[SR204]: type "booking.*" is a pattern, but no message types are declared',
        '10:62: E[SR401]: no module "handler" in package "sr"; did you mean "handlers"?',
        '11:77: E[SR404]: "sr.handlers.thank" does not accept the argument "chanel"; did you mean "channel"?',
        '15:14: E[SR405]: "os" is a standard library module, which is not allowed',
        "18:15: E[SR301]: JMESPath has no = operator",
        "19:81: E[SR304]: length() takes 1 argument, not 2",
    ]


def test_a_duplicate_name_names_the_other_file(write: Write) -> None:
    folder = write(
        HEAD + "\ninclude: [other.yaml]\nroutes: [{name: a, type: t, handler: sr.handlers.welcome}]",
        other="version: 1\nroutes: [{name: a, type: t, handler: sr.handlers.welcome}]",
    )
    assert found(check_path(folder), folder) == [
        'other.yaml:2:17: E[SR201]: duplicate route "a": first declared on 7'
    ]


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("tier == 'a #b'", ["SR303"]),
        ("a && #b", ["SR301"]),
        ("tier == 'a'  # only those", []),
        ("tier =  # a comment that is one", ["SR301"]),
        ("\"tier == 'a #b'\"", []),
    ],
)
def test_an_expression_truncated_by_yaml_is_distinguished_from_an_invalid_one(
    write: Write, written: str, codes: list[str]
) -> None:
    folder = write(
        HEAD
        + f"\nroutes:\n  - name: a\n    type: t\n    handler: sr.handlers.welcome\n    filter: {written}\n"
    )
    assert [finding.code for finding in check_path(folder).findings] == codes


def test_a_codec_in_the_defaults_is_found_there(write: Write) -> None:
    folder = write("version: 1\ndefaults: {codec: sr.nothing.Compact}\nstreams: {bookings: }\n")
    assert found(check_path(folder), folder) == ['2:22: E[SR401]: no module "nothing" in package "sr"']


def test_a_codec_that_cannot_be_created_is_reported_with_the_reason(write: Write) -> None:
    folder = write("version: 1\nstreams: {bookings: {codec: sr.handlers.Broken}}\n")
    assert found(check_path(folder), folder) == [
        '2:29: E[SR403]: could not create the codec "sr.handlers.Broken": OSError: no file'
    ]


def test_a_handler_that_is_not_callable_is_reported_at_its_path(write: Write) -> None:
    folder = write(HEAD + "\nroutes: [{name: a, type: t, handler: sr.handlers.CALLS}]")
    assert found(check_path(folder), folder) == [
        '6:38: E[SR403]: "sr.handlers.CALLS" is a list, which cannot be called'
    ]


def test_an_uncompilable_file_has_findings_only(write: Write) -> None:
    result = check_path(write("- a list\n"))
    assert (result.document, result.compiled) == (None, None)
    assert [finding.code for finding in result.findings] == ["SR012"]


def test_container_and_codecs_are_resolved(write: Write) -> None:
    folder = write(
        "version: 1\ncontainer: sr.handlers.build\nstreams: {bookings: {codec: sr.handlers.Compact}}\n"
    )
    compiled = check_path(folder).compiled
    assert compiled is not None
    assert compiled.container is not None
    assert compiled.container() == "container"
    assert compiled.codecs["bookings"].encode({}) == {}


def test_a_handler_that_answers_to_every_name_is_no_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "answering.py").write_text(
        "class Answering:\n"
        "    def __getattr__(self, name): return lambda *given: 3\n"
        "    def __call__(self, payload): ...\n"
        "handle = Answering()\n"
    )
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nstreams: {s: }\nroutes: [{name: a, type: t, handler: answering.handle}]\n")
    with isolated_imports(tmp_path):
        assert [found.code for found in check_path(path).findings] == []


def test_a_codec_that_raises_on_inspection_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "refusing.py").write_text(
        "class Refusing:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
    )
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nstreams: {s: {codec: refusing.Refusing}}\nroutes: []\n")
    with isolated_imports(tmp_path):
        assert [found.code for found in check_path(path).findings] == ["SR403"]


def test_a_factory_of_the_container_that_needs_arguments_is_found(write: Write) -> None:
    folder = write("version: 1\ncontainer: sr.handlers.thank\nstreams: {bookings: }\nroutes: []")
    message = '"sr.handlers.thank" requires "payload", "channel", but is called without arguments'
    assert found(check_path(folder), folder) == [f"2:12: E[SR404]: {message}"]


def test_without_imports_no_user_code_runs(write: Write) -> None:
    folder = write(HEAD + "\nroutes: [{name: a, type: t, handler: sr.handlers.welcome, filter: a =}]")
    result = check_path(folder, imports=False)
    assert [finding.code for finding in result.findings] == ["SR301"]
    assert "sr" not in sys.modules
    assert result.compiled is not None
    with pytest.raises(SetupError, match="handler"):
        _ = result.compiled.routers


def test_compile_routes_raises_with_every_finding(write: Write) -> None:
    folder = write(
        HEAD + "\nroutes:\n" + "".join(f"  - {{name: r{n}, type: t{n}, handler: x.y}}\n" for n in range(30))
    )
    with pytest.raises(ConfigError) as caught:
        compile_routes(folder)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{folder} has 30 errors:"
    assert "SR401" in lines[1]
    assert lines[-1] == "  and 10 more"
    assert len(caught.value.findings) == 30


def test_a_filter_that_fails_is_a_failure_of_its_route_or_no_match(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    [router] = compile_routes(
        write(
            HEAD
            + """
routes:
  - {name: strict, type: t, filter: length(tags) > `1`, handler: sr.handlers.welcome}
  - name: lenient
    type: t
    filter: length(tags) > `1`
    on_filter_error: no_match
    handler: sr.handlers.welcome
"""
        )
    )["bookings"]
    (_, strict), (_, lenient) = router.handlers["t"]
    assert strict is not None
    assert lenient is not None
    with pytest.raises(FilterError):
        strict({"tags": None})
    with caplog.at_level(logging.WARNING):
        assert [lenient({"tags": None}), lenient({}), lenient({"tags": [1, 2]})] == [False, False, True]
    [record] = caplog.records
    assert "the filter of route lenient failed" in record.getMessage()


def test_every_key_of_a_stream_that_a_router_does_not_hold_is_named() -> None:
    """Whoever makes a processor of their own must know what they have to pass to it."""
    keys = set(checked_schema()["$defs"]["stream"]["properties"]) - {"retry", "validate"}
    assert {key for key in keys if f"``{key}``" not in (compile_routes.__doc__ or "")} == set()
