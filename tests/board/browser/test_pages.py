"""Every page in a real browser, empty and busy, light and dark, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.keys import Keys

from chromium import NARROW, WIDE
from page_checks import bad_structure, hidden_focus, low_contrast, overflow

if TYPE_CHECKING:
    from busy_shop import Shop
    from chromium import Window

pytestmark = pytest.mark.browser


@pytest.fixture(params=["empty", "busy"])
def some_shop(request: pytest.FixtureRequest) -> Shop:
    """A router without messages, and one with messages in every state."""
    found: Shop = request.getfixturevalue(f"{request.param}_shop")
    return found


@pytest.fixture
def operator(window: Window, some_shop: Shop) -> Window:
    """The window of an operator who has signed in."""
    window.url = some_shop.url
    return window.open(f"/login?token={some_shop.token}")


def test_no_page_has_an_error_or_is_wider_than_the_window(operator: Window, some_shop: Shop) -> None:
    found: dict[str, list[str]] = {}
    for name, path in some_shop.paths.items():
        for width in (WIDE, NARROW):
            operator.width(width).open(path)
            found[f"{name} at {width}"] = operator.complaints() + overflow(operator)
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(operator: Window, some_shop: Shop, is_dark: bool) -> None:
    operator.dark(is_dark)
    found = {name: low_contrast(operator.open(path)) for name, path in some_shop.paths.items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_every_input_is_labelled_and_every_table_has_headers(operator: Window, some_shop: Shop) -> None:
    found = {name: bad_structure(operator.open(path)) for name, path in some_shop.paths.items()}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_the_focus_is_always_visible(operator: Window, some_shop: Shop, is_dark: bool) -> None:
    operator.dark(is_dark)
    found: list[str] = []
    for path in some_shop.paths.values():
        operator.open(path)
        for _ in range(25):
            operator.press(Keys.TAB)
            found += [f"{path}: {place}" for place in hidden_focus(operator)]
    assert found == []


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_the_page_to_sign_in(window: Window, empty_shop: Shop, is_dark: bool) -> None:
    window.url = empty_shop.url
    window.dark(is_dark).width(NARROW).open("/")
    assert window.driver.current_url.endswith("/login")
    assert low_contrast(window) + bad_structure(window) + overflow(window) + window.complaints() == []
