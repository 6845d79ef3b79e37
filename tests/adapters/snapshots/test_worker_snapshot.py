"""Snapshots survive packing, stay within their size, and a foreign value is refused, not misread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.snapshots.worker_snapshot import (
    MAX_BYTES,
    DamagedSnapshotError,
    RouteActivity,
    RunningEntry,
    WorkerSnapshot,
)

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
counts = st.integers(1, 2**40)
count_tables = st.dictionaries(names, counts, max_size=5)
seconds = st.floats(0, 1e6).map(lambda value: round(value, 1))
running_entries = st.builds(
    RunningEntry, names, names, st.none() | names, seconds, st.integers(1, 9), st.booleans()
)
activities = st.builds(
    RouteActivity, names, count_tables, count_tables, st.lists(counts, max_size=5).map(tuple)
)
snapshots = st.builds(
    WorkerSnapshot,
    at=counts,
    started=counts,
    host=names,
    pid=counts,
    generation=names,
    concurrency=counts,
    held=counts,
    running_count=counts,
    running=st.lists(running_entries, max_size=5).map(lambda all_: tuple(sorted(all_, key=_order))),
    silence=seconds,
    window=seconds,
    buckets=st.lists(st.floats(0, 300), max_size=5).map(tuple),
    routes=st.lists(activities, max_size=5, unique_by=lambda route: route.route).map(
        lambda all_: tuple(sorted(all_, key=_activity_order))
    ),
    routes_left_out=counts,
)


def _order(entry: RunningEntry) -> float:
    return -entry.seconds


def _activity_order(route: RouteActivity) -> int:
    return -route.weight


@given(snapshots)
def test_a_snapshot_survives_packing(snapshot: WorkerSnapshot) -> None:
    assert WorkerSnapshot.unpack(snapshot.pack()) == snapshot


def test_a_long_snapshot_keeps_the_most_active_routes() -> None:
    routes = [RouteActivity(f"route {number}", {}, {"succeeded": number + 1}) for number in range(20_000)]
    packed = WorkerSnapshot(at=1, routes=routes).pack()
    assert len(packed) <= MAX_BYTES
    snapshot = WorkerSnapshot.unpack(packed)
    kept = [route.route for route in snapshot.routes]
    assert len(kept) > 1000
    assert kept == [f"route {19_999 - rank}" for rank in range(len(kept))]
    assert snapshot.routes_left_out == 20_000 - len(kept)


def test_a_snapshot_names_the_entries_that_have_run_the_longest() -> None:
    running = [RunningEntry(f"{number}-0", f"{number}-0", "a", float(number)) for number in range(500)]
    found = WorkerSnapshot.unpack(WorkerSnapshot(at=1, running=running, running_count=500).pack())
    assert [entry.entry_id for entry in found.running[:2]] == ["499-0", "498-0"]
    assert (len(found.running), found.running_count) == (100, 500)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"[]",
        b"12",
        b"null",
        b"{}",
        b'{"at": "1"}',
        b'{"at": -1}',
        b'{"at": NaN}',
        b'{"at": 1, "held": 1e400}',
        b'{"at": 1, "held": true}',
        b'{"at": 1, "running": 5}',
        b'{"at": 1, "running": [[1]]}',
        b'{"at": 1, "running": {}}',
        b'{"at": 1, "routes": []}',
        b'{"at": 1, "routes": {"a": [{}, {}]}}',
        b'{"at": 1, "routes": {"a": [{"succeeded": "1"}, {}, []]}}',
        b'{"at": 1, "host": 5}',
        b'{"at": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_another_value_is_not_a_snapshot(value: bytes) -> None:
    with pytest.raises(DamagedSnapshotError):
        WorkerSnapshot.unpack(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(["at", "running", "routes", "buckets", "host", "held", "window"]), json_values)
def test_no_json_value_ends_in_another_error(name: str, value: Any) -> None:
    packed = json.dumps({"at": 1, name: value}).encode()
    try:
        snapshot = WorkerSnapshot.unpack(packed)
    except DamagedSnapshotError:
        return
    assert WorkerSnapshot.unpack(snapshot.pack()) == snapshot
