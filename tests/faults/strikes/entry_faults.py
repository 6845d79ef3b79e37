"""Faults of entries: broken, huge, trimmed while pending, very many."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from group_state import order
from ledger import now
from oracle import Fault
from producer import GROUP, KIND, STREAM, connect
from scenarios import scenario
from scene import TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scene import Scene

_TYPE = {b"type": KIND.encode()}
_BROKEN: list[dict[bytes, bytes]] = [
    {b"x": b"1"},
    {b"type": b"\xff\xfe", b"data": b"{}"},
    {**_TYPE, b"data": b'{"n": 1'},
    {**_TYPE, b"data": b"[1, 2]"},
    {**_TYPE, b"data": b"\xff\xfe\x00"},
    {**_TYPE, b"data": b"[" * 100_000},
    {**_TYPE, b"data": b""},
    {**_TYPE, b"data": b"{" + b"x" * 5_000_000},
]
_MANY = 100_000
_BATCH = 5_000
_RENEW = """
for start = 3, #ARGV, 1000 do
  local words = {unpack(ARGV, start, math.min(start + 999, #ARGV))}
  words[#words + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(words))
end
"""


@scenario("malformed and huge entries")
def malformed(scene: Scene) -> None:
    """Unreadable entries are dead-lettered; large ones are handled."""
    for fields in _BROKEN:
        scene.producer.send_raw(fields)
        scene.producer.send(pad="x" * scene.rng.randrange(100_000, 5_000_000))
    scene.audit()
    scene.heal()


@scenario("XTRIM of pending entries")
def trim(scene: Scene) -> None:
    """Deleted entries are reported, and block nothing."""
    victim = scene.rng.choice(scene.live)
    *_, last = scene.occupy(victim, 3)
    begin = now()
    present = [row[0].decode() for row in scene.client.execute_command("XRANGE", STREAM, "-", "+")]
    gone = frozenset(entry_id for entry_id in present if order(entry_id) <= order(last))
    milliseconds, sequence = order(last)
    scene.client.execute_command("XTRIM", STREAM, "MINID", f"{milliseconds}-{sequence + 1}")
    scene.faults.append(Fault(kind="XTRIM", begin=begin, end=now(), destroyed=gone))
    scene.kill(victim)
    scene.heal()
    scene.rest()
    scene.expect_log("deleted", last)


@scenario("100,000 pending entries of a live worker")
def long_list(scene: Scene) -> None:
    """P2: a dead worker's entries are found behind them in time."""
    with _crowd(scene):
        victim = scene.rng.choice(scene.live)
        scene.occupy(victim, 3)
        scene.kill(victim)
        scene.wait_for_recovery()


@contextmanager
def _crowd(scene: Scene) -> Iterator[None]:
    """A consumer that holds 100,000 entries and renews them, as a live worker does."""
    client: Any = connect(scene.server.socket_path)
    ids: list[bytes] = []
    end = threading.Event()
    renewing = threading.Thread(target=_renew, args=(scene, ids, end), daemon=True)
    renewing.start()
    try:
        _hand_out(client, ids)
        yield
    finally:
        end.set()
        renewing.join()
        for start in range(0, len(ids), _BATCH):
            client.execute_command("XACK", STREAM, GROUP, *ids[start : start + _BATCH])
            client.execute_command("XDEL", STREAM, *ids[start : start + _BATCH])
        client.close()


def _hand_out(client: Any, ids: list[bytes]) -> None:
    """Add entries and have the crowd read them, in transactions, so that no other consumer reads them.

    Orders of the producer that it also reads are not renewed, so other workers will claim them.
    """
    while len(ids) < _MANY:
        pipeline = client.pipeline(transaction=True)
        for _ in range(_BATCH):
            pipeline.execute_command("XADD", STREAM, "*", "type", "crowd")
        pipeline.execute_command(
            "XREADGROUP", "GROUP", GROUP, "crowd", "COUNT", 2 * _BATCH, "STREAMS", STREAM, ">"
        )
        *_, read = pipeline.execute()
        ids += [entry_id for entry_id, fields in read[0][1] if fields[1] == b"crowd"]


def _renew(scene: Scene, ids: list[bytes], end: threading.Event) -> None:
    client: Any = connect(scene.server.socket_path)
    while not end.wait(TERMS.lease / 4):
        for start in range(0, len(ids), _BATCH):
            client.execute_command("EVAL", _RENEW, 1, STREAM, GROUP, "crowd", *ids[start : start + _BATCH])
    client.close()
