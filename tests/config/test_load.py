"""A configuration becomes a document, with every default in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.config.document import CanaryConfig, Document, StopAt
from streamroute.config.findings.finding import Severity, Span
from streamroute.config.load import LoadResult, load_config
from streamroute.values import RetryPolicy

ROUTE = "{name: one, type: a, handler: shop.handlers.one}"
MINIMAL = f"version: 1\nstreams: {{bot_events: }}\nroutes:\n  - {ROUTE}\n"


def load(folder: Path, text: str, env: dict[str, str] | None = None) -> LoadResult:
    (folder / "routes.yaml").write_text(text, encoding="utf-8")
    return load_config(folder, env=env or {})


def document(folder: Path, text: str, env: dict[str, str] | None = None) -> Document:
    loaded = load(folder, text, env)
    assert [str(found) for found in loaded.findings] == []
    assert loaded.document is not None
    return loaded.document


def codes(loaded: LoadResult) -> list[str]:
    return [found.code for found in loaded.findings]


def test_a_stream_without_settings_has_every_default(tmp_path: Path) -> None:
    stream = document(tmp_path, MINIMAL).streams["bot_events"]
    assert (stream.group, stream.codec, stream.concurrency) == ("streamroute", "json", 32)
    assert (stream.lease, stream.claim_interval, stream.grace) == (60.0, 5.0, 30.0)
    assert (stream.max_deliveries, stream.unknown_type) == (5, "ack")
    assert (stream.formerly_group, stream.stall, stream.on_stuck) == (None, 300.0, "keep")
    assert stream.dead_letter == "{bot_events}:streamroute:dead"
    assert stream.retry == RetryPolicy()


def test_a_route_takes_the_only_stream_and_has_every_default(tmp_path: Path) -> None:
    (route,) = document(tmp_path, MINIMAL).routes
    assert (route.name, route.streams, route.types) == ("one", ("bot_events",), ("a",))
    assert (route.filter, dict(route.arguments), route.timeout) == (None, {}, 300.0)
    assert route.formerly == ()
    assert (route.shadow, route.canary, route.instead_of, route.is_live) == (False, None, None, True)
    assert (route.on_filter_error, route.enabled, route.description, route.tags) == (
        "dead_letter",
        True,
        "",
        (),
    )


def test_a_route_that_names_no_stream_among_several_keeps_none(tmp_path: Path) -> None:
    (route,) = document(tmp_path, MINIMAL.replace("{bot_events: }", "{a: , b: }")).routes
    assert route.streams == ()


def test_redis_is_embedded_by_default(tmp_path: Path) -> None:
    assert document(tmp_path, MINIMAL).redis.url == "embedded"


def test_a_password_is_not_in_the_repr(tmp_path: Path) -> None:
    loaded = document(tmp_path, MINIMAL + "redis: {url: 'redis://me:s3cret@host:1'}\n")
    assert loaded.redis.url == "redis://me:s3cret@host:1"
    assert "s3cret" not in repr(loaded)


def test_retry_merges_key_by_key_route_over_stream_over_defaults(tmp_path: Path) -> None:
    text = """
    version: 1
    defaults: {retry: {max_attempts: 9, delay: 2s}, concurrency: 7}
    streams:
      a: {retry: {delay: 3s, max_delay: 1m}}
    routes:
      - {name: one, type: a, handler: shop.one, retry: {max_delay: 5m, multiplier: 3}}
    """
    loaded = document(tmp_path, text)
    stream = loaded.streams["a"]
    assert stream.retry == RetryPolicy(max_attempts=9, delay=3.0, max_delay=60.0)
    assert stream.concurrency == 7
    assert loaded.routes[0].policy_for(stream) == RetryPolicy(
        max_attempts=9, delay=3.0, max_delay=300.0, multiplier=3.0
    )


def test_group_and_stall_settings_of_a_stream_are_read(tmp_path: Path) -> None:
    text = f"""
    version: 1
    defaults: {{formerly_group: bots, on_stuck: exit, lease: 2m}}
    streams:
      a: {{group: mailer}}
      b: {{formerly_group: older, on_stuck: keep, stall: 90s}}
      c: {{lease: 10s}}
      d: {{stall: "${{STALL}}", on_stuck: "${{ON_STUCK}}"}}
    routes: [{ROUTE.replace("type: a", "type: a, stream: [a, b, c, d]")}]
    """
    streams = document(tmp_path, text, {"STALL": "1h", "ON_STUCK": "keep"}).streams
    assert {name: stream.formerly_group for name, stream in streams.items()} == {
        "a": "bots",
        "b": "older",
        "c": "bots",
        "d": "bots",
    }
    assert [stream.stall for stream in streams.values()] == [600.0, 90.0, 50.0, 3600.0]
    assert [stream.on_stuck for stream in streams.values()] == ["exit", "keep", "exit", "keep"]


@pytest.mark.parametrize(
    ("stated", "names"),
    [("old", ("old",)), ("[old]", ("old",)), ("[old, older.name_2]", ("old", "older.name_2"))],
)
def test_a_route_declares_one_or_several_former_names(
    tmp_path: Path, stated: str, names: tuple[str, ...]
) -> None:
    text = MINIMAL.replace("type: a", f"type: a, formerly: {stated}")
    assert document(tmp_path, text).routes[0].formerly == names


@pytest.mark.parametrize(
    ("stop_at", "expected"),
    [
        ("", None),
        (", stop_at: {dead: 1%}", StopAt(1.0, None, 200)),
        (", stop_at: {retry: 2.5%, dead: 0%, of: 50}", StopAt(0.0, 2.5, 50)),
        (", stop_at: {}", StopAt(None, None, 200)),
    ],
)
def test_a_canary_has_a_share_and_its_limits(tmp_path: Path, stop_at: str, expected: StopAt | None) -> None:
    keys = f"canary: {{percent: 0.5, key: guest.id{stop_at}}}, instead_of: other"
    (route,) = document(tmp_path, MINIMAL.replace("type: a", f"type: a, {keys}")).routes
    assert route.canary == CanaryConfig(0.5, "guest.id", expected)
    assert route.instead_of == "other"


@pytest.mark.parametrize(
    ("keys", "live", "shadow"),
    [
        ("shadow: true", 0, 1),
        ("shadow: true, enabled: false", 0, 0),
        ("shadow: false", 1, 0),
        ("enabled: false", 0, 0),
    ],
)
def test_a_stream_is_served_by_live_routes_and_watched_by_shadows(
    tmp_path: Path, keys: str, live: int, shadow: int
) -> None:
    made = document(tmp_path, MINIMAL.replace("type: a", f"type: a, {keys}"))
    assert (len(made.served("bot_events")), len(made.shadows("bot_events"))) == (live, shadow)


def test_a_former_name_that_cannot_be_used_is_left_out(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL.replace("type: a", "type: a, formerly: [old, Not A Name]"))
    assert codes(loaded) == ["SR107"]
    assert loaded.document is not None
    (route,) = loaded.document.routes
    assert route.formerly == ()
    assert route.invalid_keys == {"formerly"}


@pytest.mark.parametrize(
    ("own", "stated"),
    [
        ("{stall: 1s, lease: 2s}", (("streams", "a"), "stall")),
        ("{stall: 1s}", (("streams", "a"), "stall")),
        ("{lease: 2m}", (("streams", "a"), "lease")),
        ("{leese: 2m}", (("streams", "a"), "lease")),
        ("{group: g}", (("defaults",), "stall")),
    ],
)
def test_a_conflict_is_reported_at_a_key_of_the_stream_itself(
    tmp_path: Path, own: str, stated: tuple[tuple[str, ...], str]
) -> None:
    text = f"version: 1\ndefaults: {{stall: 90s}}\nstreams: {{a: {own}}}\nroutes: [{ROUTE}]\n"
    loaded = load(tmp_path, text).document
    assert loaded is not None
    location, key = loaded.conflict_location(loaded.streams["a"], "stall", "lease")
    assert (location.path, key) == stated


def test_anchors_under_x_keys_and_merges_work(tmp_path: Path) -> None:
    text = f"""
    version: 1
    x-common: &common {{group: shared, concurrency: 3}}
    streams:
      a: {{<<: *common, concurrency: 4}}
    routes: [{ROUTE}]
    """
    stream = document(tmp_path, text).streams["a"]
    assert (stream.group, stream.concurrency) == ("shared", 4)


def test_a_misspelt_key_is_read_as_the_intended_one(tmp_path: Path) -> None:
    """So that its value is checked in the same run; the finding forbids to run it."""
    loaded = load(tmp_path, MINIMAL + "  - {name: two, type: a, handlr: shop.two, fliter: a}\n")
    assert codes(loaded) == ["SR102", "SR102"]
    assert [found.suggestion for found in loaded.findings] == ["handler", "filter"]
    assert loaded.document is not None
    route = loaded.document.routes[1]
    assert (route.name, route.handler, route.filter) == ("two", "shop.two", "a")
    assert route.location.finding("SR401", "no", at=("handler",)).span == Span(5, 34, 5, 42)


def test_valid_keys_of_an_invalid_route_are_kept(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL + "  - {nam: A B, type: a, handler: 3, filter: a, with: []}\n")
    assert codes(loaded) == ["SR102", "SR104", "SR104"]
    assert loaded.document is not None
    route = loaded.document.routes[1]
    assert (route.name, route.types, route.handler, route.filter) == ("", ("a",), "", "a")
    assert route.invalid_keys == {"nam", "name", "handler", "with"}


def test_two_misspelt_keys_are_not_read_as_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL + "  - {name: two, type: a, handlr: shop.two, hander: shop.three}\n")
    assert [found.suggestion for found in loaded.findings] == ["handler", None]
    assert loaded.document is not None
    assert loaded.document.routes[1].handler == "shop.two"


def test_misspelt_keys_of_streams_and_of_the_root_are_read_too(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"version: 1\nstrems: {{a: {{}}}}\nroutes: [{ROUTE}]\ndefalts: {{group: g}}\n")
    assert codes(loaded) == ["SR102", "SR102"]
    assert loaded.document is not None
    assert loaded.document.streams["a"].group == "g"
    assert loaded.document.routes[0].streams == ("a",)


def test_without_streams_routes_are_still_checked(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"version: 1\nstreams: 3\nroutes: [{ROUTE}]\n")
    assert codes(loaded) == ["SR104"]
    assert loaded.document is not None
    (route,) = loaded.document.routes
    assert route.streams == ()
    assert route.invalid_keys == {"stream"}


def test_places_stay_right_behind_a_broken_route(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL + "  - 12\n  - {name: three, type: b, handler: shop.three}\n")
    assert loaded.document is not None
    found = loaded.document.routes[1].location.finding("SR401", "no", at=("handler",))
    assert (found.span.line, found.span.column) == (6, 37)


def test_an_unset_variable_is_an_error_or_an_info_as_asked(tmp_path: Path) -> None:
    text = MINIMAL + "redis: {url: '${NOT_SET}'}\n"
    assert load(tmp_path, text).findings[0].severity is Severity.ERROR
    loaded = load_config(tmp_path, env={}, unset="info")
    assert [found.severity for found in loaded.findings] == [Severity.INFO]
    assert loaded.document is not None
    assert loaded.document.redis.url == "embedded"


@pytest.mark.parametrize("text", ["", "[]", "version: 2", "routes: ["])
def test_an_unusable_root_file_gives_no_document(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, text)
    assert loaded.document is None
    assert len(loaded.findings) == 1


def test_an_absent_file_is_a_finding(tmp_path: Path) -> None:
    loaded = load_config(tmp_path / "nowhere.yaml")
    assert loaded.document is None
    assert codes(loaded) == ["SR001"]


def test_routes_without_streams_are_one_finding(tmp_path: Path) -> None:
    assert codes(load(tmp_path, f"version: 1\nroutes: [{ROUTE}]\n")) == ["SR103"]


def test_an_unknown_version_is_the_only_finding(tmp_path: Path) -> None:
    assert codes(load(tmp_path, "version: 3\nnonsense: true\nroutes: 5\n")) == ["SR101"]
