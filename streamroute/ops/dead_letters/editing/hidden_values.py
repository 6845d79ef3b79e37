"""Puts the hidden values of a payload back after it was edited without them."""

from __future__ import annotations

import json
from typing import Any

from streamroute.ops.dead_letters.editing.document import InvalidEditError
from streamroute.redaction.values import REDACTED


def restore_hidden(edited: Any, shown: Any, original: Any) -> Any:
    """Return the edited payload with the original values where what was shown was left unchanged.

    Raises InvalidEditError if a hidden value was moved or copied: which one it stands for is unknown.
    """
    if isinstance(edited, dict) and isinstance(shown, dict) and isinstance(original, dict):
        pairs = edited.items()
        return {key: restore_hidden(value, shown.get(key), original.get(key)) for key, value in pairs}
    if _are_lists(edited, shown, original) and len(edited) == len(shown) == len(original):
        return [restore_hidden(*values) for values in zip(edited, shown, original, strict=True)]
    if type(edited) is type(shown) and edited == shown:
        return original
    if REDACTED in json.dumps(edited, ensure_ascii=False):
        raise InvalidEditError(f"{REDACTED} was moved or copied; write a value, or leave it where it was")
    return edited


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, list) for value in values)
