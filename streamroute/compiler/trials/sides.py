"""Sides: which route of a canary's pair takes a message, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from streamroute.compiler.trials.share import POSITIONS, Placement, Share
from streamroute.config.document import RouteConfig
from streamroute.expressions.explain.trace_explanation import as_text


@dataclass(frozen=True, slots=True)
class CanarySide:
    """Where a message falls: ``takes`` is whether the canary takes it; else its other route may."""

    canary: RouteConfig
    placement: Placement
    takes: bool

    @property
    def taker(self) -> str:
        """The name of the route on whose side the message is."""
        return self.canary.name if self.takes else str(self.canary.instead_of)

    @property
    def reason(self) -> str:
        """Why, in one line, with the value of the key."""
        assert self.canary.canary is not None  # noqa: S101 - only canaries have sides
        key, name, failure = self.canary.canary.key, self.canary.name, self.placement.error
        if self.placement.position is None:
            problem = f"failed ({failure})" if failure else "is null"
            return f"the key {key} of the canary {name} {problem}, so it is not in the share"
        at = self.placement.position * 100 / POSITIONS
        where = "inside" if self.placement.is_included else "outside"
        text = f"{key} is {as_text(self.placement.value)}, at {at:.2f}% of the keys of the canary {name}: "
        text += f"{where} its share of {self.canary.canary.percent:g}%"
        if self.placement.is_included and not self.takes:
            text += ", but its filter does not match"
        return text


def place(canary: RouteConfig, payload: Mapping[str, Any]) -> Placement:
    """Return where a message falls for a canary, whose key must compile."""
    assert canary.canary is not None  # noqa: S101 - asked only of canaries
    return _share(canary.name, canary.canary.key, canary.canary.percent).place(payload)


_share = lru_cache(maxsize=1024)(Share)
