"""Equal log records: the first at once, then one line a second that says how many there were."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streamroute.incidents import LOG_ONLY, Incident
from streamroute.logs.coalescing import (
    NEVER_COALESCED,
    CoalescingHandler,
    coalesced_by,
    coalesced_by_reason,
    message_of,
)

OURS, THEIRS = "streamroute.core", "shop.mail"
PATIENCE = 60.0


class Kept(logging.Handler):
    """Keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.came = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self.came:
            self.records.append(record)
            self.came.notify_all()

    @property
    def messages(self) -> list[str]:
        return [message_of(record) for record in self.records]

    def wait_until(self, condition: Callable[[list[logging.LogRecord]], bool]) -> None:
        with self.came:
            assert self.came.wait_for(lambda: condition(self.records), PATIENCE)


def times(record: logging.LogRecord) -> int:
    """Return how many records this one stands for."""
    return int(getattr(record, "repeated", 1))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """Loggers of the tests, whose handler is looked at."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.kept = Clock(), Kept()
        self.handler = CoalescingHandler(self.kept, **{"clock": self.clock, **settings})
        # Loggers that no other test sees.
        self.loggers = {name: logging.Logger(name) for name in (OURS, THEIRS)}  # noqa: LOG001
        for logger in self.loggers.values():
            logger.addHandler(self.handler)

    def warn(self, text: str, *details: object, by: str = OURS, **settings: Any) -> None:
        self.loggers[by].warning(text, *details, **settings)

    def pass_time(self, seconds: float = 1.0) -> None:
        """Let time pass, and the timer know."""
        self.clock.now += seconds
        self.handler._on_time()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(interval=1.0)
    yield made
    made.handler.close()


def test_fifty_thousand_equal_failures_are_a_line_a_second_and_none_is_lost(scene: Scene) -> None:
    for number in range(50_000):
        scene.warn("route %s failed: %d", "r", number)
        scene.clock.now += 0.0001
    scene.handler.flush()
    assert len(scene.kept.records) <= 1 + 5 + 1
    assert scene.kept.messages[0] == "route r failed: 0"
    assert scene.kept.messages[-1].startswith("route r failed: 49999 (and ")
    assert sum(getattr(record, "repeated", 1) for record in scene.kept.records) == 50_000


def test_the_first_comes_at_once_and_the_last_when_a_second_is_over(scene: Scene) -> None:
    for text in "abc":
        scene.warn("failed: %s", text)
    assert scene.kept.messages == ["failed: a"]
    scene.pass_time(0.5)
    assert scene.kept.messages == ["failed: a"]
    scene.pass_time(0.5)
    assert scene.kept.messages == ["failed: a", "failed: c (and 1 more like it)"]
    assert [getattr(record, "repeated", None) for record in scene.kept.records] == [None, 2]


def test_a_second_one_alone_is_written_as_it_is(scene: Scene) -> None:
    scene.warn("failed: %s", "a")
    scene.warn("failed: %s", "b")
    scene.pass_time()
    assert scene.kept.messages == ["failed: a", "failed: b"]


def test_after_a_quiet_second_the_next_comes_at_once(scene: Scene) -> None:
    scene.warn("failed: %s", "a")
    scene.clock.now += 1
    scene.warn("failed: %s", "b")
    assert scene.kept.messages == ["failed: a", "failed: b"]


def test_after_a_line_for_several_the_next_waits_its_second(scene: Scene) -> None:
    scene.warn("failed")
    scene.warn("failed")
    scene.pass_time()
    scene.warn("failed")
    assert len(scene.kept.records) == 2
    scene.pass_time()
    assert len(scene.kept.records) == 3


def test_different_records_are_written(scene: Scene) -> None:
    """By template, by level, by the kind of exception, or by what the record itself says."""
    for number in range(2):
        scene.warn("reading failed: %s", number)
        scene.warn("claiming failed: %s", number)
        scene.loggers[OURS].error("reading failed: %s", number)
        scene.warn("raised", exc_info=ValueError(number))
        scene.warn("raised", exc_info=KeyError(number))
        for route in "ab":
            scene.warn("route %s failed", route, extra=coalesced_by("failed", route))
    assert len(scene.kept.records) == 7


def test_information_is_equal_by_its_text_alone(scene: Scene) -> None:
    """Twenty streams say at the start what they serve."""
    for _ in range(2):
        for number in range(20):
            scene.loggers[OURS].info("stream %s, group %s", number, "g")
    assert scene.kept.messages == [f"stream {number}, group g" for number in range(20)]


def test_records_of_others_are_equal_by_their_text_alone(scene: Scene) -> None:
    for _ in range(2):
        for guest in ("ada", "ben", "x" * 1000, "y" * 1000):
            scene.warn("no price for %s", guest, by=THEIRS)
    assert len(scene.kept.records) == 4


def test_some_are_always_written(scene: Scene) -> None:
    for _ in range(3):
        scene.warn("said once", extra=NEVER_COALESCED)
    assert len(scene.kept.records) == 3


def test_an_outage_of_two_hundred_streams_is_a_few_lines(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamroute.incidents.log", scene.loggers[OURS])
    output = "%s failed; retrying: %s"
    for number in range(200):
        for doing in ("reading from", "claiming in", "promoting retries of"):
            LOG_ONLY.report(Incident.OUTAGE, f"s{number}", output, f"{doing} s{number}", "refused", kind="A")
    LOG_ONLY.report(Incident.OUTAGE, "s", output, "settling s", "a right is missing", kind="SetupError")
    scene.pass_time()
    assert len(scene.kept.records) == 3
    assert scene.kept.messages[2].endswith("promoting retries of s199 failed; retrying: "
                                           "refused (and 598 more like it)")  # fmt: skip


@pytest.mark.parametrize("incident", [Incident.WORKER_DIED, Incident.DELETED, Incident.STUCK])
def test_worker_deaths_and_losses_are_never_coalesced(
    incident: Incident, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was lost is named nowhere else."""
    monkeypatch.setattr("streamroute.incidents.log", scene.loggers[OURS])
    for number in range(4):
        LOG_ONLY.report(incident, "", "worker %d exited unexpectedly", number)
    assert len(scene.kept.records) == 4


def test_the_number_of_keys_is_bounded_and_what_is_beyond_is_one_line_a_second(scene: Scene) -> None:
    for number in range(5_000):
        scene.warn("failed", extra=coalesced_by(number))
    assert len(scene.kept.records) == 1_000
    assert len(scene.handler._runs) <= 1_001
    scene.pass_time()
    assert len(scene.kept.records) == 1_001
    assert scene.kept.records[-1].repeated == 4_000  # type: ignore[attr-defined]  # the handler's own
    assert len(scene.handler._runs) == 1


def test_many_different_lines_of_others_are_all_written(scene: Scene) -> None:
    for number in range(3_000):
        scene.warn("order %d", number, by=THEIRS)
    assert len(scene.kept.records) == 3_000
    assert len(scene.handler._runs) <= 1_000


def test_coalescing_state_expires(scene: Scene) -> None:
    for number in range(10):
        scene.warn("failed", extra=coalesced_by(number))
        scene.warn("failed", extra=coalesced_by(number))
    scene.pass_time()
    assert len(scene.kept.records) == 20
    scene.pass_time()
    assert scene.handler._runs == {}


def test_below_the_level_of_the_target_nothing_is_counted(scene: Scene) -> None:
    scene.kept.setLevel(logging.ERROR)
    scene.warn("failed")
    scene.warn("failed")
    scene.kept.setLevel(logging.WARNING)
    scene.warn("failed")
    assert [getattr(record, "repeated", 1) for record in scene.kept.records] == [1]


def test_a_formatter_that_shows_the_count_itself_gets_the_message_as_it_is() -> None:
    scene = Scene(interval=1.0, annotate=False)
    for _ in range(3):
        scene.warn("failed")
    scene.handler.close()
    assert scene.kept.messages == ["failed", "failed"]
    assert scene.kept.records[1].repeated == 2  # type: ignore[attr-defined]  # the handler's own


class Silent:
    """An object without a text."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("template", "details"), [("failed: %s", [Silent()]), ("failed", ["too many"])])
def test_a_record_that_cannot_be_formatted_is_handed_on(template: str, details: list[Any]) -> None:
    scene = Scene(interval=1.0)
    for _ in range(3):
        scene.warn(template, *details, by=THEIRS)
    scene.handler.close()
    assert len(scene.kept.records) == 2
    assert scene.kept.messages[1].startswith("failed")


def test_a_record_without_a_key_is_written_unchanged(scene: Scene) -> None:
    for _ in range(2):
        scene.warn("failed", extra={"coalesced_by": [[]]})
    assert scene.kept.messages == ["failed", "failed"]


def test_a_failing_log_handler_does_not_raise_in_log_calls(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[logging.LogRecord] = []
    monkeypatch.setattr(scene.handler, "handleError", failed.append)
    monkeypatch.setattr(scene.kept, "emit", lambda record: 1 / 0)
    scene.warn("failed")
    assert len(failed) == 1


def test_a_target_that_logs_itself_may(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is destroyed while a line is written may log another."""
    emit = scene.kept.emit

    def log_again(record: logging.LogRecord) -> None:
        emit(record)
        if record.levelno == logging.WARNING:
            scene.loggers[OURS].error("again", extra=coalesced_by(len(scene.kept.records)))

    monkeypatch.setattr(scene.kept, "emit", log_again)
    for number in range(4):
        scene.warn("failed", extra=coalesced_by(number % 2))
    scene.handler.flush()
    assert len(scene.kept.records) == 8


def test_pending_records_are_written_by_a_thread_that_ends(scene: Scene) -> None:
    """With the real clock, when nothing more comes."""
    real = Scene(interval=0.05, clock=time.monotonic)
    for _ in range(3):
        real.warn("failed")
    real.kept.wait_until(lambda records: sum(map(times, records)) == 3)
    for thread in threading.enumerate():
        if thread.name == "streamroute log":
            thread.join(PATIENCE)
    assert "streamroute log" not in {thread.name for thread in threading.enumerate()}
    assert real.handler._timer is None


def test_no_thread_is_started_for_what_is_not_repeated(scene: Scene) -> None:
    scene.warn("failed")
    assert scene.handler._timer is None


def test_without_threads_everything_is_written_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    scene.warn("failed")
    scene.warn("failed")
    assert len(scene.kept.records) == 2


def test_no_record_of_several_threads_is_lost() -> None:
    real = Scene(interval=0.001, clock=time.monotonic)

    def log() -> None:
        for _ in range(2_000):
            real.warn("failed")

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    real.handler.close()
    assert sum(map(times, real.kept.records)) == 8_000


def test_the_formatter_is_the_targets(scene: Scene) -> None:
    formatter = logging.Formatter("%(message)s")
    scene.handler.setFormatter(formatter)
    assert scene.kept.formatter is formatter


def test_reasons_are_equal_except_for_parts_of_the_message(scene: Scene) -> None:
    for number in range(3):
        for reason in (f"the field is no JSON: {number}", f"the data is invalid: {number}", "it has no type"):
            scene.warn("dead: %s", reason, extra=coalesced_by_reason("dead", reason))
    assert len(scene.kept.records) == 3


def test_quoted_values_in_reasons_do_not_separate_records(scene: Scene) -> None:
    """Else whoever invents types, or names of fields, has a line for each."""
    for number in range(300):
        for reason in (
            f"no route lists the type 'x{number}: \\'y'",
            f'the field "x{number} \\" y" is not UTF-8: z',
            f"no route lists the type '{'x' * 300}{number}'",
        ):
            scene.warn("dead: %s", reason, extra=coalesced_by_reason("dead", reason))
    assert len(scene.kept.records) == 2
