"""What the software should reach, as ratios of one run, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cases import FILTERED_FAST, ROUTED, ROUTED_FAST, THOUSAND, UNLISTED_FAST
from latency import Latency
from measuring import Figures, Variant


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one run; what is missing was not measured, as without orjson."""

    figures: Sequence[Figures]
    check_ms: Mapping[str, float] = field(default_factory=dict)
    latency: Mapping[str, Latency] = field(default_factory=dict)
    streams: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    def rate(self, variant: Variant) -> float:
        """Return the messages a second, as a ratio to the variant's base."""
        ours, base = self._pair(variant)
        return ours.rate / base.rate

    def cpu(self, variant: Variant) -> float:
        """Return the client's processor time, as a ratio."""
        ours, base = self._pair(variant)
        return ours.cpu / base.cpu

    def server(self, variant: Variant) -> float:
        """Return the server's processor time, as a ratio."""
        ours, base = self._pair(variant)
        return ours.server / base.server

    def _pair(self, variant: Variant) -> tuple[Figures, Figures]:
        """Return the figures of a variant and of its base. Raise KeyError if one was not measured."""
        by_name = {each.variant.name: each for each in self.figures}
        return by_name[variant.name], by_name[variant.base]


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that is at least or at most ``bound``."""

    what: str
    figure: Callable[[Measured], float]
    bound: float
    at_least: bool = False

    def reached(self, measured: Measured) -> float | None:
        """Return the figure, or None if it was not measured."""
        try:
            return self.figure(measured)
        except KeyError:
            return None

    def row(self, measured: Measured) -> list[str]:
        """Return what is measured, the aim, the figure, and whether it is met."""
        reached = self.reached(measured)
        wanted = f"{'≥' if self.at_least else '≤'} {self.bound:g}"
        if reached is None:
            return [self.what, wanted, "", "not measured"]
        met = reached >= self.bound if self.at_least else reached <= self.bound
        return [self.what, wanted, f"{reached:.2f}" if self.bound < 10 else f"{reached:.0f}", _VERDICTS[met]]


AIMS: Final = (
    Aim("messages/s, to the bare loop", lambda m: m.rate(ROUTED), 1.4, at_least=True),
    Aim("CPU, to the bare loop", lambda m: m.cpu(ROUTED), 0.9),
    Aim("`[fast]`: messages/s, to orjson + uvloop", lambda m: m.rate(ROUTED_FAST), 1.25, at_least=True),
    Aim("`[fast]`: CPU, to orjson + uvloop", lambda m: m.cpu(ROUTED_FAST), 1.1),
    Aim("server CPU, to the bare loop", lambda m: m.server(ROUTED), 1.1),
    Aim("`[fast]`: server CPU, to orjson + uvloop", lambda m: m.server(ROUTED_FAST), 1.1),
    Aim("1,000 handlers of 10 ms: messages/s, to a pool", lambda m: m.rate(THOUSAND[1]), 0.95, at_least=True),
    Aim("`[fast]`, 95% of types unlisted: CPU, to routed", lambda m: m.cpu(UNLISTED_FAST), 0.33),
    Aim("`[fast]`, 95% filtered out: CPU, to routed", lambda m: m.cpu(FILTERED_FAST), 0.6),
    Aim(
        "200 streams, 10 messages/s each: CPU, to one",
        lambda m: m.streams[200]["cpu_us"] / m.streams[1]["cpu_us"],
        1.5,
    ),
    Aim("`check` of 10 routes, ms above the interpreter", lambda m: m.check_ms["check 10"], 50),
    Aim(
        "`check` of 10,000 routes, to a bare read",
        lambda m: m.check_ms["check 10000"] / m.check_ms["read 10000"],
        1.5,
    ),
    Aim(
        "latency, median, to a bare loop",
        lambda m: m.latency["idle, routed"].median / m.latency["idle, bare"].median,
        1.1,
    ),
    Aim(
        "latency, p99, to a bare loop",
        lambda m: m.latency["idle, routed"].p99 / m.latency["idle, bare"].p99,
        1.3,
    ),
)
_VERDICTS: Final = {True: "yes", False: "no"}
HEADS: Final = ("what", "aim", "reached", "met")


def rows(measured: Measured) -> list[list[str]]:
    """Return a row for each aim."""
    return [aim.row(measured) for aim in AIMS]


def text(measured: Measured) -> str:
    """Return the aims as lines."""
    lines = [HEADS, *rows(measured)]
    return "".join(f"{what:52}{wanted:>8}{reached:>8}  {met}\n" for what, wanted, reached, met in lines)
