"""The registry: a rule is one module and one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

import streamroute.compiler.rules as package
from streamroute.cli.main import streamroute
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.rules import routes
from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.registry import ALL_RULES, MODULES, rule_module, run_checks
from streamroute.config.findings.rules import RULES, Stage

NEW_RULE = """
from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import Rule, Stage

RULE = Rule("SR299", "grumpy-name", Severity.WARNING, Stage.ROUTES, "A route is grumpy.", "Be kind.")

def check(context):
    for route in context.document.routes:
        if route.name == "grumpy":
            yield route.location.finding(RULE, "this name is grumpy", at=("name",), suggestion="happy")
"""
ROUTES = """\
version: 1
streams: {orders: }
routes:
  - {name: grumpy, type: a, handler: streamroute.handlers.log}
  - {name: grumpy-too, type: b, handler: streamroute.handlers.log}
"""


def invoke(*arguments: str) -> str:
    return CliRunner().invoke(streamroute, arguments).stdout


@pytest.fixture
def new_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A rule that is one more module, and one more line in the registry."""
    (tmp_path / "grumpy_name.py").write_text(NEW_RULE)
    monkeypatch.setattr(routes, "__path__", [*routes.__path__, str(tmp_path)])
    monkeypatch.setitem(MODULES, "SR299", "routes.grumpy_name")
    vars(ALL_RULES).pop("_codes", None)
    yield
    rule_module.cache_clear()
    vars(ALL_RULES).pop("_codes", None)
    vars(ALL_RULES)["_loaded"].pop("SR299", None)
    sys.modules.pop(f"{routes.__name__}.grumpy_name")


@pytest.mark.usefixtures("new_rule")
def test_one_module_and_one_line_add_a_rule(tmp_path: Path) -> None:
    """It is checked, explained, named in every format, and may be suppressed."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    (found,) = check_path(path).findings
    assert str(found) == f'{path}:4:12: warning[SR299]: this name is grumpy; did you mean "happy"?'
    assert invoke("rule", "grumpy-name").startswith("SR299 grumpy-name: warning\n\nA route is grumpy.")
    assert '"ruleId": "SR299"' in invoke("check", "--format", "sarif", str(path))
    assert invoke("check", "--ignore", "SR299", str(path)) == ""
    path.write_text(ROUTES.replace("log}", "log} # streamroute: ignore[SR299] it is", 1))
    assert check_path(path).findings == ()


@pytest.mark.usefixtures("new_rule")
def test_a_rule_runs_at_the_stage_that_it_declares(tmp_path: Path) -> None:
    """Wherever its module is."""
    declaration = NEW_RULE.partition("def check")[0].replace("Stage.ROUTES", "Stage.COMMENTS")
    (tmp_path / "grumpy_name.py").write_text(f"{declaration}\ndef check(context):\n    return [context]\n")
    context = object()
    found: list[Any] = list(run_checks(Stage.COMMENTS, cast("RuleContext", context)))
    assert found == [context]


@pytest.mark.parametrize("code", MODULES)
def test_each_line_names_the_module_of_its_rule(code: str) -> None:
    """The module is called as the rule, and stands in the sub-package of its stage."""
    stage, name = MODULES[code].split(".")
    rule = rule_module(code).RULE
    assert rule.code == code
    assert rule.name.replace("-", "_") == name
    assert rule.stage.name.lower() == stage


def test_each_module_has_its_line() -> None:
    folder = Path(str(package.__file__)).parent
    declaring = [path for path in folder.rglob("*.py") if "RULE: Final = Rule(" in path.read_text()]
    found = {path.relative_to(folder).with_suffix("").as_posix().replace("/", ".") for path in declaring}
    assert found == set(MODULES.values())


def test_no_rule_is_declared_twice() -> None:
    assert not RULES.keys() & MODULES.keys()
