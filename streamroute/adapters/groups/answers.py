"""Answers about a group, some of which the server may have refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from redis.exceptions import ClusterDownError, MasterDownError, ResponseError, TryAgainError

from streamroute.adapters.redis.replies import attributes, text

_UNAVAILABLE: Final = (ClusterDownError, MasterDownError, TryAgainError)


def answer_or_none(answer: Any) -> Any:
    """Return an answer, or None if the command was refused; raises errors that affect the whole server."""
    if not isinstance(answer, Exception):
        return answer
    if isinstance(answer, _UNAVAILABLE) or not isinstance(answer, ResponseError):
        raise answer
    return None


def group_attributes(answer: Any, name: str) -> dict[str, Any]:
    """Return the attributes of a group in a reply of XINFO GROUPS; empty if it does not exist."""
    groups: Iterable[Any] = answer_or_none(answer) or ()
    known = [attributes(group) for group in groups]
    return next((group for group in known if text(group["name"]) == name), {})
