"""compile_routes says which settings of the file its caller has to apply, and which nobody does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamroute import compile_routes
from streamroute.compiler.resolve.importer import isolated_imports

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ROUTES = """
version: 1
defaults: {grace: 9s}
container: wiring.build
redact: [guest.email]
streams:
  events: {codec: fields, lease: 7s, pause_when: {failures: 9, within: 1m, for: 1m}}
  others: {codec: typed-fields}
  unused: {trim: {keep: 1d}}
routes:
  - {name: a, stream: events, type: t, handler: streamroute.handlers.log}
  - name: b
    stream: others
    type: t
    handler: streamroute.handlers.log
    pause_when: {failures: 9, within: 1m, for: 1m}
  - {name: watched, stream: others, type: t, handler: streamroute.handlers.log, shadow: true}
"""


def test_each_setting_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "wiring.py").write_text("def build():\n    return {}\n")
    with isolated_imports(tmp_path):
        compile_routes(tmp_path)
    path = tmp_path / "routes.yaml"
    pass_on = "pass it to the storage, the processor or the dispatcher; streamroute.open applies it"
    passed_on = {
        "codec": "events, others",
        "lease": "events",
        "grace": "events, others",
        "container": "wiring.build",
    }
    lost = {"pause_when": "b, events", "shadow": "watched", "redact": "guest.email"}
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.INFO] == [
        f'compile_routes does not apply "{key}" of {path} ({names}): {pass_on}'
        for key, names in passed_on.items()
    ]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f'compile_routes cannot apply "{key}" of {path} ({names}): streamroute.open and serve do'
        for key, names in lost.items()
    ]


def test_nothing_is_logged_of_routes_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "routes.yaml").write_text(
        "version: 1\nstreams: {events: {}}\n"
        "routes: [{name: a, type: t, handler: streamroute.handlers.log, retry: {max_attempts: 2}}]\n"
    )
    assert list(compile_routes(tmp_path)) == ["events"]
    assert caplog.messages == []
