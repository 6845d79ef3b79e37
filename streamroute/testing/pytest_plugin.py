"""The pytest plugin: a fixture for test apps, and the tests of ``*.test.yaml`` files.

``pytest -p no:streamroute`` switches it off. It imports nothing of streamroute before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from streamroute.testing.app import TestApp
    from streamroute.testing.route_test_items import RouteTestFile

_SUFFIX: Final = ".test.yaml"
_CONFIG: Final = "routes.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--streamroute-config``, and the setting ``streamroute_config``."""
    text = "Path of routes.yaml or its folder, from the root folder of pytest (default: routes.yaml)."
    parser.getgroup("streamroute").addoption("--streamroute-config", metavar="PATH", help=text)
    parser.addini("streamroute_config", text, default=_CONFIG)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RouteTestFile | None:
    """Collect the route tests of a ``*.test.yaml`` beside a routes.yaml, or named on the command line."""
    if not file_path.name.endswith(_SUFFIX):
        return None
    if not (file_path.parent / _CONFIG).is_file() and not parent.session.isinitpath(file_path):
        return None  # another tool's file
    from streamroute.testing.route_test_items import RouteTestFile

    return RouteTestFile.from_parent(parent, path=file_path)


@pytest.fixture
def streamroute_app(pytestconfig: pytest.Config) -> Callable[..., TestApp]:
    """Return a function that makes a ``TestApp`` of the project's configuration.

    It takes the arguments of ``TestApp``; the path is that of ``--streamroute-config``, else of the setting
    ``streamroute_config``. Use it as ``async with streamroute_app() as t``.
    """
    named = pytestconfig.getoption("--streamroute-config") or pytestconfig.getini("streamroute_config")

    def app(path: str | Path | None = None, **options: Any) -> TestApp:
        from streamroute.testing.app import TestApp

        return TestApp(pytestconfig.rootpath / named if path is None else path, **options)

    return app
