"""Payloads that attack the page, and more letters than a page can show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from busy_shop import old_record, publish, shop
from chromium import NARROW, Window
from page_checks import overflow
from servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busy_shop import Shop

pytestmark = pytest.mark.browser

_DEAD: Final = "{payments}:shop:dead"
_REFUSED: Final = "status of 400"
"""Of the form to edit a letter that cannot be read."""
_MAX_PAGE: Final = 2_000_000  # bytes
_SCRIPT: Final = "<script>window.attacked = 1</script>"
_ATTACKS: Final = (
    _SCRIPT,
    '"><img src=x onerror="window.attacked = 1">',
    "'\" autofocus onfocus='window.attacked = 1' x='",
    "</textarea></pre></code></title></svg><script>window.attacked = 1</script>",
    "{{ 7 * 7 }}{% for x in (1, 2) %}x{% endfor %}",
    "javascript:window.attacked=1",
    "\u202etxt.exe\u2066\u200b\ufeff",
    "\x00\x01\x1b[31mred\x1b[0m\r\n\x7f\x85\u2028",
    "\ud800 alone",
    "W" * 5_000,
    "&lt;b&gt; &amp; <b>bold</b>",
)
_RAN: Final = "return window.attacked === undefined && !document.querySelector('img, main script, main b')"


@pytest.fixture
def attacked_shop(tmp_path: Path) -> Iterator[Shop]:
    """A router whose dead letters, tail and failures hold the attacks."""
    with shop(tmp_path / "shop", is_busy=False) as made:
        for text in _ATTACKS:
            publish(made.project, "payments", {"type": "payment.due", "booking": text, text: {text: [text]}})
        attack = _SCRIPT.encode()
        made.project.redis.xadd("payments", {attack: attack, "type": attack, "data": b'{"\xff\x00": <b>'})
        made.project.redis.xadd("payments", {"type": _SCRIPT, "data": json.dumps({"type": _SCRIPT})})
        made.project.redis.xadd(_DEAD, {attack: attack})
        wait_until(lambda: made.project.redis.xlen(_DEAD) >= len(_ATTACKS) + 1, "the dead letters")
        yield made


@pytest.fixture
def alice(window: Window, attacked_shop: Shop) -> Window:
    """The window of an operator who has signed in."""
    window.url = attacked_shop.url
    return window.open(f"/login?token={attacked_shop.token}")


def links(window: Window, start: str) -> list[str]:
    """Return the addresses of the page's links that begin so."""
    found = window.ask(
        "return [...document.querySelectorAll('main a')].map((e) => e.getAttribute('href'))"
        ".filter((each) => each.startsWith(arguments[0]))",
        start,
    )
    return list(dict.fromkeys(found))


def problems(window: Window, path: str) -> list[Any]:
    """Return what an attack has reached on a page, wide and narrow."""
    found: list[Any] = []
    window.open(path)
    if not window.ask(_RAN):
        found.append("it ran a script, or has foreign markup")
    if len(window.html()) > _MAX_PAGE:
        found.append("it is too large")
    found += [each for each in window.complaints() if not (path.endswith("/edit") and _REFUSED in each)]
    found += overflow(window.width(NARROW))
    window.width(1200)
    return found


def test_no_payload_runs_a_script_or_breaks_a_page(alice: Window, attacked_shop: Shop) -> None:
    paths = [*attacked_shop.paths.values()]
    for failure in links(alice.open("/failures"), "/failures/"):
        paths += [failure, *links(alice.open(failure), "/letter/")[:12]]
    letters = [path for path in paths if path.startswith("/letter/")]
    assert len(letters) >= len(_ATTACKS)
    for path in letters[:12]:
        paths += [f"{path}/edit", *links(alice.open(path), "/message/")]
    alice.complaints()
    assert {path: places for path in paths if (places := problems(alice, path))} == {}


def test_live_rows_and_parts_run_no_script(alice: Window, attacked_shop: Shop) -> None:
    alice.open("/tail").wait_for("live")
    for attack in _ATTACKS:
        publish(attacked_shop.project, "payments", {"type": "payment.due", "booking": attack})
        entry_id = attacked_shop.project.redis.xrevrange("payments", count=1)[0][0].decode()
        alice.wait_for(entry_id)  # of a payload that cannot be decoded, only the problem is shown
        assert alice.ask(_RAN)
    assert alice.complaints() == []


def test_hostile_parameters_are_answered(alice: Window) -> None:
    attack = "%3Cscript%3Ewindow.attacked=1%3C/script%3E"
    for path in (
        f"/tail?type={attack}&where={attack}",
        f"/failures?state={attack}",
        f"/failures/payments/{attack}",
        f"/letter/payments/{attack}",
        f"/message/{attack}/1-1",
        f"/routes?stream={attack}",
        f"/?notice={attack}",
        f"/{attack}",
    ):
        alice.open(path)
        assert alice.ask(_RAN), path
        assert alice.ask("return document.querySelector('h1').textContent"), path


def test_a_letter_of_five_megabytes(alice: Window, attacked_shop: Shop) -> None:
    event = {"type": "payment.due", "booking": "B-5", "text": "<b>" * 1_700_000}
    before = attacked_shop.project.redis.xlen(_DEAD)
    publish(attacked_shop.project, "payments", event)
    wait_until(lambda: attacked_shop.project.redis.xlen(_DEAD) > before, "its dead letter")
    letter = attacked_shop.project.redis.xrevrange(_DEAD, count=1)[0][0].decode()
    message = attacked_shop.project.redis.xrevrange("payments", count=1)[0][0].decode()
    paths = (f"/letter/payments/{letter}", f"/message/payments/{message}", "/tail", "/failures")
    assert {path: places for path in paths if (places := problems(alice, path))} == {}
    alice.open(f"/letter/payments/{letter}/edit")
    assert alice.ask(_RAN)
    assert len(alice.html()) < 2 * _MAX_PAGE


@pytest.mark.deep
def test_a_hundred_thousand_letters(alice: Window, attacked_shop: Shop) -> None:
    client = attacked_shop.project.redis
    values = old_record(1, 1_700_000_000_000).write()
    for _ in range(100):
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(1000):
                pipeline.xadd(_DEAD, values)
            pipeline.execute()
    alice.open("/failures")
    alice.wait(lambda: "100,0" in alice.text().replace("\u202f", ","), "the count of all letters")
    [failure] = [
        path
        for path in links(alice, "/failures/")
        if "100,000" in alice.open(path).text().replace("\u202f", ",")
    ][:1]
    paths = ("/", "/failures", failure, f"{failure}?where=amount%20%3E%20%60100%60", "/route/charge")
    assert {path: places for path in paths if (places := problems(alice, path))} == {}
    alice.open(failure).tab_to("Next letters").enter("after=")
    assert len(links(alice, "/letter/")) == 50
