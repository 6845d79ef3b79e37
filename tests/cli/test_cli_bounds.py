"""A check of any file ends: with findings, without a hang or an internal error.

The sizes are such that a quadratic step takes minutes, so that a hang exceeds the test's own timeout.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects import Done, Project
from streamroute.config.findings.quoting import hide_secrets

HEAD = "version: 1\nstreams: {s: {group: g}}\n"
ROUTE = "routes:\n  - {name: r, type: t, handler: streamroute.handlers.log}"

WRONG = ROUTE.replace("handler", "handlr", 1)


def _expression(text: str) -> str:
    route = "routes:\n  - name: r\n    type: t\n    handler: streamroute.handlers.log\n"
    return f"{HEAD}{route}    filter: {json.dumps(text)}\n"


def _schema(schema: Any, expression: str = "a == 'x'") -> str:
    return f"messages: {{t: {{schema: {json.dumps(schema)}}}}}\n{_expression(expression)}"


def _each(line: str, count: int) -> str:
    return "".join(f"  - {line.replace('@', str(at))}\n" for at in range(count))


def _listed(item: str, count: int) -> str:
    return ", ".join(item.replace("@", str(at)) for at in range(count))


INPUTS = {
    "findings on one line": f"{HEAD}routes: [{_listed('{name: r@, type: t, handlr: x}', 4000)}]\n",
    "ignored rules on one line": f"{HEAD}{ROUTE}  # streamroute: ignore[{_listed('SR9@', 20_000)}]\n",
    "one unknown rule many times": f"{HEAD}{ROUTE}  # streamroute: ignore[{'SR999,' * 20_000}]\n",
    "ignores": f"{HEAD}{ROUTE}\n" + "# streamroute: ignore[SR210]\n" * 8000,
    "quotes in a parameter": f"{HEAD}{WRONG}  # redis://a?b=" + '"' * 16_000 + "x\n",
    "plus signs": f"{HEAD}{WRONG}  # {'a+' * 16_000}\n",
    "variables in one value": 'version: 1\nredis: {url: "' + "${A}" * 20_000 + '"}\nstreams: {s: }\n',
    "defaults in defaults": 'version: 1\nredis: {url: "' + "${A:-" * 20_000 + '"}\nstreams: {s: }\n',
    "arguments": f"{HEAD}{ROUTE[:-1]}, with: {{{_listed('k@: 1', 5000)}}}}}\n",
    "tags": f"{HEAD}{ROUTE[:-1]}, tags: [{_listed('{}', 5000)}]}}\n",
    "misspelt functions": _expression(" || ".join(f"contian{at}(a, 'x')" for at in range(300))),
    "misspelt fields": _schema({"properties": {f"field_{at}": {} for at in range(3000)}}, "feild_1 == 'x'"),
    "misspelt types": f"{HEAD}messages: {{{_listed('m@: {}', 2000)}}}\nroutes:\n"
    + _each("{name: r@, type: n@, handler: streamroute.handlers.log}", 2000),
    "equal routes": f"{HEAD}routes:\n"
    + _each("{name: r@, type: t, handler: streamroute.handlers.log}", 5000),
    "equal names": f"{HEAD}routes:\n" + _each("{name: r, type: t@, handler: streamroute.handlers.log}", 5000),
    "streams without routes": f"version: 1\nstreams: {{{_listed('s@: {group: g}', 3000)}}}\n",
    "a digit too many": f"version: 1\nstreams: {{s: {{concurrency: {'9' * 6000}}}}}\n",
    "a hexadecimal digit too many": f"version: 1\nstreams: {{s: {{concurrency: 0x{'f' * 8000}}}}}\n",
    "octal digits": f"version: 1\nx-a: 0o{'7' * 9000}\nstreams: {{s: {{lease: 0o{'7' * 9000}}}}}\n",
    "a huge float": f"version: 1\nstreams: {{s: {{retry: {{multiplier: 1e{'9' * 6000}}}}}}}\n",
    "a huge duration": f"version: 1\nstreams: {{s: {{lease: {'9' * 100_000}d}}}}\n",
    "a huge index": _expression(f"a[{'9' * 6000}]"),
    "a huge literal": _expression(f"a > `{'9' * 6000}`"),
    "parentheses": _expression("(" * 5000 + "a" + ")" * 5000),
    "negations": _expression("!" * 5000 + "a"),
    "steps": _expression("a" + ".a" * 20_000),
    "flattened lists": _expression("[@, @][]" * 1000),
    "operands": _expression(" || ".join(f"a{at} == 'x'" for at in range(5000))),
    "calls in calls": _expression("length(" * 5000 + "a" + ")" * 5000),
    "wide lists": _expression(f"[{_listed('a', 20_000)}]"),
    "an open quote": _expression("a == '" + "x" * 200_000),
    "stars": f"{HEAD}messages: {{{'a' * 500}b: {{}}}}\n" + ROUTE.replace(" t,", f" '{'*a' * 200}c',") + "\n",
    "folders of stars": f"{HEAD}include: ['{'**/' * 30}x.yaml']\n",
    "brackets": f"{HEAD}x-a: {'[' * 100_000}{']' * 100_000}\n",
    "braces": f"{HEAD}x-a: {'{' * 100_000}\n",
    "dashes without an end": f"{HEAD}{'- ' * 100_000}:\n",
    "dashes": f"{HEAD}x-a: {'- ' * 50_000}\n",
    "question marks": f"{HEAD}x-a: {'? ' * 50_000}\n",
    "anchors": f"{HEAD}x-a: {'&a ' * 50_000}\n",
    "tabs": f"{HEAD}{chr(9) * 100_000}\n",
    "aliases": f"{HEAD}x-a: &a {{k: v}}\nx-b: [{_listed('*a', 20_000)}]\n",
    "aliases of aliases": f"{HEAD}x-0: &a0 [v]\n"
    + "".join(f"x-{at + 1}: &a{at + 1} [*a{at}, *a{at}]\n" for at in range(40)),
    "merges of merges": f"{HEAD}x-0: &a0 {{k: v}}\n"
    + "".join(f"x-{at + 1}: &a{at + 1} {{<<: [*a{at}, *a{at}], k{at}: v}}\n" for at in range(60)),
    "a name of a megabyte": f"{HEAD}{'a' * 1_000_000}: 1\n{ROUTE}\n",
    "a name of a megabyte in many places": f"{HEAD}x-a: &a {'a' * 1_000_000}\nroutes:\n"
    + _each("{name: r@, type: t@, handler: *a}", 800),
    "misspelt types of a schema": _schema({"properties": {f"a{at}": {"type": "strin"} for at in range(500)}}),
    "broken references": _schema({"properties": {f"a{at}": {"$ref": f"#/x{at}"} for at in range(2000)}}),
    "a dotted path": f"{HEAD}{ROUTE.replace('streamroute.handlers.log', 'a.' * 20_000 + 'b')}\n",
}  # fmt: skip


@pytest.mark.deep
@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", INPUTS)
def test_a_check_ends_with_findings(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", INPUTS[name])
    done = command("check", "--no-import", "--time-limit", "250")
    assert done.code in (0, 1), done.err[-2000:]
    assert "SR026" not in done.out
    assert len(done.out) < 3_000_000


@pytest.mark.timeout(100)
@pytest.mark.parametrize("text", ['{"a": ' * 3000, '{"' + 'a": 1, "' * 20_000, '{"a": "' + '\\"' * 200_000])
def test_a_file_of_json_is_read_in_one_pass(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", f"{HEAD}messages: {{t: {{schema: s.json}}}}\n{ROUTE}\n")
    Path("s.json").write_text(text, encoding="utf-8")
    assert command("check").code == 1


def test_keys_that_are_repeated_are_found_in_one_pass(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", f"{HEAD}messages: {{t: {{schema: s.json}}}}\n{ROUTE}\n")
    pairs = ", ".join(f'"k{at}": 1, "k{at}": "k{at}"' for at in range(5000))
    Path("s.json").write_text(f"{{{pairs}}}", encoding="utf-8")
    done = command("check", "--format", "concise")
    assert 's.json:1:11: error[SR006]: duplicate key "k0" in an object\n' in done.out


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "redis://a?b=" + '"' * 100_000 + "x",
        "a+" * 50_000,
        "redis://h?" + "a=')" * 30_000,
        "password: " * 10_000,
        "authorization: " * 10_000,
        "authorization: " + "a" * 100_000,
        "authorization: a" + " " * 100_000,
        "token=" * 20_000,
        "password: '" + "''" * 50_000,
        'password: "' + "\\" * 100_000,
        "a://b " * 10_000,
        "@" + "a://b " * 10_000,
        "${pass" * 20_000,
        "\n- " * 30_000,
        "?key" * 20_000,
    ],
)
def test_secrets_are_looked_for_in_one_pass(text: str) -> None:
    assert len(hide_secrets(text)) == len(text)


def test_a_password_is_hidden_beyond_an_ampersand() -> None:
    """A finding shows its source line, and the password may not be percent-encoded."""
    shown = hide_secrets('url: "redis://h/0?db=1&password=ab&S3cret&x=y"')
    assert shown == 'url: "redis://h/0?db=*&password=' + "*" * 13 + '"'


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("headers: {Authorization: Bearer t0ken, X: y}", "headers: {Authorization: Bearer *****, X: y}"),
        ("  authorization: 'Basic dTpw'", "  authorization: 'Basic ****'"),
        ('{"Proxy-Authorization": "t0ken"}', '{"Proxy-Authorization": "*****"}'),
        ("AUTHORIZATION: t0ken", "AUTHORIZATION: *****"),
        ("headers_from_env: {Authorization: CRM_TOKEN}", "headers_from_env: {Authorization: CRM_TOKEN}"),
        ("Authorization: CRM_TOKEN", "Authorization: CRM_TOKEN"),
        ("needs authorization", "needs authorization"),
        ("password: my own phrase", "password: *************"),
        ("{password: my own, x: y}", "{password: ******, x: y}"),
        ("- password: a, b", "- password: ****"),
        ("password: $ecret", "password: ******"),
        ("{password: ${PW}, x: y}", "{password: ${PW}, x: y}"),
        ('password: "a\\"b"', "password: ******"),
        ("password: 'a''b'", "password: ******"),
        ('password: "ab', "password: ***"),
        ('{"password":"ab"}', '{"password":****}'),
        ("with: {token: t0k, client-secret: x}", "with: {token: ***, client-secret: *}"),
        ("headers: {X-Api-Key: k3y}", "headers: {X-Api-Key: ***}"),
        ("API_KEY=k3y", "API_KEY=***"),
        ("filter: token == 'a' && password == b", "filter: token == 'a' && password == b"),
        ("author: x, monkey: y, tokens: z", "author: x, monkey: y, tokens: z"),
        ("pw: ${PW:-hunter2}", "pw: ${PW:-*******}"),
        ("https://h/x?a=b&token=t0k", "https://h/x?a=b&token=***"),
        ("redis://u:pa/hunter2", "redis://u:**********"),
        ("{url: rediss://u:p w hunter2@h, x: y}", "{url: rediss://*************@h, x: y}"),
        ('{url: "redis://u:p\\"@ h@h", x: "a@b"}', '{url: "redis://********@h", x: "a@b"}'),
        ("'redis://u:p\"@ h@h'", "'redis://*******@h'"),
        ("group: ${PW-hunter2}", "group: ${PW-*******}"),
    ],
)
def test_possible_secrets_in_a_source_line_are_hidden(written: str, shown: str) -> None:
    assert hide_secrets(written) == shown
