"""The ordering key of a message, evaluated from ``order_by``."""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from streamroute.expansion import refuse_expanding
from streamroute.logs.coalescing import NEVER_COALESCED

if TYPE_CHECKING:
    from streamroute.core.consume.pool.key_ordering import KeyOf

log = logging.getLogger(__name__)


def order_key(expression: str) -> KeyOf:
    """Compile the ordering key of payloads, for ``RedisStreamProcessor(order_by=...)``.

    Raises ExpressionError for an expression that fails on every message.
    """
    from streamroute.expressions.filters import failure_text
    from streamroute.expressions.values import compile_value

    evaluate, warned = compile_value(expression), False

    def key_of(payload: dict[str, Any]) -> Hashable | None:
        nonlocal warned
        try:
            return hashable_key(evaluate(payload))
        except BaseException as error:  # noqa: BLE001 - on any failure the message starts without an order
            if not warned:
                warned = True
                template = "order_by %s failed, so its messages are not ordered: %s"
                log.warning(template, expression, failure_text(error), extra=NEVER_COALESCED)
            return None

    return key_of


def hashable_key(value: Any) -> Hashable | None:
    """Return a hashable value, equal for two values exactly if they are equal in JMESPath: true is not 1."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, (int, float)):
        return value if type(value) in (int, float) else float(value)
    refuse_expanding(value)
    return ("json", json.dumps(value, sort_keys=True, default=repr))
