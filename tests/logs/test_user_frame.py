"""The place of a failure is the user's code."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import pytest

from streamroute.logs.user_frame import user_frame

HANDLER = """
import json

def load(text):
    return json.loads(text)

def handle(text):
    load(text)

def recurse(n):
    recurse(n + 1)
"""


def module(name: str, file: str) -> Any:
    made = ModuleType(name)
    exec(compile(HANDLER, file, "exec"), vars(made))  # noqa: S102 - a module in a place of the test's choice
    return made


def raised(call: Any, *arguments: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        call(*arguments)
    # The frame of the test itself comes first, as the frames of the dispatcher do.
    return caught.value.with_traceback(caught.value.__traceback__ and caught.value.__traceback__.tb_next)


def test_an_exception_of_the_standard_library_is_named_after_its_caller() -> None:
    shop = module("shop.billing", "/app/shop/billing.py")
    assert user_frame(raised(shop.handle, "{")) == "shop.billing:load"


@pytest.mark.parametrize("file", ["/venv/lib/python3.11/site-packages/shop/billing.py", "/app/billing.py"])
def test_a_handler_may_be_installed(file: str) -> None:
    assert user_frame(raised(module("shop.billing", file).handle, "{")) == "shop.billing:load"


def test_an_installed_library_is_not_the_users_code() -> None:
    library = module("lib.loading", "/venv/lib/python3.11/site-packages/lib/loading.py")
    shop = module("shop.billing", "/app/shop/billing.py")
    vars(shop)["load"] = library.load
    assert user_frame(raised(shop.handle, "{")) == "shop.billing:handle"


def test_a_line_is_no_part_of_it_and_a_deep_stack_is_bounded() -> None:
    assert user_frame(raised(module("shop", "/app/shop.py").recurse, 0)) == "shop:recurse"


def test_without_code_of_the_user_there_is_no_place() -> None:
    assert user_frame(ValueError("never raised")) == ""
    assert user_frame(raised(json.loads, "{")) == ""


def test_code_that_has_no_usable_name_has_a_place() -> None:
    odd = module("shop", "/app/shop.py")
    vars(odd)["__name__"] = 7
    assert user_frame(raised(odd.handle, "{")) == "?:load"
    assert sys.modules.get("shop") is None
