"""A handler that leads nowhere: the function of the project that was meant is found without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports

CONFIG = """
version: 1
streams: {{events: }}
{extra}
routes:
  - {{name: a, type: b, handler: {handler}}}
"""
HANDLERS = """
raise SystemExit("this module must not be run to be searched")

async def thank(payload): ...

def welcome(payload):
    def inner(payload): ...
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("greetings").mkdir()
    Path("greetings/__init__.py").touch()
    Path("greetings/handlers.py").write_text(HANDLERS)


def said(handler: str, extra: str = "", *, imports: bool = False) -> str:
    Path("routes.yaml").write_text(CONFIG.format(handler=handler, extra=extra))
    with isolated_imports(Path.cwd()):
        [found] = check_path("routes.yaml", imports=imports).findings
    return f"{found.code} {found.text} {found.help or ''}".strip()


@pytest.mark.parametrize("imports", [True, False])
@pytest.mark.parametrize("handler", ["thank", "thnak", "greetings.thank", "greetings:thank"])
def test_the_only_function_of_that_name_is_suggested(handler: str, imports: bool) -> None:
    assert said(handler, imports=imports).endswith('did you mean "greetings.handlers.thank"?')


def test_a_module_not_found_statically_is_reported_as_sr410() -> None:
    assert said("hooks.thank").startswith('SR410 no module "hooks" was found')
    assert 'did you mean "greetings.handlers.thank"?' in said("hooks.thank")
    assert said("hooks.thnak").startswith("SR410")
    assert "did you mean" not in said("hooks.thnak")


def test_built_in_handlers_and_containers_are_suggested() -> None:
    assert said("log") == 'SR401 "log" has no module; did you mean "streamroute.handlers.log"?'
    Path("wiring.py").write_text("def build(): ...")
    assert said("streamroute.handlers.log", "container: build").endswith('did you mean "wiring.build"?')


def test_each_of_several_similar_functions_is_suggested() -> None:
    Path("later.py").write_text("def thank(payload): ...")
    assert said("thank").endswith("write one of later.thank, greetings.handlers.thank")
    assert said("thank", "handlers: {allow: [later]}").endswith('did you mean "later.thank"?')


def test_only_top_level_functions_of_the_project_are_suggested(tmp_path: Path) -> None:
    Path("venv/lib").mkdir(parents=True)
    Path("venv/pyvenv.cfg").touch()
    Path("venv/lib/other.py").write_text("def buy(payload): ...")
    Path("test_shop.py").write_text("def buy(payload): ...")
    for name in ("inner", "buy", "absent"):
        assert said(name).endswith("write MODULE.NAME, such as handlers.welcome")


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.py").write_text("def steal(payload): ...")
    Path("linked").symlink_to(outside)
    Path("direct.py").symlink_to(outside / "secret.py")
    Path("here").symlink_to(Path.cwd())
    assert "steal" not in said("steal").replace('"steal" has', "")


def test_a_large_project_is_searched_in_part() -> None:
    """However many files there are: the search looks at no more than it says."""
    for number in range(3):
        Path(f"pkg{number}").mkdir()
        for file in range(900):
            Path(f"pkg{number}/m{file:03}.py").write_text(f"def f{number}_{file:03}(payload): ...")
    assert said("f0_899").endswith('did you mean "pkg0.m899.f0_899"?')
    assert "pkg2" not in said("f2_899")
