"""The examples of monitoring: their rules are tried by promtool, and name only metrics that are exposed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from repository import DOCS, EXAMPLES

FOLDER: Final = EXAMPLES / "monitoring"
FILES: Final = sorted(path.name for path in FOLDER.iterdir())
NAME: Final = re.compile(r"\bstreamroute_\w+")
HISTOGRAM_PARTS: Final = ("_bucket", "_count", "_sum")
GRAFANA: Final = {"$__rate_interval": "5m", "$job": ".*", "$stream": ".*", "$route": ".*"}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    return found


def run(*command: str) -> str:
    """Run a command in the folder; return its output, and fail if it does."""
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exposed() -> set[str]:
    """Return the names of all series; another test compares the reference with what is exposed."""
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(streamroute_\w+)` \| (\w+) \|", page, re.MULTILINE)
    return {
        name + part for name, kind in rows for part in (HISTOGRAM_PARTS if kind == "histogram" else ("",))
    }


def expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the expressions of the dashboard's panels."""
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", ()))


def without_variables(expression: str) -> str:
    """Return an expression with values of Grafana's variables."""
    for variable, value in GRAFANA.items():
        expression = expression.replace(variable, value)
    return expression


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", [name for name in FILES if name != "README.md"])
def test_every_metric_is_exposed(name: str) -> None:
    named = set(NAME.findall((FOLDER / name).read_text(encoding="utf-8")))
    assert named - exposed() == set()


def test_the_readme_names_every_file() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[[\w.]+\]\(([\w.]+)\)", readme, re.MULTILINE) == [
        "alerts.yaml",
        "alerts.test.yaml",
        "dashboard.json",
        "prometheus.yml",
        "keda.yaml",
    ]
    assert set(FILES) == {"README.md", *re.findall(r"\]\(([\w.]+)\)", readme)}


def test_every_alert_has_a_test_of_what_raises_it_and_of_what_does_not() -> None:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text())["tests"]
    cases = [
        (case["alertname"], bool(case.get("exp_alerts")))
        for test in tests
        for case in test["alert_rule_test"]
    ]
    for rule in rules:
        assert {(rule["alert"], True), (rule["alert"], False)} <= set(cases)
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_promtool_tries_the_alerts(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
    run(promtool, "check", "config", "prometheus.yml")
    run(promtool, "test", "rules", "alerts.test.yaml")


def test_promtool_reads_the_expressions_of_the_dashboard_and_of_keda(promtool: str, tmp_path: Path) -> None:
    keda = yaml.safe_load((FOLDER / "keda.yaml").read_text())["spec"]["triggers"][0]["metadata"]["query"]
    rules = [
        {"record": f"dashboard:expression:{number}", "expr": without_variables(expression)}
        for number, expression in enumerate([*expressions(dashboard()["panels"]), keda])
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run(promtool, "check", "rules", str(file))


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_panel_says_what_it_shows() -> None:
    for panel in dashboard()["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"]


def test_keda_scales_the_deployment_of_the_example() -> None:
    scaled = yaml.safe_load((FOLDER / "keda.yaml").read_text())["spec"]["scaleTargetRef"]["name"]
    manifests = yaml.safe_load_all((EXAMPLES / "deploy" / "kubernetes.yaml").read_text())
    assert scaled in {each["metadata"]["name"] for each in manifests if each["kind"] == "Deployment"}
