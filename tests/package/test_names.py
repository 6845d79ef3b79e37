"""A class name means one thing: none stands twice in the package, and none is also a class of redis-py."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import Final

import redis

import streamroute

PACKAGE = Path(streamroute.__file__).parent
REDIS = Path(redis.__file__).parent

ALLOWED: Final = {
    "Retry": "public: a handler raises it",
    "RetryPolicy": "public: the default of a dispatcher",
    "Pipeline": "what one configuration contributes to one stream; redis-py's is met in the adapters alone",
    "Filter": "a route's key has this name; redis-py's belongs to its search",
    "Document": "the configuration as objects; redis-py's belongs to its search",
    "Result": "public: an observer receives it; redis-py's belongs to its search",
}
"""Names of redis-py that stay, and why."""


def classes(folder: Path) -> dict[str, list[str]]:
    """The files that define each class, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(folder)))
    return found


def test_class_names_are_unique() -> None:
    assert {name: files for name, files in classes(PACKAGE).items() if len(files) > 1} == {}


def test_no_class_has_a_name_of_redis_py() -> None:
    """Of any of its modules: some cannot be imported without their extras, so the source is read."""
    public = {name for name in classes(REDIS) if not name.startswith("_")}
    assert {"Redis", "RedisError", "Script"} <= public
    assert {name for name in classes(PACKAGE) if name in public} == ALLOWED.keys()
