"""The work of a check grows with the number of routes, and not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.expressions.syntax.parser import MAX_LENGTH

HEAD = "version: 1\nstreams: {a: , b: }\nroutes:\n"


def right(at: int) -> str:
    return (
        f"- {{name: r{at}, stream: a, type: t, handler: x.y, filter: tenant == 't{at}' && nights > `{at}`}}"
    )


def misspelt(at: int) -> str:
    return f"- {{nam: r{at}, stream: c, type: t, handlr: x.y, filter: lenght(tags) > '{at}'}}"


def same(at: int) -> str:
    return "- {name: r, stream: [a, b], type: t, handler: x.y, filter: '!a.b'}"


def silenced(at: int) -> str:
    return f"{right(at)} # streamroute: ignore[SR307, SR203] why"


def announced(at: int) -> str:
    return f"# streamroute: ignore[SR307] why\n# streamroute: ignore[SR203] why\n{right(at)}"


def shapeless(at: int) -> str:
    return f"- {at}"


def renamed(at: int) -> str:
    return f"- {{name: r{at}, stream: a, type: t, handler: many.handle{at}}}"


def work(path: Path, route: Callable[[int], str], count: int) -> int:
    """How many functions are called while ``count`` routes are checked."""
    (path.parent / "many.py").write_text("".join(f"def handler{at}(payload): ...\n" for at in range(count)))
    path.write_text(HEAD + "\n".join(map(route, range(count))) + "\n")
    calls = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        check_path(path, imports=False)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.deep
@pytest.mark.parametrize("route", [right, misspelt, same, silenced, announced, shapeless, renamed])
def test_twice_the_routes_are_twice_the_work(tmp_path: Path, route: Callable[[int], str]) -> None:
    path = tmp_path / "routes.yaml"
    work(path, route, 50)  # what is imported and cached once
    some, more, most = (work(path, route, count) for count in (100, 200, 400))
    assert most - more < 2.3 * (more - some)


@pytest.mark.parametrize(
    ("clean", "wrong", "code"),
    [
        ("tenant == 'a'", f"tenant == '{'a' * MAX_LENGTH}'", "SR305"),
        ("contains(tags, 'a')", "contain(tags, 'a')", "SR302"),
        ("n == `1` && tenant == 'a'", "n == `1` && tenant == `1`x", "SR301"),
    ],
)
def test_an_expression_like_a_clean_one_is_not_taken_for_it(
    tmp_path: Path, clean: str, wrong: str, code: str
) -> None:
    path = tmp_path / "routes.yaml"
    filters = [clean, clean.replace("'a'", "'z'"), wrong]
    routes = [
        f'- {{name: r{at}, stream: a, type: t, handler: x.y, filter: "{text}"}}'
        for at, text in enumerate(filters)
    ]
    path.write_text(HEAD + "\n".join(routes) + "\n")
    findings = [each for each in check_path(path, imports=False).findings if each.code.startswith("SR3")]
    assert {finding.span.line for finding in findings} <= {6}
    assert code in {finding.code for finding in findings}
