"""The configurations of a storm of reloads: edit by edit, good and bad ones by turns."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from oracle import Terms
from producer import GROUP, MAX_ATTEMPTS, STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping

BadEdit = Callable[[int], bytes | None]
"""Returns the content of the file after a bad edit, given its number; None if there is no file."""

TERMS: Final = Terms(lease=6.0, claim_interval=0.5, max_deliveries=5)
NOTES: Final = "notes"
NO_STREAM: Final = "cupboard"
"""A key of another type than a stream."""
LANES: Final = 4
DOOMED: Final = 9  # failures: more attempts than any edit allows
_POSITIONS: Final = 10_000
_CANARY: Final = "flaky-canary"

_CONFIG: Final = """\
version: 1
redis:
  url: ${{FAULTS_URL}}
container: reload_effects.{container}_{edit}
streams:
  {stream}:
    group: {group}
    concurrency: {concurrency}
    lease: {lease}s
    claim_interval: {claim_interval}s
    max_deliveries: {max_deliveries}
    grace: 3s
    retry: {{max_attempts: {max_attempts}, delay: 100ms, multiplier: 1.5, jitter: 0}}
  {notes}:
    group: {notes_group}
    lease: {lease}s
    claim_interval: 500ms
{notes_settings}{streams}routes:
  - name: picked
    stream: {stream}
    type: order.placed
    filter: {lane_filter}
    transform: "{{n: n, lane: lane, work: work, edit: `{edit}`}}"
    handler: {handler}
    with: {{edit: {edit}, route: picked}}
  - name: rest
    stream: {stream}
    type: order.placed
    filter: lane != `{lane}`
    transform: "{{n: n, lane: lane, work: work, edit: `{edit}`}}"
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: rest}}
  - name: audit
    stream: {stream}
    type: order.placed
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: audit}}
  - name: flaky
    stream: {stream}
    type: order.placed
    filter: fails > `0`
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: flaky}}
  - name: flaky-canary
    stream: {stream}
    type: order.placed
    filter: fails > `0` && fails < `{doomed}`
    canary: {{percent: {percent}, key: n}}
    instead_of: flaky
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: flaky-canary}}
  - name: shade
    stream: {stream}
    shadow: true
    type: order.placed
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: shade}}
  - name: note
    stream: {notes}
    type: order.noted
    transform: "{{n: n, work: work, edit: `{edit}`}}"
    handler: reload_effects.handle_{edit}
    with: {{edit: {edit}, route: note}}
{routes}"""
_BROKEN_MODULE: Final = "reload_broken"

MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {f"{_BROKEN_MODULE}.py": "raise LookupError('no such warehouse')\n"}
)
"""Modules beside the configuration, by file name."""


def good(edit: int) -> bytes:
    """Return an edit without errors: it changes every route, and often more."""
    return _text(edit).encode()


def is_good(edit: int) -> bool:
    """Whether the edit of this number is good; the configuration at the start is edit 0."""
    return edit % 2 == 0


def lane_of(edit: int) -> int:
    """Return the lane whose messages the edit's filters pass to ``picked``."""
    return edit // 2 % LANES


def takes_canary(edit: int, n: int) -> bool:
    """Whether a message is in the share of the edit's canary: see guide/try-out.md."""
    position = int.from_bytes(blake2b(f"{_CANARY}\n{n}".encode(), digest_size=8).digest(), "big") % _POSITIONS
    return position < _POSITIONS * _percent(edit) // 100


def _percent(edit: int) -> int:
    return 70 if edit // 2 % 2 else 30


def _text(edit: int, **changes: str) -> str:
    """Return a configuration; most changes take effect in place, and some replace a consumer."""
    turn = edit // 2
    values = {
        "container": "container",
        "handler": f"reload_effects.handle_{edit}",
        "lane_filter": f"lane == `{lane_of(edit)}`",
        "notes_group": GROUP,
        "notes_settings": "    order_by: n\n" if turn % 10 == 7 else "",
        **(_unused_stream("spare", edit) if turn % 6 == 5 else {"streams": "", "routes": ""}),
    }
    return _CONFIG.format(
        **values | changes,
        edit=edit,
        stream=STREAM,
        notes=NOTES,
        group=GROUP,
        concurrency=5 + turn % 3,
        lease=f"{TERMS.lease:g}",
        claim_interval=0.4 if turn % 8 == 3 else TERMS.claim_interval,
        max_deliveries=TERMS.max_deliveries,
        max_attempts=MAX_ATTEMPTS,
        lane=lane_of(edit),
        percent=_percent(edit),
        doomed=DOOMED,
    )


def _unused_stream(name: str, edit: int) -> dict[str, str]:
    """Return one more stream, and its route; it has no messages."""
    parts = f"handler: reload_effects.handle_{edit}, with: {{edit: {edit}, route: {name}}}"
    return {
        "streams": f"  {name}: {{group: {GROUP}}}\n",
        "routes": f"  - {{name: {name}, stream: {name}, type: none, {parts}}}\n",
    }


# Bad edits: each kind of file that cannot run.


def _half_written(edit: int) -> bytes:
    """A file that ends inside a mapping."""
    text = good(edit)
    return text[: text.index(b"route: flaky}")]


def _not_utf8(edit: int) -> bytes:
    return good(edit) + b"# \xff\n"


def _changed(**changes: str) -> BadEdit:
    return lambda edit: _text(edit, **changes).encode()


REFUSED_LATE: Final = _changed(container="raising_late")
"""One of two workers opens its container long after the other, and fails."""

BAD: Final[Mapping[str, BadEdit]] = MappingProxyType(
    {
        "broken YAML": lambda edit: good(edit) + b"  - [\n",
        "a container that one process cannot open": _changed(container="raising_once"),
        "a half-written file": _half_written,
        "an unknown handler": _changed(handler="reload_effects.absent"),
        "a stream whose key is of another type": lambda edit: _text(
            edit, **_unused_stream(NO_STREAM, edit)
        ).encode(),
        "an empty file": lambda edit: b"",
        "a handler whose module raises": _changed(handler=f"{_BROKEN_MODULE}.handle"),
        "a filter with an error": _changed(lane_filter='"lane == "'),
        "a container that no process can open": _changed(container="raising"),
        "no file": lambda edit: None,
        "another group": _changed(notes_group="warehouse"),
        "a file that is not UTF-8": _not_utf8,
    }
)
"""The kinds of bad edits; each has its turn."""
