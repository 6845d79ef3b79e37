"""The mutation command itself: what operators generate, what they leave alone, what is explained."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from explanations import Explanation, flaws_of, load_explanations
from line_coverage import data_of
from lua_operators import lua_mutants
from mutate import ROOT, check_explanations, main
from mutation_report import Report
from mutation_results import Result, ResultFile
from mutation_targets import load_targets
from python_operators import python_mutants
from repository_copy import RepositoryCopy


def python_changes(source: str) -> list[str]:
    """Return the mutated sources of a module that differ from it in one line."""
    return [mutant.after for mutant in python_mutants("m.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b"]),
        ("a <= b", ["a < b"]),
        ("a > b", ["a >= b"]),
        ("a >= b", ["a > b"]),
        ("a == b", ["a != b"]),
        ("a != b", ["a == b"]),
        ("a is b", ["a is not b"]),
        ("a is not b", ["a is b"]),
        ("a in b", ["a not in b"]),
        ("a not in b", ["a in b"]),
        ("a < b < c", ["a <= b < c", "a < b <= c"]),
        ("a and b", ["a or b"]),
        ("a or b or c", ["a and b or c", "a or b and c"]),
        ("not a", ["a"]),
        ("not (a)", ["(a)"]),
        ("x[-i]", ["x[i]"]),
        ("a + b", ["a - b"]),
        ("(a) * (b)", ["(a) / (b)"]),
        ("a // b", ["a * b"]),
        ("a | b", ["a & b"]),
        ("x += y", ["x -= y"]),
        ("x = 1", ["x = 2"]),
        ("x = 0.5", ["x = 1.5"]),
        ("x = True", ["x = False"]),
        ("a if b else c", ["a if not (b) else c"]),
        ("[a for a in b if c]", ["[a for a in b if not (c)]"]),
        ("x = min(a)", ["x = max(a)"]),
        ("x = any(a)", ["x = all(a)"]),
        ("x = f(a, b=c)", ["x = f(a)"]),
        ("x = f(b=c, d=e)", ["x = f( d=e)", "x = f(b=c)"]),
        ("x = f(\n  b=c,\n  d=e,\n)", ["", ""]),
        ("f(a)", ["pass"]),
        ("self.a = b", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("del a[b]", ["pass"]),
        ("raise a", ["pass"]),
        ("é = a < b  # in characters", ["é = a <= b  # in characters"]),
    ],
)
def test_an_operator_makes_the_expected_mutants(source: str, expected: list[str]) -> None:
    assert python_changes(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("while x:\n  break", ["while not (x):", "continue"]),
        ("while x:\n  continue", ["while not (x):", "break"]),
        ("if x:\n  y", ["if not (x):"]),
        ("def f():\n  return x", ["return None"]),
        ("def f(a=1):\n  y", ["def f(a=2):"]),
        ("async def f():\n  await g()", ["pass"]),
    ],
)
def test_a_statement_is_turned_over_or_left_out(source: str, expected: list[str]) -> None:
    assert python_changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring, 1 < 2."""',
        'def f():\n  """A docstring."""',
        "def f(a: int | None = None) -> dict[str, int]: ...",
        "x: int | None",
        "__all__ = [a, b][1:]",
        "__slots__ = (a, b)[1:]",
        "if TYPE_CHECKING:\n  x = 1",
        "_log.warning(a, b, extra=1)",
        "self._logger.info(a + b)",
        "assert a < b",
        "x = zip(a, b, strict=True)",
        "@dataclass(slots=True)\nclass C: ...",
        "@lru_cache(maxsize=1)\ndef f(): ...",
        "T = TypeVar('T', bound=1)",
        "def f():\n  return None",
        "'text'",
        "x = f'{a:1}'",
    ],
)
def test_mutants_without_effect_are_skipped(source: str) -> None:
    assert python_changes(source) == []


def lua_changes(source: str) -> list[str]:
    return [mutant.after for mutant in lua_mutants("s.lua", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b"]),
        ("a >= b", ["a > b"]),
        ("a == b", ["a ~= b"]),
        ("a ~= b", ["a == b"]),
        ("a + 1", ["a - 1", "a + 2"]),
        ("a - 1", ["a + 1", "a - 2"]),
        ("f(-1)", ["f(-2)"]),
        ("a and b or c", ["a or b or c", "a and b and c"]),
        ("x = true", ["x = false"]),
        ("not x", ["x"]),
        ("math.min(a)", ["math.max(a)"]),
        ("x = KEYS[1] .. KEYS[2]", ["x = KEYS[2] .. KEYS[2]", "x = KEYS[1] .. KEYS[1]"]),
        ("x = KEYS[1]", ["x = KEYS[2]"]),
        ("x = ARGV[1] .. KEYS[1]", ["x = ARGV[2] .. KEYS[1]", "x = ARGV[1] .. KEYS[2]"]),
        ("x = t[1]", ["x = t[2]"]),
        ("redis.call('DEL', f(k))", [""]),
        (
            "if x then redis.call('DEL', k) end",
            ["if not (x) then redis.call('DEL', k) end", "if x then  end"],
        ),
        ("local x = redis.call('GET', k)", []),
        ("redis.call('GET', k)[1]", ["redis.call('GET', k)[2]"]),
        ("if f(x) then y() end", ["if not (f(x)) then y() end"]),
        ("if a then return {b, c} end", ["if not (a) then return {b, c} end", "if a then return nil end"]),
        ("return true", ["return false"]),
        ("for i = 1, n do break end", ["for i = 2, n do break end", "for i = 1, n do  end"]),
        ("x = '1 < 2' -- and 3 > 2", []),
    ],
)
def test_a_lua_operator_makes_the_expected_mutants(source: str, expected: list[str]) -> None:
    assert lua_changes(source) == expected


def test_each_mutant_of_the_package_compiles_and_changes_one_place() -> None:
    for path in sorted((ROOT / "streamroute" / "compiler").glob("*.py"))[:20]:
        source = path.read_text("utf-8")
        for mutant in python_mutants(path.name, source):
            text = mutant.apply(source)
            assert text != source
            ast.parse(text)


def test_a_mutant_records_the_lines_that_run_with_it() -> None:
    source = "def f(\n  a,\n  b=1,\n):\n  return g(\n    a,\n    2,\n  )\n"
    default, _, argument = python_mutants("m.py", source)
    assert (default.first_line, default.last_line, default.function) == (1, 4, "f")
    assert (argument.first_line, argument.last_line, argument.function) == (5, 8, "f")


def explanation(before: str, after: str, function: str | None = None) -> Explanation:
    return Explanation("m.py", before, after, "It cannot be told.", function)


def test_an_explained_survivor_is_not_reported() -> None:
    (mutant,) = python_mutants("m.py", "x = a < b")
    report = Report()
    report.add(mutant, Result("k", False, "", "t", 0.0), explanation("x = a < b", "x = a <= b"))
    assert report.survivors == []
    assert report.total == {"explained": 1}
    assert report.share() == 100


def test_an_explanation_of_a_caught_mutant_is_reported() -> None:
    (mutant,) = python_mutants("m.py", "x = a < b")
    report = Report()
    report.add(mutant, Result("k", True, "test", "t", 0.0), explanation("x = a < b", "x = a <= b"))
    assert any("caught, though explained" in line for line in report.lines())


def test_an_explanation_matches_one_mutant() -> None:
    source = "def f():\n  return x\ndef g():\n  return x\n"
    mutants = python_mutants("m.py", source)
    lines = ("return x", "return None")
    assert flaws_of([explanation(*lines, "f")], mutants) == []
    assert "name the function, one of f, g" in flaws_of([explanation(*lines)], mutants)[0]
    assert "no such mutant" in flaws_of([explanation("return y", "return None")], mutants)[0]
    assert "no such mutant" in flaws_of([explanation(*lines, "h")], mutants)[0]


def test_an_explanation_gives_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text('[[survivor]]\nfile = "m.py"\nbefore = "a"\nafter = "b"\nreason = " "\n')
    with pytest.raises(ValueError, match="no reason"):
        load_explanations(file)


def test_explained_survivors_exist() -> None:
    assert check_explanations(ROOT, load_explanations()) == []


def test_every_target_names_files(tmp_path: Path) -> None:
    assert set(load_targets(ROOT)) == {"core", "adapters", "clusters", "reload", "lua", "expressions"}
    file = tmp_path / "targets.toml"
    file.write_text('[x]\nsources = ["streamroute/nowhere.py"]\ntests = []\n')
    with pytest.raises(ValueError, match=r"no file is called streamroute/nowhere\.py"):
        load_targets(ROOT, file)


def test_a_caught_mutant_stays_caught_and_a_survivor_meets_new_tests(tmp_path: Path) -> None:
    results = ResultFile(tmp_path / "kept" / "x.jsonl")
    results.add(Result("a", True, "test", "old", 1.0))
    results.add(Result("b", False, "", "old", 1.0))
    read = ResultFile(tmp_path / "kept" / "x.jsonl")
    assert read.valid("a", "new") == Result("a", True, "test", "old", 1.0)
    assert read.valid("b", "old") == Result("b", False, "", "old", 1.0)
    assert read.valid("b", "new") is None
    assert read.valid("c", "new") is None


def test_a_test_depends_on_the_files_beside_it() -> None:
    files = ["tests/a/test_x.py", "tests/a/test_y.py", "tests/a/help.py", "tests/a/d/t.txt", "tests/b.py"]
    assert data_of("tests/a/test_x.py", files) == ["tests/a/help.py", "tests/a/d/t.txt"]


def test_a_mutant_is_written_to_a_copy_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / "m.py").write_text("x = 1\n")
    copy = RepositoryCopy(root, tmp_path / "copy")
    copy.update()
    with copy.mutated("m.py", "x = 2\n"):
        assert (root / "m.py").read_text() == "x = 1\n"
        assert (copy.folder / "m.py").read_text() == "x = 2\n"
    assert (copy.folder / "m.py").read_text() == "x = 1\n"
    (root / "m.py").unlink()
    copy.update()
    assert not (copy.folder / "m.py").exists()


def test_a_copy_has_the_links_to_folders_of_the_repository(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "schemas").mkdir(parents=True)
    (root / "schemas" / "a.json").write_text("{}")
    (root / "package").mkdir()
    (root / "package" / "schemas").symlink_to("../schemas")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    copy = RepositoryCopy(root, tmp_path / "copy")
    for _ in range(2):
        copy.update()
        assert (copy.folder / "package" / "schemas").resolve() == copy.folder / "schemas"
        assert (copy.folder / "package" / "schemas" / "a.json").read_text() == "{}"


def test_the_mutants_are_listed_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["expressions", "--paths", "compiler/type_patterns.py", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("streamroute/compiler/type_patterns.py:") for line in lines)
