"""Messages in the midst of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamroute.delivery import Delivery
from streamroute.message import Message


def message_of(payload: Mapping[str, Any], **facts: Any) -> Message:
    """Return a message with these facts, each the message's own or its delivery's."""
    known = {name: facts.pop(name) for name in Delivery.__slots__ if name in facts}
    message = Message(payload, **facts)
    for name, value in known.items():
        setattr(message.delivery, name, value)
    return message
