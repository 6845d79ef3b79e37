"""Each regular expression of the package takes time that grows with the text, and not with its square.

They are found in the syntax trees of the package, with the functions that they are used by, and tried on long
runs of what they are made of. A reading of the expression alone would have to know how it is used: ``search``
begins at every character.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, NamedTuple

import pytest

import streamroute
from streamroute.text.lazy_pattern import LazyPattern

LENGTH: Final = 20_000
SECONDS: Final = 0.1
"""Of the processor: many times what a linear expression needs for LENGTH characters."""
MOST: Final = 2.0
"""After which it is not waited any longer."""

FUNCTIONS: Final = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
ANCHORED: Final = frozenset({"match", "fullmatch"})
USUAL: Final = "a0 \n"
ENDS: Final = ("", "\x00", "!\n")
MOST_PREFIXES: Final = 8
MOST_SIGNS: Final = 9
SHARES: Final = 24
"""Tests that share the expressions."""

GIVEN: Final = {
    "streamroute.adapters.urls.problems": "of the table below",
    "streamroute.adapters.urls.redaction": "of the same table",
    "streamroute.config.variables.misplaced": "one of its constants, which are found below",
    "streamroute.config.yaml.syntax.other_formats": "of the table below",
    "streamroute.config.yaml.syntax.errors": "of a table in its messages",
    "streamroute.config.yaml.syntax.lines": "of a table that is compiled, and found so",
    "streamroute.config.schema.explain.normalized_guess": "a pattern of the published schema",
    "streamroute.config.schema.explain.key_findings": "a pattern of the published schema",
    "streamroute.config.schema.explain.value_hints": "a pattern of the published schema",
    "streamroute.config.schema.fast_validator": "a pattern of the published schema",
    "streamroute.config.files.search": "a wildcard of the user's, which fnmatch writes without backtracking",
    "streamroute.text.lazy_pattern": "a constant of another module, which is found there",
    "streamroute.config.regex.matching": "a pattern of the user's, which is proven to be harmless there",
}
"""Modules that take expressions from elsewhere, and which."""

SHORT: Final = frozenset(
    {"streamroute.config.schema.explain.normalized_guess._PART", "streamroute.logs.coalescing._QUOTED"}
)
"""Expressions that are only tried on a text that was cut to at most a thousand characters before."""

TABLES: Final = frozenset({"streamroute.config.yaml.syntax.lines._SIGNS"})
"""Tables of expressions of which each is only matched at the beginning of a line."""


class Found(NamedTuple):
    """An expression, where it stands, and whether it is only ever tried at one place of a text."""

    where: str
    pattern: re.Pattern[Any]
    anchored: bool
    is_bare: bool = False
    """Whether it is seen where it is compiled, which does not say how it is used."""


def modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(streamroute.__path__, "streamroute."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def calls(module: ModuleType) -> Iterator[tuple[str, ast.Call]]:
    """The calls of the functions of ``re`` in a module; of ``re.compile(...).match`` it is ``match``."""
    methods: dict[ast.AST, str] = {}
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
        if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
            methods[node.value] = node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_pattern":
            yield methods.get(node, "compile"), node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "re":
            yield methods.get(node, node.func.attr), node


def uses(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Name and function: of ``_NAME.search``, whether it is called there or handed on."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
        if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


def compiled_in(value: Any) -> Iterator[re.Pattern[Any]]:
    """The expressions in a module's constant, however deep."""
    if isinstance(value, LazyPattern):
        yield value.compiled()
    elif isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from compiled_in(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from compiled_in(part)


def find_all() -> Iterator[Found]:
    used: dict[tuple[str, str], set[str]] = {}
    everything = list(modules())
    for module in everything:
        for name, function in uses(module):
            used.setdefault((home_of(module, name), name), set()).add(function)
    for module in everything:
        for name, value in vars(module).items():
            if name.startswith("__"):
                continue
            functions = used.get((home_of(module, name), name), set())
            where = f"{module.__name__}.{name}"
            anchored = where in TABLES or (
                isinstance(value, (re.Pattern, LazyPattern)) and bool(functions) and functions <= ANCHORED
            )
            yield from (Found(where, pattern, anchored) for pattern in compiled_in(value))
        for form in written_tables(module):
            yield Found(
                f"{module.__name__}: {form}",
                re.compile(form),
                anchored=not module.__name__.endswith(".variables"),
            )
        for function, call in calls(module):
            yield from written_in(module, function, call)


def home_of(module: ModuleType, name: str) -> str:
    """What tells one constant from another of the same name; one that is not private may be imported."""
    return module.__name__ if name.startswith("_") else ""


def written_tables(module: ModuleType) -> Iterator[str]:
    """Expressions that are handed on as text."""
    if module.__name__.startswith("streamroute.config.variables."):
        yield from (value for value in vars(module).values() if isinstance(value, str) and "\\$" in value)
    if module.__name__ == "streamroute.adapters.urls.url_forms":
        yield from (value[0] for value in vars(module)["VALUES"].values())
    if module.__name__ == "streamroute.config.yaml.syntax.other_formats":
        yield from (form.line for form in vars(module)["_FORMATS"])
    if module.__name__ == "streamroute.config.yaml.syntax.messages":
        yield from (pattern for pattern, _ in vars(module)["INSIDE_LINE"].values())


def written_in(module: ModuleType, function: str, call: ast.Call) -> Iterator[Found]:
    """The expression of a call, where it is a constant of the module."""
    if function not in FUNCTIONS | {"compile"} or not call.args:
        return
    try:
        value = eval(compile(ast.Expression(call.args[0]), "", "eval"), vars(module))  # noqa: S307 - our own code
    except NameError:
        assert module.__name__ in GIVEN, f"{module.__name__}:{call.lineno} compiles what is not a constant"
        return
    flags = call.args[1:] if function == "compile" else []
    number = eval(compile(ast.Expression(flags[0]), "", "eval"), vars(module)) if flags else 0  # noqa: S307 - as above
    pattern = value if isinstance(value, re.Pattern) else re.compile(value, number)
    yield Found(
        f"{module.__name__}:{call.lineno}", pattern, function in ANCHORED, is_bare=function == "compile"
    )


@cache
def expressions() -> Sequence[Found]:
    """Each expression once, tried as search does where any use is one."""
    found: dict[tuple[Any, int], Found] = {}
    for one in find_all():
        key = (one.pattern.pattern, one.pattern.flags)
        earlier = found.get(key)
        if earlier is None or (earlier.anchored and not one.anchored and not one.is_bare):
            found[key] = one
    short = {one.pattern for one in find_all() if one.where in SHORT}
    return [one for one in found.values() if one.pattern not in short]


# Texts


def parsed(pattern: re.Pattern[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = importlib.import_module("re._parser")
    return parser.parse(
        pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, str) else 0
    )


def prefixes(tree: Any) -> Iterator[str]:
    """What the beginnings of an expression match."""
    text = ""
    for node in tree:
        for inner in inside(node):
            yield from (text + part for part in prefixes(inner))
        text += sample([node])
        yield text


def inside(node: Any) -> Iterator[Any]:
    """The expressions in a part of one."""
    kind, value = str(node[0]), node[1]
    if kind == "BRANCH":
        yield from value[1]
    elif kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        yield value[2]
    elif kind == "SUBPATTERN":
        yield value[3]
    elif kind in {"ASSERT", "ASSERT_NOT"}:
        yield value[1]
    elif kind == "ATOMIC_GROUP":
        yield value


def sample(tree: Any) -> str:
    """A short text that an expression matches, as far as this is seen at once."""
    text = ""
    for node in tree:
        kind, value = str(node[0]), node[1]
        if kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            text += sample(value[2]) * max(1, min(value[0], 8))
        elif kind == "BRANCH":
            text += sample(value[1][0])
        elif kind not in {"ASSERT", "ASSERT_NOT"}:
            parts = list(inside(node))
            text += sample(parts[0]) if parts else "".join(signs([node])[:1])
    return text


def signs(tree: Any) -> list[str]:
    """Characters that the parts of an expression are made of, one of each."""
    found: list[str] = []
    for node in tree:
        kind, value = str(node[0]), node[1]
        if kind in {"LITERAL", "NOT_LITERAL"}:
            found += [chr(value)] if kind == "LITERAL" else [chr(value), "a" if value != ord("a") else "b"]
        elif kind == "ANY":
            found.append("a")
        elif kind == "RANGE":
            found.append(chr(value[0]))
        elif kind == "CATEGORY":
            found.append({"DIGIT": "0", "SPACE": " ", "WORD": "a"}.get(str(value).rsplit("_", 1)[-1], "-"))
        elif kind == "IN":
            taken = signs(value)
            negated = str(value[0][0]) == "NEGATE"
            found += [next(c for c in "a ;0!\x7f" if c not in taken), *taken[:2]] if negated else taken[:4]
        for inner in inside(node):
            found += signs(inner)
    return list(dict.fromkeys(found))


def texts(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Long runs of what an expression is made of, behind what its beginnings match."""
    tree = parsed(pattern)
    own = list(dict.fromkeys([*signs(tree), *USUAL]))[:MOST_SIGNS]
    begun = list(dict.fromkeys(["", *prefixes(tree)]))[:MOST_PREFIXES]
    for start, sign, end in product(begun, own, ENDS):
        yield start + sign * LENGTH + end
    for one, two in product(own, own):
        yield (one + two) * (LENGTH // 2)
    for start in begun:
        yield start * (LENGTH // max(1, len(start)))
        yield start * (LENGTH // max(1, len(start))) + "\x00"


# Time


def taken(run: Callable[[Any], object], text: Any) -> float:
    """Seconds of the processor, at most MOST."""
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST)
    begun = time.process_time()
    try:
        run(text)
    except TimeoutError:
        return MOST
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - begun


def is_slow(run: Callable[[Any], object], text: Any) -> bool:
    """Whether a text takes long, and half of it much less than half of that: what disturbs does so once."""
    return all(is_growing(run, text) for _ in range(2))


def is_growing(run: Callable[[Any], object], text: Any) -> bool:
    whole = taken(run, text)
    return whole == MOST or (whole > SECONDS and whole > 2.8 * taken(run, text[len(text) // 2 :]))


def end(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    earlier = signal.signal(signal.SIGVTALRM, end)
    yield
    signal.signal(signal.SIGVTALRM, earlier)


def test_the_expressions_of_the_package_are_found() -> None:
    names = {found.where.partition(":")[0] for found in expressions()}
    assert {"streamroute.durations._DURATION", "streamroute.cli.output.streams._COMMAND"} <= names
    assert len(expressions()) > 120


@pytest.mark.timeout(900)
@pytest.mark.deep
@pytest.mark.parametrize("share", range(SHARES))
def test_no_text_makes_an_expression_slow(share: int) -> None:
    """The expressions are found when the test runs: that imports the whole package."""
    mine = expressions()[share::SHARES]
    assert mine
    for found in mine:
        require_speed(found)


def require_speed(found: Found) -> None:
    pattern = found.pattern
    runs = [pattern.match, pattern.fullmatch] if found.anchored else [pattern.findall]
    for text in texts(pattern):
        data = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
        for run in runs:
            assert not is_slow(run, data), (
                f"{found.where}: {pattern.pattern!r} on {text[:30]!r}...{text[-5:]!r}"
            )


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [(r"\s+$", False), (r"\w*\w*;", True), (r"(\w+,?)+;", True), (r"a.*b", False), (r"<[^>]*x", False)],
)
def test_an_expression_that_is_slow_is_found_to_be(pattern: str, anchored: bool) -> None:
    compiled = re.compile(pattern)
    run = compiled.match if anchored else compiled.findall
    assert any(is_slow(run, text) for text in texts(compiled))
