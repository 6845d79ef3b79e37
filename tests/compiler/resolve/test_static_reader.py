"""Handlers read, not run: what is certain is what importing finds, the rest is said to be unknown."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.resolve import module_finder as module_files
from streamroute.compiler.resolve import static_reader as source_reading
from streamroute.compiler.resolve.call_signature import SignatureProblem, handler_call
from streamroute.compiler.resolve.importer import Importer, Resolved, isolated_imports
from streamroute.compiler.resolve.references import UNVERIFIED
from streamroute.compiler.resolve.static_reader import StaticReader
from streamroute.config.paths import list_folder
from streamroute.expressions.problem import Problem

_NUMBERS = count()

SOURCE = """
from functools import wraps
from os.path import join
import json

def plain(payload): ...
async def with_container(payload, container): ...
def with_keys(payload, *, template, size=1): ...
def positional(payload, /, container, template="x"): ...
def anything(*args, **kwargs): ...
def nothing(): ...
def only_keys(*, payload): ...
def needs_more(payload, container, third): ...
def default_second(payload, other=None): ...
def generator(payload):
    yield payload
async def async_generator(payload):
    yield payload
def holds_generator(payload):
    def inner():
        yield 1
    return inner

def decorate(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

@decorate
def decorated(payload): ...

class Handler:
    def __call__(self, payload): ...

instance = Handler()
assigned = plain
number = 3

def twice(payload): ...
def twice(payload, container): ...

if number == 3:
    def conditional(payload): ...
else:
    conditional = None

def changes(payload):
    global changed
    changed = 1

def changed(payload): ...
def gone(payload): ...
del gone
"""

ARGUMENTS: list[dict[str, Any]] = [
    {}, {"template": "a"}, {"templat": "a"}, {"payload": 1}, {"third": 1}, {"size": 2}
]  # fmt: skip
NAMES = (
    "plain", "with_container", "with_keys", "positional", "anything", "nothing", "only_keys", "needs_more",
    "default_second", "generator", "async_generator", "holds_generator", "decorated", "Handler", "instance",
    "assigned", "number", "twice", "conditional", "changed", "gone", "join", "json", "plian", "missing",
)  # fmt: skip
CERTAIN = (
    "plain", "with_container", "with_keys", "positional", "anything", "nothing", "only_keys", "needs_more",
    "default_second", "generator", "async_generator", "holds_generator", "plian", "missing",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with isolated_imports(tmp_path):
        yield tmp_path


def package(folder: Path, **sources: str) -> str:
    """A package of a name that no other test has, with these modules."""
    name = f"read_{next(_NUMBERS)}"
    (folder / name).mkdir()
    for module, source in {"__init__": "", **sources}.items():
        (folder / name / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return name


def imported(folder: Path, text: str, arguments: Mapping[str, Any]) -> list[SignatureProblem]:
    """What importing finds."""
    found = Importer(folder).resolve(text)
    if isinstance(found, Problem):
        return [SignatureProblem(found)]
    assert isinstance(found, Resolved)
    call = handler_call(found.value, text, arguments)
    return call if isinstance(call, list) else []


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_problems_found_by_reading_are_found_by_importing_too(
    folder: Path, name: str, arguments: dict[str, Any]
) -> None:
    """And where reading has nothing to say, neither has importing."""
    text = f"{package(folder, handlers=SOURCE)}.handlers.{name}"
    read = StaticReader(folder).handler(text, arguments)
    if not [problem for problem in read if problem.problem.code == UNVERIFIED]:
        assert read == imported(folder, text, arguments)
        assert name in CERTAIN
    else:
        assert name not in CERTAIN


def problem(folder: Path, text: str, allow: tuple[str, ...] | None = None) -> tuple[str, str]:
    found = StaticReader(folder, allow).read(text)
    assert isinstance(found, Problem)
    return found.code, found.text


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("decorated", "is decorated"),
        ("Handler", "is a class"),
        ("instance", "is not a plain function"),
        ("twice", "is assigned more than once"),
        ("conditional", "is assigned more than once"),
        ("changed", "is assigned more than once"),
        ("join", "is imported from another module"),
    ],
)
def test_anything_but_a_plain_def_is_unverified(folder: Path, name: str, what: str) -> None:
    text = f"{package(folder, handlers=SOURCE)}.handlers.{name}"
    assert problem(folder, text) == (UNVERIFIED, f'"{text}" {what}, so its source alone cannot verify it')


def test_reading_runs_no_code(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = package(folder, __init__="raise SystemExit('ran')", handlers="print('ran')\ndef run(payload): ...")
    before = set(sys.modules), list(sys.path)
    assert StaticReader(folder).handler(f"{name}.handlers.run", {}) == []
    assert (set(sys.modules), sys.path) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "source",
    [
        "from os.path import *",
        "def __getattr__(name): ...",
        "globals()['run'] = print",
        "import sys\nsys.modules[__name__] = 1",
        "exec('run = 1')",
        "def f(): global run\n",
        "(lambda x=(run := 1): x)()",
    ],
)
def test_a_module_may_bind_names_dynamically(folder: Path, source: str) -> None:
    assert problem(folder, f"{package(folder, handlers=source)}.handlers.run")[0] == UNVERIFIED


def test_a_missing_module_of_the_project_is_an_error_as_importing_has_it(folder: Path) -> None:
    text = f"{package(folder, handlers=SOURCE)}.handlrs.plain"
    assert [problem.problem for problem in imported(folder, text, {})] == [StaticReader(folder).read(text)]


def test_a_path_that_continues_after_a_module_is_an_error(folder: Path) -> None:
    text = f"{package(folder, handlers=SOURCE)}.handlers.plain.name"
    assert [problem.problem for problem in imported(folder, text, {})] == [StaticReader(folder).read(text)]


def test_a_package_that_is_not_here_is_unknown_since_it_may_be_elsewhere(folder: Path) -> None:
    package(folder)
    (folder / "shop").mkdir()
    (folder / "shop/__init__.py").touch()
    assert problem(folder, "shpo.handlers.run") == (
        UNVERIFIED,
        'no module "shpo" was found, so "shpo.handlers.run" is not verified; did you mean "shop"?',
    )


def test_a_package_that_changes_its_own_path_is_unknown(folder: Path) -> None:
    name = package(folder, __init__="__path__.append('elsewhere')")
    assert problem(folder, f"{name}.handlers.run")[0] == UNVERIFIED


def test_a_namespace_package_may_have_further_parts_elsewhere(folder: Path) -> None:
    (folder / "spaced").mkdir()
    assert problem(folder, "spaced.handlers.run")[0] == UNVERIFIED


def test_a_module_without_source_is_unknown(folder: Path) -> None:
    (folder / "compiled_only.pyc").touch()
    assert problem(folder, "compiled_only.run")[0] == UNVERIFIED


def test_a_file_that_is_not_python_is_an_error_once(folder: Path) -> None:
    name = package(folder, handlers="def run(payload:\n")
    reader = StaticReader(folder)
    first = reader.read(f"{name}.handlers.run")
    assert isinstance(first, Problem)
    assert (first.code, first.help) == ("SR407", f"raised at {name}/handlers.py:1")
    assert reader.read(f"{name}.handlers.walk") is None
    assert reader.handler(f"{name}.handlers.walk", {}) == []


def test_a_module_is_no_handler(folder: Path) -> None:
    name = package(folder, handlers="")
    message = f'"{name}.handlers" is a module, which cannot be called'
    assert problem(folder, f"{name}.handlers") == ("SR403", message)


def test_modules_that_are_not_allowed_are_not_read(folder: Path) -> None:
    assert problem(folder, "os.path.join")[0] == "SR405"
    assert problem(folder, "shop.run", allow=("other",))[0] == "SR405"
    assert problem(folder, "run")[0] == "SR401"


def test_a_module_that_python_finds_elsewhere_first_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a").mkdir()
    name = package(folder / "a", handlers=SOURCE)
    (folder / "b" / name).mkdir(parents=True)
    (folder / "b" / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder / "b")
    code, text = problem(folder / "a", f"{name}.handlers.plain")
    assert code == "SR406"
    assert text == f'"{name}" is imported from {folder}/b/{name}/__init__.py, not from {name} in this folder'


def test_a_module_that_is_a_link_to_elsewhere_is_not_read(folder: Path) -> None:
    (folder / "project").mkdir()
    (folder / "secret.py").write_text("def known_to_nobody(payload: ...\n")
    (folder / "project/linked.py").symlink_to("../secret.py")
    (folder / "project/up").symlink_to("..")
    for text in ("linked.run", "up.secret.run"):
        output = f'"{text}" could not be read: the file is outside the configuration folder'
        code, message = problem(folder / "project", text)
        assert (code, message.partition(":")[0]) == (UNVERIFIED, output.partition(":")[0])
    assert "secret" not in problem(folder / "project", "up.secrte.run")[1].replace("secrte", "")
    assert StaticReader(folder / "project", outside=True).handler("up.secrets.run", {}) != []


def test_a_link_to_elsewhere_is_not_read_if_python_searches_the_folder_above_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "project").mkdir()
    (folder / "secret.py").write_text("def known_to_nobody(payload: ...\n")
    (folder / "project/linked.py").symlink_to("../secret.py")
    monkeypatch.syspath_prepend(folder)
    assert problem(folder / "project", "linked.run")[0] == UNVERIFIED


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def run(payload): ...\n" + "a;" * 130_000, "could not be read: the file is larger than 0.25 MB"),
        ("x = " + "-" * 200_000 + "1", "nested too deep to be parsed"),
        *(("x = a" + ".b" * levels, "nested too deep to be parsed") for levels in (1_000, 5_000, 100_000)),
    ],
)
def test_a_module_that_would_take_all_memory_or_stack_is_unknown(folder: Path, source: str, why: str) -> None:
    code, text = problem(folder, f"{package(folder, handlers=source)}.handlers.run")
    assert code == UNVERIFIED
    assert why in text


def test_a_module_of_a_thousand_levels_is_read(folder: Path) -> None:
    source = f"x = a{'.b' * 990}\ndef run(payload): ...\n"
    assert StaticReader(folder).handler(f"{package(folder, handlers=source)}.handlers.run", {}) == []


def test_modules_have_a_limit_together(folder: Path) -> None:
    names = [f"part{number}" for number in range(20)]
    name = package(folder, **dict.fromkeys(names, "def run(payload): ...\n#" + "x" * 240_000))
    reader = StaticReader(folder)
    found = [reader.read(f"{name}.{module}.run") for module in names]
    assert [isinstance(one, Problem) for one in found] == [False] * 8 + [True] * 12


@pytest.mark.timeout(60)
def test_a_module_that_is_a_device_is_not_waited_for(folder: Path) -> None:
    (folder / "endless.py").symlink_to("/dev/zero")
    assert problem(folder, "endless.run")[0] == UNVERIFIED


def test_a_folder_is_listed_once_for_many_missing_modules(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Path] = []

    def spy(path: Path) -> list[Path]:
        listed.append(path)
        return list_folder(path)

    monkeypatch.setattr(module_files, "list_folder", spy)
    monkeypatch.setattr(source_reading, "list_folder", spy)
    reader = StaticReader(folder)
    for number in range(50):
        found = reader.read(f"missing{number}.handlers.run")
        assert isinstance(found, Problem)
        assert found.code == UNVERIFIED
    assert listed.count(folder) <= 2
