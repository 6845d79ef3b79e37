"""The order of routes: by rate, latency or failures."""

from __future__ import annotations

from streamroute.adapters.overview.group_overview import GroupOverview
from streamroute.ops.status.ranking import Ranking, rank
from streamroute.ops.status.route_status import RouteStatus
from streamroute.ops.status.stream_status import Status, stream_status

BUSY = RouteStatus("busy", rate=100, failure_rate=1, p50=0.01, p99=0.02)
SLOW = RouteStatus("slow", rate=1, p50=1, p99=9)
FAILING = RouteStatus("failing", rate=50, failure_rate=50)


def status(**routes: tuple[RouteStatus, ...]) -> Status:
    from dataclasses import replace

    plain = stream_status("", "", "", GroupOverview(1))
    return Status(1, [replace(plain, stream=stream, routes=some) for stream, some in routes.items()])


def names(ranking: Ranking, containing: str = "") -> list[str]:
    both = status(orders=(SLOW, BUSY), events=(FAILING,))
    return [one.status.route for one in rank(both, ranking, containing)]


def test_each_ranking_puts_another_route_first() -> None:
    assert names(Ranking.RATE) == ["busy", "failing", "slow"]
    assert names(Ranking.LATENCY) == ["slow", "busy", "failing"]
    assert names(Ranking.FAILURES) == ["failing", "busy", "slow"]


def test_a_text_is_looked_for_in_the_names_of_route_and_stream_in_any_case() -> None:
    assert names(Ranking.RATE, "SLO") == ["slow"]
    assert names(Ranking.RATE, "orders") == ["busy", "slow"]
    assert names(Ranking.RATE, "nothing") == []


def test_equal_routes_are_in_the_order_of_their_names() -> None:
    same = status(b=(RouteStatus("z"), RouteStatus("a")), a=(RouteStatus("m"),))
    assert [one.status.route for one in rank(same, Ranking.RATE)] == ["m", "a", "z"]


def test_the_json_form_names_the_stream() -> None:
    (one,) = rank(status(events=(BUSY,)), Ranking.RATE)
    assert one.as_dict() == {"stream": "events", **BUSY.as_dict()}
