"""Importing what a configuration names: every way it fails is told apart, and nothing escapes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamroute.compiler.resolve.importer import Importer, Resolved, isolated_imports
from streamroute.expressions.problem import Problem


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    package = tmp_path / "srsh"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "handlers.py").write_text("LIMIT = 3\ndef welcome(payload): ...\n")
    with isolated_imports(tmp_path):
        yield tmp_path


def problem_of(importer: Importer, reference: str) -> Problem:
    found = importer.resolve(reference)
    assert isinstance(found, Problem)
    return found


def test_a_path_resolves_from_the_configuration_s_folder(folder: Path) -> None:
    found = Importer(folder).resolve("srsh.handlers.welcome")
    assert isinstance(found, Resolved)
    assert found.value.__name__ == "welcome"


def test_the_folder_is_once_at_the_end_of_the_path(folder: Path) -> None:
    for _ in range(2):
        Importer(folder).resolve("srsh.handlers.welcome")
    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


def test_imports_are_forgotten_so_that_another_folder_may_use_the_names(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "srsh").mkdir(parents=True)
    (other / "srsh" / "handlers.py").write_text("def bye(payload): ...\n")
    with isolated_imports(folder):
        Importer(folder).resolve("srsh.handlers.welcome")
    assert "srsh" not in sys.modules
    assert str(folder) not in sys.path
    with isolated_imports(other):
        assert isinstance(Importer(other).resolve("srsh.handlers.bye"), Resolved)


@pytest.mark.parametrize(
    ("reference", "caret", "text"),
    [
        ("srsh.handler.f", "handler", 'no module "handler" in package "srsh"; did you mean "handlers"?'),
        (
            "srhs.handlers.f",
            "srhs",
            'no module "srhs" in FOLDER/ or among the installed packages; did you mean "srsh"?',
        ),
        (
            "srsh.handlers.welcome.f",
            "srsh.handlers.welcome",
            '"srsh.handlers" is a module, not a package: it has no module "welcome"',
        ),
    ],
)
def test_the_missing_part_of_a_path_is_named(folder: Path, reference: str, caret: str, text: str) -> None:
    problem = problem_of(Importer(folder), reference)
    assert (problem.code, problem.text) == ("SR401", text.replace("FOLDER", folder.name))
    assert reference[problem.start : problem.end].endswith(caret.rpartition(".")[2])


def test_a_missing_attribute_is_reported_with_a_suggestion(folder: Path) -> None:
    problem = problem_of(Importer(folder), "srsh.handlers:welcom")
    assert problem.code == "SR402"
    assert problem.text == 'module "srsh.handlers" has no attribute "welcom"; did you mean "welcome"?'
    assert problem.start == len("srsh.handlers:")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise BaseException", "BaseException"),
        ("import srsh_lacks_this", "ModuleNotFoundError: No module named 'srsh_lacks_this'"),
        ("import srsh.lacks_this", "ModuleNotFoundError: No module named 'srsh.lacks_this'"),
        ("from srsh.handlers import nothing", "ImportError: cannot import name 'nothing'"),
    ],
)
def test_a_module_that_raises_is_reported_with_the_users_line(folder: Path, code: str, said: str) -> None:
    (folder / "srsh" / "bad.py").write_text(f"# a comment\n{code}\n")
    problem = problem_of(Importer(folder), "srsh.bad.f")
    assert problem.code == "SR407"
    assert problem.message.startswith(f'could not import "srsh.bad": {said}')
    assert problem.help == "raised at srsh/bad.py:2"


def test_a_syntax_error_is_reported_with_its_line(folder: Path) -> None:
    (folder / "srsh" / "bad.py").write_text("x = 1\ndef f(:\n")
    problem = problem_of(Importer(folder), "srsh.bad.f")
    assert problem.code == "SR407"
    assert "SyntaxError" in problem.message
    assert problem.help == "raised at srsh/bad.py:2"


def test_a_failing_import_points_into_what_it_imports(folder: Path) -> None:
    (folder / "srsh" / "deep.py").write_text("\n\nraise ValueError('no database')\n")
    (folder / "srsh" / "bad.py").write_text("import srsh.deep\n")
    assert problem_of(Importer(folder), "srsh.bad.f").help == "raised at srsh/deep.py:3"


def test_a_module_that_raised_is_blamed_once(folder: Path) -> None:
    (folder / "srsh" / "bad.py").write_text("1 / 0\n")
    importer = Importer(folder)
    problem_of(importer, "srsh.bad.f")
    assert importer.resolve("srsh.bad.g") is None


def test_a_module_s_own_getattr_may_raise_anything(folder: Path) -> None:
    (folder / "srsh" / "odd.py").write_text("def __getattr__(name): raise KeyError(name)\n")
    problem = problem_of(Importer(folder), "srsh.odd.f")
    assert (problem.code, problem.message) == ("SR407", "could not read \"srsh.odd.f\": KeyError: 'f'")


def test_a_module_may_put_an_object_in_its_place(folder: Path) -> None:
    code = "import sys\nclass Lazy:\n    def welcome(self, payload): ...\nsys.modules[__name__] = Lazy()\n"
    (folder / "srsh" / "lazy.py").write_text(code)
    importer = Importer(folder)
    assert isinstance(importer.resolve("srsh.lazy.welcome"), Resolved)
    assert problem_of(importer, "srsh.lazy.welcom").suggestion == "welcome"


def test_a_module_that_python_finds_elsewhere_is_reported(folder: Path) -> None:
    (folder / "pytest.py").write_text("def f(payload): ...\n")
    problem = problem_of(Importer(folder), "pytest.f")
    assert problem.code == "SR406"
    assert "not from pytest.py in this folder" in problem.message


def test_a_folder_without_python_code_shadows_nothing(folder: Path) -> None:
    (folder / "pytest").mkdir()
    assert isinstance(Importer(folder).resolve("pytest.raises"), Resolved)


def test_prints_of_a_module_go_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "srsh" / "loud.py").write_text("print('hello')\nf = 1\n")
    Importer(folder).resolve("srsh.loud.f")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_a_module_that_is_not_allowed_is_not_even_imported(folder: Path) -> None:
    (folder / "srsh" / "mark.py").write_text("1 / 0\n")
    problem = problem_of(Importer(folder, ("other",)), "srsh.mark.f")
    assert problem.code == "SR405"
    assert "srsh" not in sys.modules
