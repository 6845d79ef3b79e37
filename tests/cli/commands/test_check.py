"""``streamroute check``: its input, its output, and its exit code."""

from __future__ import annotations

import gc
import json
import os
from typing import TYPE_CHECKING

import pytest

from projects import ROUTES, Done

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from projects import Project

OK = "name: ok, type: t, handler: jobs.ok"
BAD = "name: bad, type: t, handlr: jobs.ok"


@pytest.fixture(autouse=True)
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lone_project.folder)


def folder_with(project: Project, name: str, *routes: str) -> Path:
    """Create another project in a subfolder."""
    lines = "".join(f"  - {{{route}}}\n" for route in routes)
    return project.write(f"{name}/routes.yaml", ROUTES + lines).parent


def test_routes_yaml_here_is_checked_when_nothing_is_named(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    lone_project.routes(OK)
    assert command("check") == Done(0, "", "routes.yaml: no problems found\n")


def test_check_restores_the_garbage_collector(lone_project: Project, command: Callable[..., Done]) -> None:
    lone_project.routes(OK)
    gc.enable()
    command("check")
    assert gc.isenabled()


def test_without_routes_yaml_the_error_suggests_what_to_do(command: Callable[..., Done]) -> None:
    done = command("check")
    assert done.code == 2
    assert "there is no routes.yaml in this folder; name one, or run: streamroute init" in done.err


@pytest.mark.parametrize("path", ["nowhere.yaml", "nowhere/routes.yaml", "."])
def test_an_absent_path_is_a_matter_of_usage(command: Callable[..., Done], path: str) -> None:
    done = command("check", path)
    assert done.code == 2
    assert "does not exist" in done.err


def test_a_name_in_capitals_is_not_reported(lone_project: Project, command: Callable[..., Done]) -> None:
    (lone_project.folder / "ROUTES.YAML").write_text("version: 1")
    for arguments in ((), ("routes.yaml",), ("Routes.yaml",)):
        assert "did you mean ROUTES.YAML?" in command("check", *arguments).err


def test_an_unresolvable_path_is_reported_with_the_reason(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    (lone_project.folder / "link.yaml").symlink_to("absent.yaml")
    assert "link.yaml is a broken link" in command("check", "link.yaml").err
    shut = folder_with(lone_project, "shut", OK)
    shut.chmod(0)
    try:
        if os.access(shut, os.X_OK):
            pytest.skip("root may enter everything")
        assert "shut/routes.yaml is in a folder that cannot be entered" in command("check", "shut").err
    finally:
        shut.chmod(0o700)


def test_every_mistake_of_all_files_is_shown_at_once(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    folder_with(lone_project, "one", BAD, "name: gone, type: t, handler: nowhere.at_all")
    folder_with(lone_project, "two", BAD)
    done = command("check", "two", "one/routes.yaml", "./two/routes.yaml")
    assert done.code == 1
    heads = [line for line in done.out.splitlines() if "error[" in line]
    assert [head.split(":")[0] for head in heads] == ["one/routes.yaml"] * 3 + ["two/routes.yaml"] * 2
    assert 'did you mean "handler"?' in heads[0]
    assert "^^^^^^" in done.out
    assert done.err == "5 errors in two/routes.yaml, one/routes.yaml\n"


def test_folders_with_equally_named_modules_are_distinguished(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    for name, function in (("one", "first"), ("two", "second")):
        folder_with(lone_project, name, f"name: r, type: t, handler: jobs.{function}")
        lone_project.write(f"{name}/jobs.py", f"async def {function}(payload): ...\n")
    done = command("check", "one", "two")
    assert done.code == 0, done.out


def test_for_an_included_file_its_configuration_is_checked(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    lone_project.routes(OK, head="include: [parts/*.yaml]\n" + ROUTES)
    lone_project.write("parts/more.yaml", "version: 1\nroutes:\n  - {name: ok, type: t, handler: jobs.ok}\n")
    done = command("check", "parts/more.yaml")
    assert done.code == 1
    assert "SR201" in done.out
    assert "in routes.yaml" in done.err


def test_a_warning_is_wrong_too(lone_project: Project, command: Callable[..., Done]) -> None:
    lone_project.routes(OK, head="include: [nothing/*.yaml]\n" + ROUTES)
    done = command("check")
    assert done.code == 1
    assert done.err == "1 warning in routes.yaml\n"


def test_a_variable_that_is_not_set_is_info_unless_the_environment_counts(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_REDIS", raising=False)
    lone_project.routes(OK, head=ROUTES.replace("${REDIS_URL:-embedded}", "${SHOP_REDIS}"))
    done = command("check")
    assert (done.code, "info[SR501]" in done.out) == (0, True)
    done = command("check", "--env")
    assert (done.code, "error[SR501]" in done.out) == (1, True)


def test_no_import_runs_no_code(lone_project: Project, command: Callable[..., Done]) -> None:
    lone_project.routes("name: r, type: t, handler: trap.door")
    code = "import pathlib\npathlib.Path('sprung').touch()\nraise SystemExit(9)\ndef door(payload): ...\n"
    lone_project.write("trap.py", code)
    assert command("check", "--no-import").code == 0
    assert not (lone_project.folder / "sprung").exists()
    done = command("check")
    assert (done.code, "SR407" in done.out) == (1, True)


def test_findings_for_machines(lone_project: Project, command: Callable[..., Done]) -> None:
    lone_project.routes(BAD)
    [found] = json.loads(command("check", "--format", "json").out)
    assert (found["code"], found["suggestion"], found["file"]) == ("SR102", "handler", "routes.yaml")
    done = command("check", "--format", "concise")
    assert done.out.count("\n") == 1
    assert done.out.startswith("routes.yaml:")


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], ["SR402", "SR307"]),
        (["--select", "SR4"], ["SR402"]),
        (["--ignore", "SR402"], ["SR307"]),
        (["--ignore", "SR3,SR4"], []),
    ],
)
def test_a_run_reports_only_the_selected_rules(
    lone_project: Project, command: Callable[..., Done], options: list[str], codes: list[str]
) -> None:
    lone_project.routes("name: a, type: t, handler: jobs.nothing, filter: '!a.b'")
    done = command("check", "--format", "json", *options)
    assert [found["code"] for found in json.loads(done.out)] == codes
    assert done.code == (1 if codes else 0)
    assert ("hidden by --select and --ignore" in done.err) is (len(codes) < 2)


def test_findings_are_the_same_in_ci(lone_project: Project, command: Callable[..., Done]) -> None:
    lone_project.routes(BAD)
    done = command("check", "--format", "github")
    assert done.out.startswith("::error title=SR102 unexpected-key,file=routes.yaml,")
    assert done.code == 1


@pytest.mark.parametrize("options", [[], ["--no-import"]])
def test_a_package_that_may_not_be_entered_holds_no_handler(
    lone_project: Project, command: Callable[..., Done], options: list[str]
) -> None:
    package = lone_project.write("shut/mail.py", "def send(payload): ...\n").parent
    lone_project.routes("name: a, type: t, handler: shut.mail.send")
    package.chmod(0)
    try:
        if os.access(package, os.R_OK):
            pytest.skip("root may enter everything")
        done = command("check", "--format", "concise", *options)
    finally:
        package.chmod(0o700)
    assert 'no module "mail"' in done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize("options", [["--watch", "--fix"], ["--watch", "--diff"], ["--fix", "--diff"]])
def test_an_option_that_would_be_passed_over_is_refused(
    lone_project: Project, command: Callable[..., Done], options: list[str]
) -> None:
    lone_project.routes(BAD)
    before = (lone_project.folder / "routes.yaml").read_bytes()
    done = command("check", *options)
    assert done.code == 2
    assert "--fix, --diff and --watch cannot be combined" in done.err
    assert (lone_project.folder / "routes.yaml").read_bytes() == before
