"""Regular expressions that are compiled at their first use: most commands need few of them."""

from __future__ import annotations

import re
from typing import Any, Final, cast

_METHODS: Final = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")


class LazyPattern:
    """A regular expression with the methods of ``re.Pattern``."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def compiled(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self._pattern, self._flags)

    def __getattr__(self, name: str) -> Any:  # until the first use: then the instance has the methods
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = self.compiled()
        vars(self).update({method: getattr(compiled, method) for method in _METHODS})
        return vars(self)[name]


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return the expression, to be used by its methods only; an error in it is raised by the first use."""
    return cast("re.Pattern[str]", LazyPattern(pattern, flags))
