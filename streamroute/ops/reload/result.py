"""The result of a reload, for logs, metrics and the command that asked for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

APPLIED = "applied"
REFUSED = "refused"
UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What became of a reload: ``applied``, ``refused`` or ``unchanged``, in one line as ``message``.

    ``generation`` runs now, ``before`` ran before; equal unless it was applied. ``findings`` is the text of
    the findings that refused it, with their lines. ``seconds`` is how long it took.

    >>> result = await app.reload()  # doctest: +SKIP
    >>> if not result.is_ok:  # doctest: +SKIP
    ...     print(result.message, result.findings)
    """

    outcome: str
    generation: str
    before: str
    seconds: float
    message: str
    findings: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the configuration that was asked for is running now."""
        return self.outcome != REFUSED

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON values for ``from_dict``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of ``as_dict``. Raises KeyError, TypeError or ValueError for anything else."""
        texts = {name: str(data[name]) for name in ("outcome", "generation", "before", "message")}
        return cls(**texts, seconds=float(data["seconds"]), findings=str(data.get("findings", "")))
