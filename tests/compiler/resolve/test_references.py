"""A dotted path is a module and exactly one attribute, and may not name just any module."""

from __future__ import annotations

import pytest

from streamroute.compiler.resolve.references import Reference, check_allowed, parse_reference
from streamroute.expressions.problem import Problem


def parsed(text: str) -> Reference:
    reference = parse_reference(text)
    assert isinstance(reference, Reference)
    return reference


@pytest.mark.parametrize("text", ["shop.handlers.welcome", "shop.handlers:welcome"])
def test_both_forms_name_a_module_and_one_attribute(text: str) -> None:
    reference = parsed(text)
    assert (reference.module, reference.attribute, reference.package) == ("shop.handlers", "welcome", "shop")
    assert text[reference.offset :] == "welcome"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("welcome", "has no module"),
        ("", "has no module"),
        ("shop:Handlers.welcome", "does not end in a name"),
        ("shop:", "does not end in a name"),
        (":welcome", "is not a dotted path"),
        ("shop..welcome", "is not a dotted path"),
        (".shop.welcome", "is not a dotted path"),
        ("shop.class.welcome", "is not a dotted path"),
        ("shop/handlers.py:welcome", "is not a dotted path"),
        ("os.system('x').y", "is not a dotted path"),
    ],
)
def test_anything_else_is_refused_by_its_form(text: str, words: str) -> None:
    problem = parse_reference(text)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.message) == ("SR401", f'"{text}" {words}')


@pytest.mark.parametrize("text", ["os.system", "subprocess:run", "builtins.eval", "redis.Redis"])
def test_python_s_own_and_streamroute_s_own_modules_may_not_be_named(text: str) -> None:
    problem = check_allowed(parsed(text), None)
    assert problem is not None
    assert problem.code == "SR405"


@pytest.mark.parametrize("text", ["yaml.load", "streamroute.app.open_app", "__main__.run"])
def test_dependencies_of_streamroute_may_not_be_named_even_if_allowed(text: str) -> None:
    assert check_allowed(parsed(text), (text.partition(".")[0],)) is not None


def test_built_in_handlers_may_always_be_named() -> None:
    assert check_allowed(parsed("streamroute.handlers.log"), ()) is None


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("shop.handlers.f", True),
        ("shop.f", True),
        ("shopping.f", False),
        ("features.a.f", True),
        ("features.f", False),
    ],
)
def test_allow_narrows_by_whole_names(text: str, is_allowed: bool) -> None:
    assert (check_allowed(parsed(text), ("shop", "features.a")) is None) is is_allowed


def test_without_allow_any_other_module_may_be_named() -> None:
    assert check_allowed(parsed("shop.handlers.f"), None) is None
