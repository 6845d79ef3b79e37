"""Writes out a template: the content of every file of a new project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import streamroute
from streamroute.cli.starter.template import Template
from streamroute.config.json_schema import ROUTES, TESTS, schema_text

_FALLBACK: Final = "greetings"


def project_files(template: Template, name: str) -> dict[str, bytes]:
    """Return the content of each file by its path, sorted; ``name`` is what ``project_name`` returns.

    A resource ``dot-NAME`` is the file ``.NAME``, PROJECT in a name is the project's, and ``NAME.in`` has
    placeholders. They are not stored under their names, since tools would take them for this repository's.
    """
    words = _placeholders(template, name)
    folder = resources.files("streamroute.cli.starter").joinpath("templates")
    files = {ROUTES: schema_text(ROUTES).encode(), TESTS: schema_text(TESTS).encode()}
    for part in template.folders:
        for path, content in _resources(folder.joinpath(part), ""):
            target = path.replace("PROJECT", name)
            if path.endswith(".in"):
                files[target.removesuffix(".in")] = _filled(content.decode(), words).encode()
            else:
                files[target] = content
    return dict(sorted(files.items()))


def _resources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = prefix + re.sub("^dot-", ".", entry.name)
        if entry.is_file():
            yield name, entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _resources(entry, f"{name}/")


def _placeholders(template: Template, name: str) -> dict[str, str]:
    return {
        "COMMAND": " ".join(template.command),
        "CONTAINER_COMMAND": json.dumps(template.container_command),
        "DEPENDENCIES": _lines(_dependencies(template)),
        "DEV": _lines(_dev_dependencies(template)),
        "RUN_OPTIONS": " ".join([*template.run_options, *map(_environment_option, template.variables)]),
        "VARIABLES": " ".join(template.variables),
        "PROJECT": name,  # last: the others may contain it
    }


def _environment_option(variable: str) -> str:
    return f"-e {variable.partition('=')[0]}=..."


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _lines(requirements: list[str]) -> str:
    return "\n".join(f"  {json.dumps(requirement)}," for requirement in requirements)


def _dependencies(template: Template) -> list[str]:
    return sorted([*template.requires, f"streamroute~={streamroute.__version__}"])


def _dev_dependencies(template: Template) -> list[str]:
    ours = ["pre-commit>=4", "pytest-asyncio>=1.0", "pytest>=8.3", "ruff>=0.9", "streamroute[embedded]"]
    return sorted([*template.dev, *ours])


def project_name(folder: str, template: Template) -> str:
    """Return a name for a distribution, a user and a unit, made of the folder's name.

    At most 31 characters, as a user's name may have. A name that is empty or does not start with a letter
    is replaced, and one that the project depends on gets a suffix: pip would take one for the other.
    """
    name = re.sub("[^a-z0-9]+", "-", folder.lower())[:27].strip("-")
    if not re.match("[a-z]", name):
        name = _FALLBACK
    taken = {
        re.split(r"[^a-z0-9-]", requirement)[0]
        for requirement in (*_dependencies(template), *_dev_dependencies(template))
    }
    return f"{name}-app" if name in taken else name
