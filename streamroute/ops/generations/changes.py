"""What changed from one configuration to another, by name: routes, streams, message types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from streamroute.config.document import Document, RouteConfig
from streamroute.text.counted import pluralize
from streamroute.text.truncation import clip

_SHOWN: Final = 5
"""Names of one kind in a summary."""
_LONGEST_NAME: Final = 80  # characters

Names = tuple[str, ...]
Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outline:
    """A configuration's parts by name, each with a hash of its settings: enough to say what changed.

    ``former_names`` are the previous names of the routes that have some; ``settings`` are the rest of the
    root file.
    """

    routes: Digests
    former_names: Mapping[str, Names]
    streams: Digests
    messages: Digests
    settings: Digests


@dataclass(frozen=True, slots=True)
class PartChanges:
    """The changes of one kind of parts; ``renamed`` are pairs of the old and the new name."""

    added: Names = ()
    removed: Names = ()
    changed: Names = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def phrases(self, kind: str) -> Iterator[str]:
        """Yield what changed, in a few words each, such as ``2 routes added: a, b``."""
        pairs = tuple(f"{old} -> {new}" for old, new in self.renamed)
        named = {"added": self.added, "removed": self.removed, "changed": self.changed, "renamed": pairs}
        for verb, names in named.items():
            if names:
                yield f"{pluralize(len(names), kind)} {verb}: {_listed(names)}"

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.renamed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one configuration to another.

    ``settings`` names the other settings of the root file that differ. ``reordered``: the routes of both are
    in another order.
    """

    routes: PartChanges = field(default_factory=PartChanges)
    streams: PartChanges = field(default_factory=PartChanges)
    messages: PartChanges = field(default_factory=PartChanges)
    settings: Names = ()
    reordered: bool = False

    def phrases(self) -> Iterator[str]:
        """Yield what changed, in a few words each; names are bounded in number and length."""
        yield from self.routes.phrases("route")
        yield from self.streams.phrases("stream")
        yield from self.messages.phrases("message")
        if self.settings:
            yield f"{_listed(self.settings)} changed"
        if self.reordered:
            yield "routes reordered"

    def __bool__(self) -> bool:
        return any((self.routes, self.streams, self.messages, self.settings, self.reordered))

    def __str__(self) -> str:
        return "; ".join(self.phrases()) or "no route, stream or message changed"


def changed_routes(old: Document, new: Document) -> Changes:
    """Return what changed from one configuration to another."""
    return changes_between(outline_of(old), outline_of(new))


def outline_of(document: Document) -> Outline:
    """Return the parts of a configuration, each with a hash of its settings."""
    redis = document.redis
    settings = {
        "redis": redis.url_in_file or redis.url,
        "container": document.container,
        "handlers": document.allow,
        "redact": document.redact,
    }
    return Outline(
        routes={route.name: _digest(_settings_of(route)) for route in document.routes},
        former_names={route.name: route.formerly for route in document.routes if route.formerly},
        streams={
            name: _digest({**stream._asdict(), "location": None}) for name, stream in document.streams.items()
        },
        messages={
            name: _digest(message.schema and [message.schema.root, message.schema.dialect])
            for name, message in document.messages.items()
        },
        settings={name: _digest(value) for name, value in settings.items()},
    )


def changes_between(old: Outline, new: Outline) -> Changes:
    """Return what changed from one outline to another."""
    return Changes(
        routes=_renamed(_changes(old.routes, new.routes), new.former_names),
        streams=_changes(old.streams, new.streams),
        messages=_changes(old.messages, new.messages),
        settings=tuple(name for name, digest in new.settings.items() if old.settings.get(name) != digest),
        reordered=[name for name in old.routes if name in new.routes]
        != [name for name in new.routes if name in old.routes],
    )


def _settings_of(route: RouteConfig) -> dict[str, Any]:
    return {**route._asdict(), "location": None, "invalid_keys": None}


def _changes(old: Digests, new: Digests) -> PartChanges:
    return PartChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name, digest in new.items() if old.get(name, digest) != digest),
    )


def _renamed(changes: PartChanges, former_names: Mapping[str, Names]) -> PartChanges:
    """Pair each removed route with the added one that names it as its former name."""
    removed = set(changes.removed)
    renamed: list[tuple[str, str]] = []
    for name in changes.added:
        former = next((each for each in former_names.get(name, ()) if each in removed), None)
        if former is not None:
            removed.discard(former)
            renamed.append((former, name))
    new_names = {new for _, new in renamed}
    return PartChanges(
        added=tuple(name for name in changes.added if name not in new_names),
        removed=tuple(name for name in changes.removed if name in removed),
        changed=changes.changed,
        renamed=tuple(renamed),
    )


def _digest(value: Any) -> str:
    try:
        text = json.dumps(value, sort_keys=True, default=_plain)
    except TypeError:  # keys of several types have no order
        text = repr(value)
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return repr(value)


def _listed(names: Iterable[str]) -> str:
    listed = [clip(name, _LONGEST_NAME) for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
