"""The path of a repair, by the keyboard alone and without JavaScript; and two people who repair the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from busy_shop import FIXED, publish, shop
from chromium import Window, chromium
from servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver

    from busy_shop import Shop

pytestmark = pytest.mark.browser

_DEAD = "{payments}:shop:dead"


@pytest.fixture
def broken_shop(tmp_path: Path) -> Iterator[Shop]:
    """A router with three dead letters of one failure."""
    with shop(tmp_path / "shop", is_busy=False) as made:
        publish(made.project, "payments", *({"type": "payment.due", "booking": f"B-{n}"} for n in range(3)))
        wait_until(lambda: dead(made) == 3, "three dead letters")
        yield made


@pytest.fixture
def alice(window: Window, broken_shop: Shop) -> Window:
    """The window of an operator who has not signed in yet."""
    window.url = broken_shop.url
    return window


@pytest.fixture
def carol(driver: webdriver.Chrome, broken_shop: Shop) -> Iterator[Window]:
    """The window of a second operator, in a browser of her own."""
    with chromium() as other:
        yield Window(other, broken_shop.url).reset().open(f"/login?token={broken_shop.second_token}")


def dead(shop: Shop) -> int:
    return int(shop.project.redis.xlen(_DEAD))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_failure_is_repaired_by_the_keyboard_alone(alice: Window, broken_shop: Shop, scripts: bool) -> None:
    alice.scripts(scripts).open("/")
    assert alice.find("#token") == alice.driver.switch_to.active_element
    alice.press(broken_shop.token).enter("/")
    alice.tab_to("Failures").enter("/failures")
    alice.tab_to("CardDeclinedError").enter("/failures/payments/")
    failure = alice.driver.current_url.removeprefix(alice.url)
    broken_shop.project.write("shop.py", FIXED)
    broken_shop.restart()  # which ends the sessions too
    alice.tab_to("Retry…").enter("/login")
    alice.press(broken_shop.token).enter("/").open(failure)
    alice.tab_to("#rate").replace("20/s").tab_to("Retry…").enter("/act/retry-failure")
    assert "Retry 3 dead letters, at most 20 a second?" in alice.text()
    alice.tab_to("#reason").press("the bank is back").tab_to("Retry (3)").enter("/jobs")
    assert "retries 3 dead letters" in alice.text()

    def is_done() -> bool:
        if not scripts:
            alice.driver.refresh()
        return "done" in alice.text()

    alice.wait(is_done, "the end of the job")
    assert dead(broken_shop) == 0
    alice.open(failure)
    alice.tab_to("Mark as resolved").enter("/act/resolve")
    alice.tab_to("#reason").press("the bank was away").tab_to("form.panel button").enter("/failures")
    assert "resolved" in alice.text()
    alice.tab_to("Audit").enter("/audit")
    assert "the bank was away" in alice.text()
    assert alice.complaints() == []


def test_a_letter_is_edited_by_the_keyboard_alone(alice: Window, broken_shop: Shop) -> None:
    alice.open(f"/login?token={broken_shop.token}").open(f"/letter/payments/{letter(broken_shop)}")
    alice.tab_to("Edit…").enter("/edit").tab_to("#payload")
    alice.replace('{"type": "payment.due", "booking": ')
    alice.tab_to("Check and store").enter("/edit")
    assert alice.find(".problem").text
    alice.tab_to("#payload").replace('{"type": "payment.due", "booking": "C-1"}')
    alice.tab_to("Check and store").enter("/failures")
    assert "edited and retried" in alice.text()


def letter(shop: Shop) -> str:
    """Return the id of the oldest dead letter."""
    entry_id: bytes = shop.project.redis.xrange(_DEAD, count=1)[0][0]
    return entry_id.decode()


@pytest.mark.parametrize(("button", "kept"), [("Retry", 3), ("Delete", 2)])
def test_what_two_people_do_with_a_letter_is_done_once(
    alice: Window, carol: Window, broken_shop: Shop, button: str, kept: int
) -> None:
    page = f"/letter/payments/{letter(broken_shop)}"
    alice.open(f"/login?token={broken_shop.token}")
    for person in (alice, carol):
        person.open(page).tab_to(f"{button}…").enter("/act/")
    alice.tab_to(button).enter("notice=")
    assert "the message runs again" in alice.text() or "the dead letter is deleted" in alice.text()
    wait_until(lambda: dead(broken_shop) == kept, "the letter's end")
    carol.tab_to(button).enter("")
    assert "somebody retried, dropped or edited it meanwhile" in carol.text()
    assert dead(broken_shop) == kept
    carol.open("/audit")
    assert carol.text().count("done") == 1
    assert "alice" in carol.text()


def test_a_viewer_sees_no_button(window: Window, broken_shop: Shop) -> None:
    window.url = broken_shop.url
    window.open(f"/login?token={broken_shop.viewer_token}").open(f"/letter/payments/{letter(broken_shop)}")
    buttons = window.ask(
        "return [...document.querySelectorAll('button, a.button')].map((e) => e.textContent)"
    )
    assert buttons == ["Sign out"]
    assert "read-only" in window.text()
