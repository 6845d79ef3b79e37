"""Values are immutable; the mutable ones are listed here."""

from __future__ import annotations

import pkgutil
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

from streamroute import adapters

CHANGING = {
    "Cluster",
    "MemoryGroup",
    "MemoryPause",
    "Pending",
    "UnfinishedWork",
    "_ReadRequest",
    "_StepParts",
    "_Tally",
    "_Written",
}


def dataclasses_of_adapters() -> dict[str, Any]:
    """Return every dataclass defined in a module of the adapters, by name."""
    modules = [
        import_module(found.name)
        for found in pkgutil.walk_packages(adapters.__path__, "streamroute.adapters.")
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__
    }


def test_a_value_cannot_be_changed_unless_it_is_named_here() -> None:
    frozen = {name: value.__dataclass_params__.frozen for name, value in dataclasses_of_adapters().items()}
    assert {name for name, is_frozen in frozen.items() if not is_frozen} == CHANGING
