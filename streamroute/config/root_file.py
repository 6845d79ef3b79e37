"""Find the root configuration of an included file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamroute.config.files.includes import collect_includes
from streamroute.config.files.loader import load_file
from streamroute.config.json_schema import ROOT_ONLY
from streamroute.config.load import FILE_NAME
from streamroute.config.paths import is_file
from streamroute.system.named_files import read_named
from streamroute.text.lazy_pattern import lazy_pattern

_ROOT_KEY: Final = lazy_pattern(rf"^[\"']?(?:{'|'.join(ROOT_ONLY)})[\"']?[ \t]*:", re.MULTILINE)


def find_root(path: Path) -> Path:
    """Return the routes.yaml that includes ``path``, in its folder or one above, else ``path`` itself.

    A file with a root-only key is its own root. A routes.yaml of another user in a folder above (such as
    ``/tmp``) is ignored: it would decide which code runs.
    """
    if not is_file(path) or _ROOT_KEY.search(_text(path)):
        return path
    for candidate in _candidates(path):
        if _includes(candidate, path):
            return find_root(candidate)
    return path


def _text(path: Path) -> str:
    try:
        return read_named(path).decode(errors="replace")
    except OSError:
        # Loading the file reports the error.
        return ""


def _candidates(path: Path) -> Iterator[Path]:
    # Keep the path relative or absolute as given: findings name the files as the user would.
    folder = path.parent
    for parent in (folder, *_parents(folder)):
        candidate = parent / FILE_NAME
        if is_file(candidate) and not candidate.samefile(path) and _is_trusted(candidate, path):
            yield candidate


def _is_trusted(candidate: Path, path: Path) -> bool:
    return candidate.stat().st_uid in {path.stat().st_uid, os.geteuid(), 0}


def _parents(folder: Path) -> Iterator[Path]:
    yield from folder.parents
    if not folder.is_absolute():
        outside = Path(os.path.relpath(Path.cwd().parent))
        for _ in Path.cwd().parents:
            yield outside
            outside = outside / ".."


def _includes(candidate: Path, path: Path) -> bool:
    loaded = load_file(candidate)
    if loaded.source is None:
        return False
    included = collect_includes(loaded.source).files
    return any(Path(file.path).samefile(path) for file in included if is_file(file.path))
