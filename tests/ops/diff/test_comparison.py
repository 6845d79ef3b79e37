"""Which routes would handle which events differently; only what may differ is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compared_configs import STREAM, compiled, counts, difference
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.dry_run import Decision, decide
from streamroute.errors import EncodeError
from streamroute.message import ExpandingMessage
from streamroute.ops.diff.changes import Change, ConfigDiff
from streamroute.ops.diff.comparison import ConfigComparison
from streamroute.ops.diff.examples import Examples
from streamroute.ops.diff.side import Side

_OPTIONAL: dict[str, list[Any]] = {
    "filter": [None, "n > `1`", "n   > `1`", "n > `2`", "length(n) > `1`", "n"],
    "transform": [None, "{n: n}", "{n: n, m: n}", "n"],
    "on_filter_error": [None, "no_match"],
    "enabled": [None, False],
    "timeout": [None, "5s"],
    "dedupe": [None, {"key": "n", "ttl": "1h"}, {"key": "n || `0`", "ttl": "1h"}],
}
_SETTINGS = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in _OPTIONAL.items()})
_ROUTES = st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.sampled_from([["t"], ["u"], ["t", "u"]]), _SETTINGS), min_size=1
)
_EVENTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from("tuv"), "n": st.sampled_from([None, 1, 2, 3, "x", [1, 2]])}
    ),
    max_size=6,
)


def built(routes: Mapping[str, tuple[list[str], Mapping[str, Any]]]) -> Compiled:
    return compiled(
        [
            {
                "name": name,
                "type": types,
                **{key: value for key, value in settings.items() if value is not None},
            }
            for name, (types, settings) in routes.items()
        ]
    )


CONFIGS = _ROUTES.map(built)


def reversed_counts(diff: ConfigDiff) -> dict[str, Counter[Change]]:
    return {
        route.name: Counter({change.reverse: count for change, count in route.events.counts.items()})
        for route in diff.routes
    }


@given(CONFIGS, _EVENTS)
def test_a_configuration_does_not_differ_from_itself(config: Compiled, events: list[dict[str, Any]]) -> None:
    diff = difference(config, config, events)
    assert {route.status for route in diff.routes} == {"same"}
    assert (diff.settings, diff.totals, diff.events) == ([], {}, len(events))
    assert [stream.status for stream in diff.streams] == ["same"]


@given(CONFIGS, CONFIGS, _EVENTS)
def test_what_comes_goes_if_the_configurations_are_exchanged(
    old: Compiled, new: Compiled, events: list[dict[str, Any]]
) -> None:
    there, back = difference(old, new, events), difference(new, old, events)
    assert reversed_counts(there) == {route.name: route.events.counts for route in back.routes}
    assert {route.name: route.events.causes for route in there.routes} == {
        route.name: route.events.causes for route in back.routes
    }
    assert {route.name: route.has_changed for route in there.routes} == {
        route.name: route.has_changed for route in back.routes
    }


@given(CONFIGS, CONFIGS, _EVENTS)
def test_the_counts_are_those_of_a_dry_run_of_each_event(
    old: Compiled, new: Compiled, events: list[dict[str, Any]]
) -> None:
    diff = difference(old, new, events)
    for route in diff.routes:
        versions = [decisions(config, route.name, events) for config in (old, new)]
        pairs = list(zip(*versions, strict=True))
        counted = route.events.counts
        assert counted[Change.COMES] == sum(now.runs and not was.runs for was, now in map(seen, pairs))
        assert counted[Change.GOES] == sum(was.runs and not now.runs for was, now in map(seen, pairs))
        assert counted.total() <= diff.events
        different = sum(
            was.runs and now.runs and was.handler_payload != now.handler_payload
            for was, now in map(seen, pairs)
        )
        assert route.events.causes["transform"] == different


class Missing:
    """The decision of a route that does not exist."""

    runs = fails = False
    handler_payload = None


def decisions(config: Compiled, name: str, events: list[dict[str, Any]]) -> list[Decision | None]:
    routes = [route.config for route in config.routes if route.config.name == name]
    return [next(iter(decide(routes, event, STREAM)), None) for event in events]


def seen(pair: tuple[Decision | None, Decision | None]) -> tuple[Decision | Missing, Decision | Missing]:
    return pair[0] or Missing(), pair[1] or Missing()


def test_a_filter_that_lets_more_through_has_events_come_with_the_operands_that_decided() -> None:
    old = compiled([{"name": "long", "type": "t", "filter": "vip && n > `2`"}])
    new = compiled([{"name": "long", "type": "t", "filter": "vip && n > `1`"}])
    diff = difference(old, new, [{"type": "t", "vip": True, "n": n} for n in (1, 2, 2, 3)])
    assert counts(diff) == {"long": {"comes": 2}}
    example = diff.routes[0].events.examples[0]
    assert (example.label, example.type, example.change) == ("line 2", "t", Change.COMES)
    assert example.old == ("n > `2` is false: n is 2",)
    assert example.new == ("vip is true", "n > `1` is true: n is 2")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"timeout": "5s"}, {"timeout": 1}),
        (
            {},
            {"handler": "streamroute.handlers.forward", "with": {"stream": "x"}},
            {"handler": 1, "with.stream": 1},
        ),
        ({}, {"with": {"level": "debug"}}, {"with.level": 1}),
        ({}, {"retry": {"max_attempts": 9}}, {"retry.max_attempts": 1}),
        ({}, {"dedupe": {"key": "n", "ttl": "1h"}}, {"dedupe": 1}),
        ({"dedupe": {"key": "n", "ttl": "1h"}}, {"dedupe": {"key": "n", "ttl": "2h"}}, {"dedupe.ttl": 1}),
        ({"dedupe": {"key": "n", "ttl": "1h"}}, {"dedupe": {"key": "m", "ttl": "1h"}}, {"dedupe.key": 1}),
        ({"dedupe": {"key": "n", "ttl": "1h"}}, {"dedupe": {"key": "n || m", "ttl": "1h"}}, {}),
        ({"transform": "{n: n}"}, {"transform": "{n: m}"}, {"transform": 1}),
        ({"transform": "{n: n}"}, {"transform": "{n: n, gone: gone}"}, {"transform": 1}),
        ({"transform": "{n: n}"}, {"transform": "{n: n || m}"}, {}),
        ({"transform": "{n: `1`}"}, {"transform": "{n: `true`}"}, {"transform": 1}),
        ({"filter": "n"}, {"filter": "n > `0`"}, {}),
    ],
)
def test_an_event_that_runs_in_both_may_be_handled_differently(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, int]
) -> None:
    event = {"type": "t", "n": 1, "m": 2}
    before, after = (compiled([{"name": "r", "type": "t", **settings}]) for settings in (old, new))
    [route] = difference(before, after, [event, {"type": "other"}]).routes
    assert route.events.causes == expected
    assert route.events.counts == ({Change.DIFFERS: 1} if expected else {})


def test_settings_of_the_stream_count_for_its_routes() -> None:
    route = {"name": "r", "type": "t"}
    old, new = compiled([route], order_by="n"), compiled([route], order_by="m", retry={"delay": "5s"})
    [found] = difference(old, new, [{"type": "t", "n": 1, "m": 1}, {"type": "t", "n": 1, "m": 2}]).routes
    assert found.events.causes == {"order_by": 1, "retry.delay": 2}


def test_a_renamed_route_is_compared_with_its_former_self() -> None:
    old = compiled([{"name": "a", "type": "t", "filter": "n > `1`"}, {"name": "b", "type": "t"}])
    new = compiled([{"name": "c", "type": "t", "filter": "n > `2`", "formerly": ["a"]}])
    diff = difference(old, new, [{"type": "t", "n": n} for n in (1, 2, 3)])
    assert counts(diff) == {"c": {"goes": 1}, "b": {"goes": 3}}
    assert [(route.name, route.pair.former_name, route.status) for route in diff.routes] == [
        ("c", "a", "changed"),
        ("b", "", "removed"),
    ]


def test_a_failing_filter_is_told_apart_from_one_that_does_not_match() -> None:
    old = compiled([{"name": "r", "type": "t", "filter": "length(n) > `1`"}])
    new = compiled([{"name": "r", "type": "t", "filter": "length(n) > `1`", "on_filter_error": "no_match"}])
    assert counts(difference(old, new, [{"type": "t", "n": 1}])) == {"r": {"recovers": 1}}
    [example] = difference(new, old, [{"type": "t", "n": 1}]).routes[0].events.examples
    assert example.change is Change.FAILS
    assert example.new == ("length(n) failed: length() takes string or array or object, not number",)


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 2}}}


def test_a_message_that_becomes_invalid_goes_from_every_route_of_its_type() -> None:
    routes = [{"name": name, "type": "t"} for name in ("a", "b")]
    old = compiled(routes, validate=True, messages={"t": {}})
    new = compiled(routes, validate=True, messages={"t": {"schema": SCHEMA}})
    diff = difference(old, new, [{"type": "t", "n": n} for n in (1, 2, 3)])
    assert counts(diff) == {"a": {"goes": 1}, "b": {"goes": 1}}
    [stream] = diff.streams
    assert stream.events.counts == {Change.FAILS: 1}
    assert stream.events.examples[0].old == ("delivered",)
    [reason] = stream.events.examples[0].new
    assert reason.startswith("dead-lettered as a whole: the data is invalid")
    assert diff.routes[0].events.examples[0].new == (reason,)


def test_invalid_messages_reach_no_route_in_either() -> None:
    old, new = (
        compiled(
            [{"name": "a", "type": "t", "filter": accepts}], validate=True, messages={"t": {"schema": SCHEMA}}
        )
        for accepts in ("n > `5`", "n > `1`")
    )
    assert counts(difference(old, new, [{"type": "t", "n": n} for n in (2, 3)])) == {"a": {"comes": 1}}


def test_a_type_that_no_route_lists_is_dead_lettered_if_the_stream_says_so() -> None:
    old = compiled([{"name": "a", "type": "t"}])
    new = compiled([{"name": "a", "type": "t"}], unknown_type="dead_letter")
    [stream] = difference(old, new, [{"type": "t"}, {"type": "x"}, {"type": "y"}]).streams
    assert stream.events.counts == {Change.FAILS: 2}
    assert [(change.setting, change.old, change.new) for change in stream.settings] == [
        ("unknown_type", "ack", "dead_letter")
    ]


def test_entries_are_decoded_with_the_codec_of_each_configuration() -> None:
    routes = [{"name": "big", "type": "t", "filter": "n > `1`"}]
    old, new = compiled(routes, codec="fields"), compiled(routes, codec="typed-fields")
    comparison = ConfigComparison(old, new, STREAM, Examples())
    for number in (b"1", b"2", b"\xff"):
        comparison.add_entry("1-0", [b"type", b"t", b"n", number])
    [route] = comparison.result().routes
    assert route.events.counts == {Change.COMES: 1}
    assert route.events.causes == {}


def test_a_message_that_cannot_be_decoded_any_more_is_dead_lettered() -> None:
    old, new = (compiled([{"name": "r", "type": "t"}], codec=codec) for codec in ("fields", "json"))
    comparison = ConfigComparison(old, new, STREAM, Examples())
    comparison.add_entry("1-0", [b"type", b"t", b"data", b"not JSON"])
    diff = comparison.result()
    assert counts(diff) == {"r": {"goes": 1}}
    assert diff.streams[0].events.counts == {Change.FAILS: 1}


def test_a_stream_of_one_configuration_alone_has_all_its_events_come() -> None:
    old = compiled([{"name": "r", "type": "t", "stream": "a"}], streams={"a": {}})
    new = compiled([{"name": "r", "type": "t", "stream": ["a", "b"]}], streams={"a": {}, "b": {}})
    diff = difference(old, new, [{"type": "t"}], "b")
    assert counts(diff) == {"r": {"comes": 1}}
    assert diff.routes[0].events.examples[0].old == ("there is no such stream",)
    assert counts(difference(new, old, [{"type": "t"}], "b")) == {"r": {"goes": 1}}
    assert counts(difference(old, new, [{"type": "t"}], "a")) == {}


def test_an_event_belongs_to_the_only_stream_that_lists_its_type() -> None:
    streams: dict[str, Any] = {"a": {}, "b": {"unknown_type": "dead_letter"}}
    routes = [{"name": "x", "type": "t", "stream": "a"}, {"name": "y", "type": "u", "stream": "b"}]
    old = compiled(routes, streams=streams)
    new = compiled([routes[0], {**routes[1], "type": ["v", "u"], "stream": ["a", "b"]}], streams=streams)
    diff = difference(old, new, [{"type": "t"}, {"type": "u"}, {"type": "v"}], None)
    assert counts(diff) == {"y": {"comes": 1}}
    with pytest.raises(EncodeError):
        difference(old, new, [{"type": "t", "n": float("nan")}], None)


def test_only_routes_of_the_stream_are_compared() -> None:
    streams: dict[str, Any] = {"a": {}, "b": {}}
    old, new = (
        compiled([{"name": name, "type": "t", "stream": name} for name in "ab"], streams=streams)
        for _ in "on"
    )
    assert [route.name for route in difference(old, new, [], "b").routes] == ["b"]


def test_a_route_that_is_the_same_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"name": "same", "type": "t", "filter": "n>`1`"}
    old = compiled([same, {"name": "other", "type": "t", "filter": "n > `1`"}])
    new = compiled([{**same, "filter": "n  >  `1`"}, {"name": "other", "type": "t", "filter": "n > `2`"}])
    evaluated: list[str | None] = []

    def compile_recorded(cls: type, route: Any) -> Any:
        evaluated.append(route.name)
        return lambda payload: None

    monkeypatch.setattr("streamroute.ops.diff.trials.DryRun.of", classmethod(compile_recorded))
    with pytest.raises(AttributeError, match="verdict"):
        difference(old, new, [{"type": "t", "n": 2}])
    assert evaluated == ["other", "other"]


def test_secrets_are_shown_neither_in_settings_nor_in_examples() -> None:
    address = "https://user:hunter2@example.com/x"
    routes = [
        {"name": "r", "type": "t", "filter": f"url == '{address}{end}'", "with": {"level": level}}
        for end, level in (("", "info"), ("/y", "debug"))
    ]
    diff = difference(compiled(routes[:1]), compiled(routes[1:]), [{"type": "t", "url": address}])
    assert counts(diff) == {"r": {"goes": 1}}
    assert "hunter2" not in repr([(route.settings, route.events) for route in diff.routes])


def test_a_shadow_runs_for_no_event() -> None:
    live, shadow = (
        compiled([{"name": "r", "type": "t", "shadow": is_shadow}]) for is_shadow in (False, True)
    )
    diff = difference(live, shadow, [{"type": "t"}])
    assert counts(diff) == {"r": {"goes": 1}}
    [route] = diff.routes
    assert route.settings[0][:3] == ("shadow", "false", "true")
    assert route.events.examples[0].new == ("it is a shadow",)
    assert counts(difference(shadow, live, [{"type": "t"}])) == {"r": {"comes": 1}}
    assert counts(difference(shadow, shadow, [{"type": "t"}])) == {}


def with_canary(percent: float, *, accepts: str = "n > `0`", key: str = "n") -> Compiled:
    canary = {"percent": percent, "key": key}
    return compiled(
        [
            {"name": "old", "type": "t", "filter": "n > `0`"},
            {"name": "new", "type": "t", "filter": accepts, "canary": canary, "instead_of": "old"},
        ]
    )


NUMBERS = [{"type": "t", "n": n} for n in range(200)]


def test_a_larger_share_of_a_canary_moves_events_from_one_route_to_the_other() -> None:
    diff = difference(with_canary(5), with_canary(30), NUMBERS)
    moved = counts(diff)["new"]["comes"]
    assert 0 < moved < 100
    assert counts(diff) == {"new": {"comes": moved}, "old": {"goes": moved}}
    assert [change[:3] for change in diff.routes[1].settings] == [("canary", "5% by n", "30% by n")]
    [example, *_] = diff.routes[0].events.examples
    number = example.old[0].split(",")[0]
    assert example.old[0].endswith("of the keys of the canary new: outside its share of 5%")
    assert example.old[1:] == (f"n > `0` is true: {number}",)
    assert example.new[0].endswith("of the keys of the canary new: inside its share of 30%")
    assert example.new[1:] == ("it leaves the message to new",)


def test_a_canary_takes_its_share_from_the_other_route() -> None:
    before = compiled([{"name": "old", "type": "t", "filter": "n > `0`"}])
    diff = difference(before, with_canary(30), NUMBERS)
    moved = counts(diff)["new"]["comes"]
    assert counts(diff) == {"new": {"comes": moved}, "old": {"goes": moved}}


def test_a_changed_filter_of_a_canary_changes_only_its_share() -> None:
    diff = difference(with_canary(50), with_canary(50, accepts="n > `100`"), NUMBERS)
    moved = counts(diff)["new"]["goes"]
    assert 0 < moved < 100
    assert counts(diff) == {"new": {"goes": moved}, "old": {"comes": moved}}


def test_a_canary_that_is_the_same_is_the_same() -> None:
    assert counts(difference(with_canary(50), with_canary(50), NUMBERS)) == {}


def test_two_routes_that_become_one_are_compared_once() -> None:
    old = compiled([{"name": name, "type": "t"} for name in ("a", "b")])
    new = compiled([{"name": "c", "type": "t", "formerly": ["b", "a"]}])
    there, back = difference(old, new, [{"type": "t"}]), difference(new, old, [{"type": "t"}])
    assert [(route.name, route.pair.former_name, route.status) for route in there.routes] == [
        ("c", "b", "same"),
        ("a", "", "removed"),
    ]
    assert [(route.name, route.pair.former_name, route.status) for route in back.routes] == [
        ("a", "", "added"),
        ("b", "c", "same"),
    ]


def test_a_setting_that_applies_to_all_events_changes_a_route_without_any() -> None:
    before, after = (compiled([{"name": "r", "type": "t", **more}]) for more in ({}, {"timeout": "5s"}))
    assert [route.has_changed for route in difference(before, after, []).routes] == [True]


def test_another_order_is_a_difference_of_its_own() -> None:
    before, after = (compiled([{"name": "r", "type": "t"}], order_by=key) for key in ("n", "m"))
    [route] = difference(before, after, [{"type": "t", "n": 1, "m": 2}]).routes
    assert route.events.causes == {"order_by": 1}
    assert route.events.examples[0].differences == ("order_by is 2, was 1",)


def test_a_changed_schema_changes_which_messages_are_valid() -> None:
    stricter = {**SCHEMA, "properties": {"n": {"type": "integer", "maximum": 1}}}
    before, after = (
        compiled([{"name": "a", "type": "t"}], validate=True, messages={"t": {"schema": schema}})
        for schema in (SCHEMA, stricter)
    )
    diff = difference(before, after, [{"type": "t", "n": n} for n in (1, 2, 3)])
    assert counts(diff) == {"a": {"goes": 1}}
    assert diff.streams[0].events.counts == {Change.FAILS: 1}


class DoublingCodec:
    """A codec whose payload is far larger when traversed than in memory."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        value: list[Any] = [1]
        for _ in range(40):
            value = [value, value]
        return {"type": "t", "value": value}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        return {b"type": b"t"}


def test_a_payload_that_expands_is_compared_within_its_limits() -> None:
    route = {"name": "r", "type": "t"}
    before, after = (
        replace(
            compiled([{**route, "filter": f"value[] | length(@) > `{least}`"}], codec="shop.Codec"),
            codecs={STREAM: DoublingCodec()},
        )
        for least in (1, 2)
    )
    comparison = ConfigComparison(before, after, STREAM, Examples())
    comparison.add_entry("1-0", [b"type", b"t"])
    assert Side(before, STREAM).receive([b"type", b"t"]).payload.__class__ is ExpandingMessage
    assert comparison.result().events == 1
