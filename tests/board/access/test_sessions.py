"""Sessions of browsers."""

from __future__ import annotations

from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.sessions import Sessions

ALICE = Identity("alice", Role.OPERATOR)


def test_a_session_is_found_by_its_cookie_until_it_is_closed() -> None:
    sessions = Sessions()
    cookie = sessions.open(ALICE)
    session = sessions.find(cookie)
    assert session is not None
    assert session.identity == ALICE
    assert sessions.find(None) is None
    assert sessions.find(cookie[:-1]) is None
    assert sessions.find("\udcff") is None
    sessions.close(cookie)
    sessions.close(cookie)
    assert sessions.find(cookie) is None


def test_a_session_ends_after_twelve_hours() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    cookie = sessions.open(ALICE)
    now = 12 * 3600 - 1.0
    assert sessions.find(cookie) is not None
    now = 12 * 3600.0
    assert sessions.find(cookie) is None


def test_the_number_of_sessions_is_bounded() -> None:
    sessions = Sessions()
    cookies = [sessions.open(ALICE) for _ in range(1001)]
    assert sessions.find(cookies[0]) is None
    assert all(sessions.find(cookie) for cookie in cookies[1:])


def test_two_sessions_share_no_secret() -> None:
    sessions = Sessions()
    first, second = (sessions.find(sessions.open(ALICE)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.csrf != second.csrf
