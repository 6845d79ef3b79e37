"""Parse JSON up to a depth that is the same for every version of Python."""

from __future__ import annotations

import json
from typing import Any

from streamroute.text.json_problems import MAX_DEPTH, nesting_offset


def loads_bounded(text: str) -> Any:
    """Return the value of a JSON text.

    Raises ValueError for other text, and RecursionError for more than ``MAX_DEPTH`` levels. Python's parser
    raises it itself: at about 1,000 levels in 3.11, and at more than 50,000 in 3.14.
    """
    brackets = text.count("[") + text.count("{")
    if brackets > MAX_DEPTH and nesting_offset(text, MAX_DEPTH) is not None:
        raise RecursionError
    return json.loads(text)
