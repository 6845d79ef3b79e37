"""A configuration loaded from its record, on what hypothesis thinks up."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.config.load import recording_reader
from streamroute.system.files import FolderEntry
from streamroute.system.opening import FileKind
from streamroute.system.recording import RecordedFiles, RecordingReader

ROOT: Final = "project/routes.yaml"
FRAGMENTS: Final = ("project/a/routes.yaml", "project/b/routes.yaml", "project/a/c.yaml", "outside/o.yaml")
SCHEMAS: Final = ("project/schemas/s.json", "project/schemas/t.yaml", "project/a/u.json", "outside/v.json")
TESTS: Final = ("project/routes.test.yaml",)
FOLDERS: Final = ("project/schemas", "outside")
LINKS: Final = ("project/link", "project/a/link.yaml", "project/schemas/link.json", "project/b")
TARGETS: Final = (
    "a",
    "..",
    "../a",
    "c.yaml",
    "../outside",
    "../../outside/o.yaml",
    "s.json",
    "absent",
    "link",
)
INCLUDES: Final = (
    "*/routes.yaml", "a/*.yaml", "**/*.yaml", "a/c.yaml", "b/../a/c.yaml", "link/../a/c.yaml", "link/*",
    "../outside/o.yaml", "../outside/*", "../*/*.yaml", "absent.yaml", "a", "routes.yaml",
    "{top}/project/a/c.yaml", "{top}/outside/*.yaml", "a\0b", "x" * 300,
)  # fmt: skip
REFERENCES: Final = (
    "schemas/s.json", "schemas/t.yaml", "schemas/link.json", "a/u.json", "../outside/v.json", "schemas",
    "s.jsn", "{top}/outside/v.json", "{top}/project/schemas/s.json",
)  # fmt: skip
BROKEN: Final = (b"", b"\xff\xfe", b"version: 1\n\tx: 1\n", b"version: 1\nversion: 1\n", b"- 1\n", b"{")


@dataclass(frozen=True)
class Link:
    """A symbolic link in the tree."""

    target: str


PIPE: Final = object()
FOLDER: Final = object()
SEALED_FILE: Final = object()
"""A file that only root may read."""
SEALED_FOLDER: Final = object()
Tree = Mapping[str, Any]


@st.composite
def fragments(draw: st.DrawFn, *, root: bool = False) -> bytes:
    """A file of routes, mostly a valid one."""
    names = draw(st.lists(st.sampled_from("abcdef"), max_size=2))
    filters = [draw(st.sampled_from(["a == `1`", "guest.nmae", "a ="])) for _ in names]
    types = draw(st.dictionaries(st.sampled_from("tuv"), st.sampled_from(REFERENCES), max_size=2))
    data = {
        "version": 1,
        "streams": {"events": {"group": "g"}} if root else None,
        "include": draw(st.lists(st.sampled_from(INCLUDES), max_size=3)),
        "messages": {name: {"schema": schema} for name, schema in types.items()},
        "routes": [
            {"name": name, "type": "t", "filter": text, "handler": "streamroute.handlers.log"}
            for name, text in zip(names, filters, strict=True)
        ],
    }
    return json.dumps({key: value for key, value in data.items() if value}).encode()


@st.composite
def schemas(draw: st.DrawFn) -> bytes:
    """A schema file with a reference, mostly to another file."""
    target = draw(st.sampled_from([*REFERENCES, "t.yaml", "../a/u.json", "#/properties/n"]))
    return json.dumps({"type": "object", "properties": {"n": {}, "guest": {"$ref": target}}}).encode()


def route_test_file() -> bytes:
    test = {"name": "x", "message": {"type": "t", "guest": {"name": "Ada"}}, "routes": ["a"]}
    return json.dumps({"version": 1, "tests": [test]}).encode()


def trees() -> st.SearchStrategy[Tree]:
    odd = st.sampled_from([*BROKEN, PIPE, FOLDER, SEALED_FILE, SEALED_FOLDER])
    return st.fixed_dictionaries(
        {ROOT: st.one_of(*[fragments(root=True)] * 5, odd)},
        optional={
            **dict.fromkeys(LINKS, st.builds(Link, st.sampled_from(TARGETS))),
            **dict.fromkeys(FOLDERS, st.just(SEALED_FOLDER)),
            **dict.fromkeys(FRAGMENTS, st.one_of(*[fragments()] * 3, odd)),
            **dict.fromkeys(SCHEMAS, st.one_of(*[schemas()] * 3, odd)),
            **dict.fromkeys(TESTS, st.just(route_test_file()) | odd),
        },
    )


def plant(top: Path, tree: Tree) -> None:
    """Create the files; a path that another one makes impossible is left out."""
    for name, content in tree.items():
        path = top / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _create(path, content, top)
        except OSError:
            continue


def _create(path: Path, content: Any, top: Path) -> None:
    if content in {FOLDER, SEALED_FOLDER}:
        path.mkdir(0 if content is SEALED_FOLDER else 0o777)
    elif content is SEALED_FILE:
        path.touch(0)
    elif content is PIPE:
        os.mkfifo(path)
    elif isinstance(content, Link):
        path.symlink_to(content.target)
    else:
        with path.open("xb") as file:  # through a linked folder it may be there: writing to a pipe would wait
            file.write(content.replace(b"{top}", os.fsencode(top)))


class ChangingReader(RecordingReader):
    """Calls ``change`` before it answers a certain question; questions count from 0."""

    def __init__(self, path: str, folder: str | Path | None, change: Callable[[], None], at: int) -> None:
        self._questions = -1  # the first one is asked here
        self._change = change
        self._at = at
        super().__init__(path, folder)

    def _count(self) -> None:
        if self._questions == self._at:
            self._change()
        self._questions += 1

    def read_root(self, path: str | Path) -> bytes:
        self._count()
        return super().read_root(path)

    def kind(self, path: str | Path) -> FileKind:
        self._count()
        return super().kind(path)

    def real_path(self, path: str | Path) -> str:
        self._count()
        return super().real_path(path)

    def entries(self, folder: str) -> Iterator[FolderEntry]:
        self._count()
        for entry in super().entries(folder):
            self._count()
            yield entry

    def _content(self, path: str | Path, limit: int) -> bytes:
        self._count()
        return super()._content(path, limit)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def essence(result: CheckResult) -> str:
    """What a configuration does; as text, since locations compare by identity."""
    document = result.document
    if document is None:
        return repr((result.findings, sorted(result.sources)))
    parts = (
        result.findings,
        document.generation,
        document.folder,
        [route._replace(location=document.location) for route in document.routes],
        [stream._replace(location=document.location) for stream in document.streams.values()],
        {name: message.schema and message.schema.root for name, message in document.messages.items()},
        [(source.path, source.text) for source in (*document.sources, *document.schema_files)],
        sorted(result.sources),
    )
    return repr(parts)


@settings(max_examples=examples(1.5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    trees(),
    st.sampled_from(["routes.yaml", ".", "../project", "./routes.yaml", "{top}/project"]),
    st.booleans(),
)
def test_a_record_loads_as_the_files_did(tree: Tree, path: str, outside: bool) -> None:
    """The files are gone by then, and the working folder is another."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(os.path.realpath(name))
        (top / "project").mkdir()
        plant(top, tree)
        path = path.format(top=top)
        with working_in(top / "project"):
            plain = essence(check_path(path, imports=False, outside=outside))
            reader = recording_reader(path, outside=outside)
            recorded = essence(check_path(path, imports=False, files=reader))
            record = reader.record()
    replayed = essence(check_path(record.path, imports=False, files=RecordedFiles(record)))
    assert recorded == plain
    assert replayed == plain


@settings(max_examples=examples(1.5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(), trees(), st.integers(0, 40), st.booleans())
def test_what_was_checked_is_what_was_recorded(before: Tree, after: Tree, at: int, outside: bool) -> None:
    """The files change while they are read, between any two questions."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(os.path.realpath(name))
        (top / "project").mkdir()
        plant(top, before)

        def change() -> None:
            clear(top)
            plant(top, after)

        with working_in(top / "project"):
            reader = ChangingReader("routes.yaml", None if outside else ".", change, at)
            checked = essence(check_path("routes.yaml", imports=False, files=reader))
            record = reader.record()
    assert essence(check_path(record.path, imports=False, files=RecordedFiles(record))) == checked


def clear(top: Path) -> None:
    """Remove all but the working folder."""
    for folder, names, _ in os.walk(top):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(top / "outside", ignore_errors=True)
    for path in (top / "project").iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
