"""Chromium and boards for the tests of this folder; each test begins with a window that nobody has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from busy_shop import shop
from chromium import Window, chromium, missing_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver

    from busy_shop import Shop


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    """One Chromium for all tests of a process."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def busy_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A router with messages in every state, which tests only look at."""
    with shop(tmp_path_factory.mktemp("busy"), is_busy=True) as made:
        yield made


@pytest.fixture(scope="session")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A router that has never had a message."""
    with shop(tmp_path_factory.mktemp("empty"), is_busy=False) as made:
        yield made


@pytest.fixture
def window(driver: webdriver.Chrome) -> Window:
    """A window without a board; a test sets its ``url``."""
    return Window(driver, "").reset()
