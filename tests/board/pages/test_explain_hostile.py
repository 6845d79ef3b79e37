"""Events that people paste to break the page, as bytes over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

import pytest

from boards import Pages, text_of

if TYPE_CHECKING:
    from projects import Project

ROUTE = """name: runs, type: r, handler: jobs.ok, filter: "n > `0` && contains(tags[].name, 'x')\""""
LARGEST_PAGE = 3_000_000  # bytes: the event itself is shown again


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (b"\x00\xff\xfe\x80binary", "the event"),
        (b"", "the event"),
        (b"[" * 200_000, "the event"),
        (b'{"a":' * 100_000, "the event"),
        (b'{"type": "r", "n": ' + b"[" * 150 + b"]" * 150 + b"}", "runs does not match"),
        (b'{"type": "r", "n": ' + b"9" * 100_000 + b"}", "the event"),
        (b'{"type": "r", "n": 1e999}', "the event"),
        (b'{"type": "r", "n": NaN}', "the event"),
        (b'{"type": "r", "n": "\\ud800"}', "the event holds half of a surrogate pair"),
        (b'{"type": "\\ud800"}', "the event holds half of a surrogate pair"),
        (b'{"type": "<script>alert(1)</script>"}', "No route matches the type <script>alert(1)</script>"),
        (b'{"type": "' + b"t" * 900_000 + b'"}', "No route matches the type"),
        (b'{"type": "r", "tags": [' + b'{"name": "y"},' * 50_000 + b'{"name": "x"}], "n": 1}', "runs"),
    ],
    ids=lambda value: value[:24].decode("ascii", "replace") if isinstance(value, bytes) else "",
)
def test_any_event_is_explained_or_refused(project: Project, event: bytes, text: str) -> None:
    project.routes(ROUTE)
    answer = Pages(project).post_body("/explain", b"event=" + quote_from_bytes(event).encode())
    assert answer.status_code == 200
    assert text in text_of(answer.text).partition("Explain")[2]
    assert "<script>alert" not in answer.text
    assert len(answer.content) < LARGEST_PAGE


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"event=" + b"x" * 3_000_000, 413), (b"a&" * 1000, 400), (b"event=%zz%&&&=%00", 200)],
    ids=["huge", "many fields", "damaged escapes"],
)
def test_any_form_is_read_or_refused(project: Project, body: bytes, status: int) -> None:
    project.routes(ROUTE)
    assert Pages(project).post_body("/explain", body).status_code == status
