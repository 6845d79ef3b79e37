"""``check --no-import``: handlers are verified by their source, and no code of the project runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from projects import Done

if TYPE_CHECKING:
    from projects import Project

CODE = """\
raise SystemExit("this module ran")

async def send(payload, container, *, template): ...

@property
def wrapped(payload): ...

RATES = {}
"""
HEAD = """\
version: 1
streams: {events: }
routes:
"""


@pytest.fixture
def check(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Check routes whose handlers are in a module that must not run."""
    monkeypatch.chdir(lone_project.folder)

    def run(*routes: str, head: str = HEAD) -> Done:
        lone_project.write("shop/__init__.py", "")
        lone_project.write("shop/mail.py", CODE)
        lone_project.write("routes.yaml", head + "".join(f"  - {{{route}, type: t}}\n" for route in routes))
        return command("check", "--no-import", "--format", "concise")

    return run


def test_a_plain_def_is_verified_with_its_arguments(check: Callable[..., Done]) -> None:
    assert check("name: a, handler: shop.mail.send, with: {template: x}").code == 0
    done = check("name: a, handler: shop.mail.send, with: {templat: x}")
    found = 'error[SR404]: "shop.mail.send" does not accept the argument "templat"; did you mean "template"?'
    assert (done.code, done.out) == (1, f"routes.yaml:4:47: {found}\n")


def test_a_misspelt_handler_is_found(check: Callable[..., Done]) -> None:
    done = check("name: a, handler: shop.mail.sned", "name: b, handler: shop.mial.send")
    assert done.out == (
        'routes.yaml:4:34: error[SR402]: module "shop.mail" has no attribute "sned"; did you mean "send"?\n'
        'routes.yaml:5:29: error[SR401]: no module "mial" in package "shop"; did you mean "mail"?\n'
    )


def test_unverified_handlers_are_an_info_once_each(check: Callable[..., Done]) -> None:
    done = check("name: a, handler: shop.mail.wrapped", "name: b, handler: shop.mail.wrapped, filter: x")
    assert (done.code, done.out) == (
        0,
        (
            'routes.yaml:4:24: info[SR410]: "shop.mail.wrapped" is decorated, so its source alone cannot '
            "verify it; help: run check without --no-import to import it\n"
        ),
    )


def test_a_package_that_is_not_installed_here_is_info(check: Callable[..., Done]) -> None:
    done = check("name: a, handler: elsewhere.mail.send")
    assert (done.code, done.out.partition(": ")[2][:11]) == (0, "info[SR410]")


def test_built_in_handlers_are_verified_as_ever(check: Callable[..., Done]) -> None:
    done = check("name: a, handler: streamroute.handlers.forward, with: {to: elsewhere}")
    assert done.code == 1
    assert "error[SR404]" in done.out


def test_container_and_codec_are_read_too(check: Callable[..., Done]) -> None:
    head = "version: 1\ncontainer: shop.mail.biuld\nstreams: {events: {codec: shop.mail.RATES}}\nroutes:\n"
    done = check("name: a, handler: shop.mail.send, with: {template: x}", head=head)
    assert done.out == 'routes.yaml:2:22: error[SR402]: module "shop.mail" has no attribute "biuld"\n'


def test_the_standard_library_is_refused_as_ever(check: Callable[..., Done]) -> None:
    assert "error[SR405]" in check("name: a, handler: os.system").out
