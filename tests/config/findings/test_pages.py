"""Every rule has its page, whose wrong example it finds, and whose right example is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from rule_examples import RuleExample, RulePage
from streamroute.cli.commands.checking.run import CheckOptions, check
from streamroute.compiler.api import compile_routes
from streamroute.compiler.pipeline import check_path, cold_changes
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding

HANDLERS = """
def welcome(payload): ...

def send(payload, container, *, template): ...

def charge(payload: str): ...

@staticmethod
def notify(payload): ...

RATES = {"EUR": 1.0}
"""
MADE: dict[str, bytes | None] = {
    "SR001": None,
    "SR003": b"version: 1\n# " + b"x" * 11_000_000,
    "SR022": b"version: 1\nstreams: {a: }\ninclude: [%s]\n"
    % b", ".join(b"'[r%d]outes.yaml'" % number for number in range(34_000)),
    "SR017": b"version: 1\nx-id: " + b"1" * 5_000,
    "SR120": b"version: 1\nstreams: {bot_events: }\nmessages: {a: {schema: {patternProperties: {"
    + b", ".join(b"'a%d.{0,4000}': true" % number for number in range(1_000))
    + b"}}}}\n",
}
"""What is too much to be written into a page, or no file at all."""

HEAVY = {"SR022": pytest.param("SR022", marks=pytest.mark.deep)}
"""It looks for tens of thousands of files."""

OF_A_RUN = {"SR025", "SR026", "SR027"}
"""Findings about a run of ``check``, not about what a file says; see tests/cli/process/test_time_limit.py."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a few handlers, and none of the variables that the examples name."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "handlers.py").write_text(HANDLERS)
    for name in ("SHOP_REDIS_URL", "SHOP_CONCURRENCY", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found_in(example: RuleExample, code: str, folder: Path) -> tuple[Finding, ...]:
    files: dict[str, bytes | None] = {**example.files} or {"routes.yaml": MADE[code]}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
    with isolated_imports(folder):
        if code == "SR215":
            return tuple(check(CheckOptions(tuple(files))).report.findings)
        if code == "SR508":
            running, new = (check_path(name).document for name in ("running.yaml", "routes.yaml"))
            assert running is not None
            assert new is not None
            return tuple(cold_changes(running, new))
        return check_path("routes.yaml", tests=True, imports=code != "SR410").findings


@pytest.mark.parametrize("code", [HEAVY.get(code, code) for code in sorted(ALL_RULES.keys() - OF_A_RUN)])
def test_the_wrong_example_is_found(code: str, folder: Path) -> None:
    """One cause, one finding: the rule alone finds something, but for comments that silence."""
    codes = {found.code for found in found_in(RulePage(ALL_RULES[code].page).wrong, code, folder)}
    assert code in codes
    assert codes == {code} or code == "SR019"


@pytest.mark.parametrize("code", ALL_RULES)
def test_the_right_example_is_clean(code: str, folder: Path) -> None:
    example = RulePage(ALL_RULES[code].page).right
    assert example.files
    assert [str(found) for found in found_in(example, code, folder)] == []


@pytest.mark.parametrize("code", ALL_RULES)
def test_the_page_explains_the_rule_before_its_examples(code: str) -> None:
    text = ALL_RULES[code].page
    why, _, examples = text.partition("## Wrong\n")
    assert len(why.split()) >= 10
    assert "## Right\n" in examples
    assert max(map(len, text.splitlines())) <= 200


def test_there_is_no_page_without_its_rule() -> None:
    import streamroute.config.findings.pages as package

    pages = {path.stem for folder in package.__path__ for path in Path(folder).glob("*.md")}
    assert pages <= set(ALL_RULES)


@pytest.mark.parametrize(
    "code", [rule.code for rule in ALL_RULES.values() if rule.can_be_ignored and rule.runs]
)
def test_an_error_that_may_be_silenced_keeps_nothing_from_being_built(code: str, folder: Path) -> None:
    """What check accepts, serve builds: with the comment there is no error, and there are routers."""
    example = RulePage(ALL_RULES[code].page).wrong
    silence = f"# streamroute: ignore[{code}] why\nroutes:".encode()
    files = {name: content.replace(b"routes:", silence) for name, content in example.files.items()}
    assert found_in(RuleExample(files), code, folder) == ()
    with isolated_imports(folder):
        assert compile_routes("routes.yaml")
