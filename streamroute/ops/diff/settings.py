"""The settings in which two configurations differ, each with its two values as text, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.quoting import hide_secrets
from streamroute.durations import RetryPolicy, format_duration
from streamroute.expressions.syntax.lexer import is_same_text
from streamroute.ops.diff.pairs import RoutePair
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

_LONGEST: Final = 300  # characters of a value
_DURATIONS: Final = frozenset({"delay", "max_delay"})
_NOT_COMPARED: Final = frozenset({"name", "retry", "location", "unresolved_keys"})
"""Fields of a stream: its retry policy is compared with each route's own settings."""
NONE: Final = "(none)"


class SettingChange(NamedTuple):
    """A setting with its old and its new value; both are empty if the values are not shown.

    Of a setting with ``certain``, every event is handled differently that runs in both configurations. Of any
    other, such as a filter, the events decide.
    """

    setting: str
    old: str
    new: str
    certain: bool = False


def route_changes(pair: RoutePair, old: Document, new: Document, stream: str | None) -> list[SettingChange]:
    """Return the settings of a route that differ on a stream (None: on any), those of the stream included.

    There are none for an added or a removed route.
    """
    if pair.old is None or pair.new is None:
        return []
    changes = [*_certain(pair.old, pair.new), *_judged(pair.old, pair.new)]
    names = [stream] if stream is not None else list(dict.fromkeys((*pair.old.streams, *pair.new.streams)))
    for name in names:
        before, after = old.streams.get(name), new.streams.get(name)
        if before is not None and after is not None:
            changes += _of_stream(pair.old, before, pair.new, after)
    return list({change.setting: change for change in reversed(changes)}.values())[::-1]


def _certain(old: RouteConfig, new: RouteConfig) -> Iterator[SettingChange]:
    if old.enabled != new.enabled:
        yield _change("enabled", _yes(old.enabled), _yes(new.enabled), certain=True)
    if old.shadow != new.shadow:
        yield _change("shadow", _yes(old.shadow), _yes(new.shadow), certain=True)
    if old.canary is not None and new.canary is not None and old.canary.stop_at != new.canary.stop_at:
        yield SettingChange("canary.stop_at", "", "", certain=True)
    if old.handler != new.handler:
        yield _change("handler", old.handler, new.handler, certain=True)
    for name in _differing_keys(old.arguments, new.arguments):
        yield SettingChange(f"with.{clip(one_line(name), _LONGEST)}", "", "", certain=True)
    if old.timeout != new.timeout:
        yield _change("timeout", format_duration(old.timeout), format_duration(new.timeout), certain=True)
    if (old.dedupe is None) != (new.dedupe is None):
        keys = [NONE if route.dedupe is None else route.dedupe.key for route in (old, new)]
        yield _change("dedupe", *keys, certain=True)
    elif old.dedupe is not None and new.dedupe is not None and old.dedupe.ttl != new.dedupe.ttl:
        ttls = format_duration(old.dedupe.ttl), format_duration(new.dedupe.ttl)
        yield _change("dedupe.ttl", *ttls, certain=True)


def _judged(old: RouteConfig, new: RouteConfig) -> Iterator[SettingChange]:
    """The settings whose effect depends on the event."""
    for setting, before, after in (
        ("stream", old.streams, new.streams),
        ("type", old.types, new.types),
    ):
        if set(before) != set(after):
            gone, added = (set(before) - set(after), set(after) - set(before))
            yield _change(setting, _listed(before, gone), _listed(after, added))
    for setting, first, second in (
        ("filter", old.filter, new.filter),
        ("transform", old.transform, new.transform),
        ("dedupe.key", old.dedupe and old.dedupe.key, new.dedupe and new.dedupe.key),
    ):
        if not is_same_text(first, second) and not (setting == "dedupe.key" and None in (first, second)):
            yield _change(setting, first or NONE, second or NONE)
    for setting, one, other in (
        ("canary", _share(old), _share(new)),
        ("instead_of", old.instead_of or NONE, new.instead_of or NONE),
    ):
        if one != other:
            yield _change(setting, one, other)
    if old.pause_when != new.pause_when:
        yield _change("pause_when", str(old.pause_when or NONE), str(new.pause_when or NONE))
    if old.on_filter_error != new.on_filter_error:
        yield _change("on_filter_error", old.on_filter_error, new.on_filter_error)


def _of_stream(
    old_route: RouteConfig, old: StreamConfig, new_route: RouteConfig, new: StreamConfig
) -> Iterator[SettingChange]:
    """The settings of a stream that decide how a route handles its messages."""
    before, after = asdict(old_route.policy_for(old)), asdict(new_route.policy_for(new))
    for key in RetryPolicy.__dataclass_fields__:
        if before[key] != after[key]:
            values = _retry_text(key, before[key]), _retry_text(key, after[key])
            yield _change(f"retry.{key}", *values, certain=True)
    if not is_same_text(old.order_by, new.order_by):
        yield _change("order_by", old.order_by or NONE, new.order_by or NONE)
    if old.codec != new.codec:
        yield _change("codec", old.codec, new.codec)


def stream_changes(old: StreamConfig, new: StreamConfig) -> list[SettingChange]:
    """Return the settings of a stream that differ; ``retry`` counts for its routes, which may override it."""
    return [
        _change(key, old.display(key), new.display(key), certain=True)
        for key in StreamConfig._fields
        if key not in _NOT_COMPARED and getattr(old, key) != getattr(new, key)
    ]


def document_changes(old: Document, new: Document) -> list[SettingChange]:
    """Return the settings of the whole configuration that differ; the URL of Redis is not shown."""
    changes = []
    if old.redis.url != new.redis.url:
        changes.append(SettingChange("redis.url", "", "", certain=True))
    if old.container != new.container:
        changes.append(_change("container", old.container or NONE, new.container or NONE, certain=True))
    return changes


def _change(setting: str, old: str, new: str, *, certain: bool = False) -> SettingChange:
    return SettingChange(setting, _plain(old), _plain(new), certain)


def _plain(text: str) -> str:
    return clip(one_line(hide_secrets(" ".join(text.split()))), _LONGEST)


def _listed(names: Iterable[str], changed: set[str]) -> str:
    """The names that only one of the two has, first; the others, as far as there is room."""
    listed = dict.fromkeys(names)
    return ", ".join(sorted(listed, key=lambda name: name not in changed)) or NONE


def _share(route: RouteConfig) -> str:
    return NONE if route.canary is None else f"{route.canary.percent:g}% by {route.canary.key}"


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _retry_text(key: str, value: Any) -> str:
    return format_duration(value) if key in _DURATIONS else f"{value:g}"


def _differing_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    missing = object()
    return [key for key in {**old, **new} if _differ(old.get(key, missing), new.get(key, missing))]


def _differ(old: Any, new: Any) -> bool:
    return repr(old) != repr(new)  # in Python, 1 equals true
