"""A class name means one thing: none stands twice in the package, and none is also a class of redis-py."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import redis
import redis.asyncio
import redis.exceptions

import streamroute

PACKAGE = Path(streamroute.__file__).parent


def classes() -> dict[str, list[str]]:
    """The files that define each class, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    return found


def test_class_names_are_unique() -> None:
    assert {name: files for name, files in classes().items() if len(files) > 1} == {}


def test_no_class_has_a_name_of_redis_py() -> None:
    modules = (redis, redis.asyncio, redis.exceptions)
    public = {name for module in modules for name in dir(module) if not name.startswith("_")}
    assert {name: files for name, files in classes().items() if name in public} == {}
