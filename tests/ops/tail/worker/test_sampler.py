"""Outcomes are observed only while their stream is watched; samples are bounded, and hide what is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from streamroute.core.observer import ObserverSwitch, Result
from streamroute.delivery import Delivery
from streamroute.message import Message
from streamroute.ops.tail.worker.sampler import OutcomeSampler
from streamroute.payload_redaction import PayloadRedactor
from streamroute.values import DeadLetter


@dataclass(frozen=True)
class Hiding:
    """A pipeline that hides ``card``."""

    generation: str = "g1"
    redactor: PayloadRedactor = PayloadRedactor(["card"])  # noqa: RUF009 - immutable


class Seen:
    """An observer that counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: Any) -> None:
        self.count += 1


def message(error: str = "", decode_error: str | None = None) -> Message:
    delivery = Delivery(
        pipeline=cast("Any", Hiding()), outcomes=[DeadLetter("r", "spent", error, error_class="E")]
    )
    fields = {b"type": b"t", b"data": b'{"card": "4111-1111"}'}
    return Message(
        {"type": "t", "card": "4111-1111"},
        id="1-0", stream="events", fields=fields, delivery=delivery, decode_error=decode_error,
    )  # fmt: skip


def sampler() -> tuple[OutcomeSampler, ObserverSwitch, Seen]:
    seen = Seen()
    switch = ObserverSwitch(seen)
    return OutcomeSampler(switch, list), switch, seen


def test_nothing_is_observed_unless_a_stream_is_watched() -> None:
    made, switch, seen = sampler()
    assert switch.target is seen
    made.watch(["events"])
    switch(message(), "r", Result.SUCCEEDED)
    assert seen.count == 1
    assert [record.result for record in made.take("events").outcomes] == ["succeeded"]
    made.watch([])
    assert switch.target is seen


def test_failures_have_room_beside_many_successes() -> None:
    made, switch, seen = sampler()
    made.watch(["events"])
    for _ in range(1_000):
        switch(message(), "r", Result.SUCCEEDED)
    switch(message("ValueError: no"), "r", Result.DEAD)
    switch(message(), "r", Result.SHADOW_MATCHED)
    batch = made.take("events")
    assert [record.result for record in batch.outcomes].count("dead") == 1
    assert len(batch.outcomes) + batch.dropped == 1_001
    assert made.take("events").dropped == 0
    assert seen.count == 1_002


def test_hidden_values_leave_no_process() -> None:
    made, switch, _ = sampler()
    made.watch(["events"])
    switch(message("ValueError: 4111-1111 is not valid\n\x1b[2J"), "r", Result.DEAD)
    switch(message("4111-1111", decode_error="4111-1111"), "r", Result.DEAD)
    found = [(record.error_class, record.error) for record in made.take("events").outcomes]
    assert found == [
        ("E", "spent: ValueError: (redacted) is not valid\\n\\x1b[2J"),
        ("E", "(the text may quote a hidden field)"),
    ]
