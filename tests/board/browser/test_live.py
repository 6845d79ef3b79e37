"""Pages that change while they are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from busy_shop import publish

if TYPE_CHECKING:
    from busy_shop import Shop
    from chromium import Window

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(window: Window, empty_shop: Shop) -> Window:
    """The window of an operator who has signed in."""
    window.url = empty_shop.url
    return window.open(f"/login?token={empty_shop.token}")


def mark(window: Window) -> None:
    """Set a variable in the page, which a reload would delete."""
    window.ask("window.isTheSamePage = true")


def is_same_page(window: Window) -> bool:
    return bool(window.ask("return window.isTheSamePage === true"))


def test_a_page_follows_the_router_without_a_reload(operator: Window, empty_shop: Shop) -> None:
    operator.open("/failures")
    operator.wait_for("live")
    mark(operator)
    publish(empty_shop.project, "payments", {"type": "payment.due", "booking": "B-77"})
    operator.wait_for("the card of")
    assert is_same_page(operator)
    assert operator.complaints() == []


def test_the_tail_appends_rows(operator: Window, empty_shop: Shop) -> None:
    operator.open("/tail")
    operator.wait_for("live")
    mark(operator)
    for number in ("first-1", "second-2"):
        publish(empty_shop.project, "bookings", {"type": "booking.seen", "booking": number})
        operator.wait_for(number)
    text = operator.text()
    assert text.index("first-1") < text.index("second-2")
    assert is_same_page(operator)


def test_the_tail_keeps_a_bounded_number_of_rows(operator: Window, empty_shop: Shop) -> None:
    operator.open("/tail")
    operator.wait_for("live")
    for last in range(50, 300, 50):  # one after the other: a tail that is far behind leaves some out
        numbers = range(last - 50, last + 1)
        events = [{"type": "booking.seen", "booking": f"N-{number}-"} for number in numbers]
        publish(empty_shop.project, "bookings", *events)
        operator.wait_for(f"N-{last}-")
    assert operator.ask("return document.querySelector('[data-rows]').children.length") <= 200


def report(shop: Shop) -> str:
    """Let an entry run that never ends; return its id."""
    publish(shop.project, "payments", {"type": "payment.report", "booking": "B-1"})
    entry_id: bytes = shop.project.redis.xrevrange("payments", count=1)[0][0]
    return entry_id.decode()


def test_a_focused_button_is_not_replaced(operator: Window, empty_shop: Shop) -> None:
    empty_shop.project.run("pause", "confirm", "--as", "alice")
    operator.open("/")
    operator.ask(
        "window.sent = '';"
        "new EventSource(document.body.dataset.live).addEventListener('part', (e) => window.sent += e.data)"
    )
    operator.tab_to("Resume")
    operator.ask("window.theButton = document.activeElement")
    empty_shop.project.run("pause", "charge", "--as", "bob")
    operator.wait(
        lambda: "route/charge" in operator.ask("return window.sent"), "the paused route in an event"
    )
    operator.wait_for(report(empty_shop))  # the page has had that event too: this one is from a later reading
    assert operator.ask("return document.activeElement === window.theButton && window.theButton.isConnected")
    assert "charge of payments" not in operator.text()
    operator.ask("window.theButton.blur()")
    empty_shop.project.run("resume", "confirm")
    operator.wait(lambda: operator.text().count("Resume") == 1, "the part that has changed")
    empty_shop.project.run("resume", "charge")
