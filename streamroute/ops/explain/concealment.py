"""What an explanation shows of a message whose configuration hides some of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from streamroute.redaction.values import REDACTED

if TYPE_CHECKING:
    from streamroute.compiler.dry_run import Decision
    from streamroute.payload_redaction import PayloadRedactor
    from streamroute.redaction.derived import DerivedValues

_NAMES: Final = re.compile(r"\w+(?:-\w+)*")


class ConcealedMessage:
    """Hides the values of one message in decisions on it (a ``Concealment`` of their traces)."""

    def __init__(self, redactor: PayloadRedactor, message: Mapping[str, Any]) -> None:
        self._redactor = redactor
        self._derived: DerivedValues = redactor.derived_from(message)

    def value(self, value: Any, *, path: str | None) -> Any:
        """See ``Concealment``: a path to a hidden field shows nothing, not even a boolean."""
        if path is not None and value is not None and self._derived.names & set(_NAMES.findall(path)):
            return REDACTED
        return self._derived.value(value)

    def text(self, text: str) -> str:
        """See ``Concealment``."""
        return self._derived.text(text)

    def decision(self, decision: Decision) -> Decision:
        """Return a decision that shows no hidden value."""
        traced, handed = decision.filter, decision.handler_payload
        if traced is not None:
            traced.concealment = self
        if handed is not None:
            # A transform gives the fields another shape: they are found by their names and values.
            handed = self._derived.value(self._redactor.redact(handed))
        side = decision.side
        if side is not None:
            placement = side.placement
            shown = replace(
                placement, value=self._derived.value(placement.value), error=self.text(placement.error)
            )
            side = replace(side, placement=shown)
        error = self.text(decision.transform_error)
        return replace(decision, handler_payload=handed, transform_error=error, side=side)
