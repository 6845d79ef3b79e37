"""Every command that prints a table, on real terminals of 80 and 60 columns, with long and hostile names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from crowded_shop import LONG, WIDE, crowded_shop
from streamroute.text.display_width import display_width
from terminals import on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projects import Project
    from terminals import Screen

OURS = re.compile(r"\x1b\[(?:(?:0|1|3[1-7])m|\?25[lh]|1A|2K)")
"""What streamroute sends to a terminal: styles, and how a progress bar is drawn and erased."""
TABLES = {
    "check": ("check", "broken.yaml"),
    "routes": ("routes",),
    "dead list": ("dead", "list"),
    "dead groups": ("dead", "groups"),
    "status": ("status",),
    "retries": ("status", "retries"),
    "jobs": ("jobs", "list"),
    "audit": ("audit",),
    "paused": ("paused",),
    "generations": ("generations", "--state-dir", "state"),
    "rules": ("rule",),
    "docs": ("docs",),
    "test": ("test",),
    "explain": ("explain", "event.json"),
    "diff": ("diff", "old.yaml", "routes.yaml", "--events", "events.jsonl"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with crowded_shop(tmp_path_factory.mktemp("crowded")) as project:
        yield project


def widest(screen: Screen) -> str:
    return max(screen.lines, key=display_width)


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
def test_no_line_is_wider_than_the_terminal(shop: Project, words: tuple[str, ...], columns: int) -> None:
    screen = on_terminal(shop, *words, columns=columns, color=True)
    assert screen.code in (0, 1), screen.raw
    assert len(screen.lines) > 1
    assert display_width(widest(screen)) <= columns
    assert not set("\x1b\x07\u202e\u2028") & set(OURS.sub("", screen.raw))


@pytest.mark.parametrize("columns", [80, 60])
def test_top_fits_the_terminal(shop: Project, columns: int) -> None:
    screen = on_terminal(shop, "top", columns=columns, keys=[("route ", "q")])
    assert display_width(widest(screen)) <= columns
    assert any(line.startswith(LONG[:4]) for line in screen.lines)


@pytest.mark.parametrize("columns", [80, 60])
def test_one_dead_letter_and_one_group_fit_the_terminal(shop: Project, columns: int) -> None:
    for entry_id, _ in shop.redis.xrange("{events}:tests:dead")[2:6]:
        screen = on_terminal(shop, "dead", "show", entry_id.decode(), columns=columns, color=True)
        assert display_width(widest(screen)) <= columns
        assert not set("\x07\u202e") & set(screen.raw)
        assert "\x1b[31m" in screen.raw
    group = json.loads(shop.run("dead", "groups", "--format", "json").out)["groups"][0]
    screen = on_terminal(shop, "dead", "groups", group["group"], columns=columns)
    assert display_width(widest(screen)) <= columns


@pytest.mark.parametrize("name", ["routes", "dead list", "audit", "status"])
def test_a_pipe_gets_every_name_in_full(shop: Project, name: str) -> None:
    done = shop.run(*TABLES[name])
    assert done.code == 0
    assert WIDE in done.out
    assert "no room" not in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize("name", ["routes", "dead list", "dead groups", "test"])
def test_color_is_for_terminals_whose_user_wants_it(shop: Project, name: str) -> None:
    assert "\x1b[3" in on_terminal(shop, *TABLES[name], columns=80, color=True).raw
    assert "\x1b[3" not in on_terminal(shop, *TABLES[name], columns=80).raw
    assert "\x1b[" not in shop.run(*TABLES[name]).out
