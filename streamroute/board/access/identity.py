"""Identity: who sends a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do: a viewer reads, an operator also repairs."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or program: its name, which is written to the audit stream, and its role."""

    name: str
    role: Role

    @property
    def is_operator(self) -> bool:
        """Whether it may act."""
        return self.role is Role.OPERATOR
