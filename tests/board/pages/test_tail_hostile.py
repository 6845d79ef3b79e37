"""The tail of hostile entries, and hostile filters, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from boards import Pages, text_of

if TYPE_CHECKING:
    from projects import Project

ROUTE = "name: runs, type: r, handler: jobs.ok, transform: '{everything: @}'"
LARGEST_PAGE = 1_000_000  # bytes

ENTRIES = (
    {b"type": b"r", b"data": b'{"n": "\\ud800"}'},
    {b"type": b"r", b"data": b'{"n": "<script>alert(1)</script>"}'},
    {b"type": b"r", b"data": b'{"n": ' + b"[" * 190 + b"]" * 190 + b"}"},
    {b"type": b"r", b"data": b'{"n": ' + b"[" * 100_000},
    {b"type": b"r", b"data": b'{"n": "' + b"x" * 5_000_000 + b'"}'},
    {b"type": b"\xff\x00" * 50_000, b"data": b"\x80\x81"},
    {b"\xfe" * 1000: b"\xff" * 100_000},
    {b"type": b"r", b"data": b'{"n": ' + b"9" * 100_000 + b"}"},
)


@pytest.fixture
def pages(project: Project) -> Pages:
    project.routes(ROUTE)
    for entry in ENTRIES:
        project.redis.xadd("events", entry)
    return Pages(project)


@pytest.mark.parametrize("query", ["", "?transform=after", "?type=r", "?route=runs&stream=events"])
def test_hostile_entries_are_shown(pages: Pages, query: str) -> None:
    answer = pages.get(f"/tail{query}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "alert(1)" in text_of(answer.text)
    assert len(answer.content) < LARGEST_PAGE


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("where=" + "(" * 1900, 400),
        ("where=" + "a" * 2001, 400),
        ("where=%00", 400),
        ("where=%ff%fe", 400),
        ("where=n[?n[?n[?n]]]", 200),
        ("where=" + "sum(n) %26%26 " * 100 + "n", 200),
        ("type=" + "%00" * 1000, 200),
        ("stream=%3Cscript%3Ealert(1)", 400),
        ("route=%ff", 400),
        ("outcome=all", 400),
        ("transform=%00&unknown=1", 200),
    ],
)
def test_any_selection_is_answered(pages: Pages, query: str, status: int) -> None:
    for path in ("/tail", "/live/tail") if status == 400 else ("/tail",):
        answer = pages.get(f"{path}?{query}")
        assert answer.status_code == status
        assert "<script>alert" not in answer.text
        assert len(answer.content) < LARGEST_PAGE
