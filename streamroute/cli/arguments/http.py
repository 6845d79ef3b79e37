"""The options of the board, shared by ``board`` and ``serve --http``."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.errors import SetupError
from streamroute.system.extras import import_extra

if TYPE_CHECKING:
    from streamroute.board.access.policy import AccessPolicy
    from streamroute.ops.metrics.server import Endpoint

_PACKAGES: Final = ("jinja2", "prometheus_client", "starlette", "uvicorn")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_TRACE_URL: Final = re.compile(r"https?://[!-~]{1,1000}")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Where the board listens, and who may use it, as given on the command line."""

    http: Endpoint
    http_admin: bool = False
    http_tokens: str | None = None
    http_user_header: str | None = None
    http_proxies: tuple[str, ...] = ()
    http_operators: tuple[str, ...] = ()
    http_names: tuple[str, ...] = ()
    http_prefix: str = ""
    http_trace_url: str = ""

    def as_arguments(self) -> list[str]:
        """Return the options for another process."""
        repeated = {
            "--http-proxy": self.http_proxies,
            "--http-operator": self.http_operators,
            "--http-name": self.http_names,
        }
        single = {
            "--http": str(self.http),
            "--http-tokens": self.http_tokens and str(Path(self.http_tokens).absolute()),
            "--http-user-header": self.http_user_header,
            "--http-prefix": self.http_prefix,
            "--http-trace-url": self.http_trace_url,
        }
        arguments = [f"{name}={value}" for name, value in single.items() if value]
        arguments += [f"{name}={value}" for name, values in repeated.items() for value in values]
        return [*arguments, *["--http-admin"] * self.http_admin]

    def policy(self, folder: Path) -> AccessPolicy:
        """Return the policy; ``--http-admin`` alone creates a token file in ``folder``.

        Raises SetupError if the policy is unsafe, or its files or addresses are invalid.
        """
        from streamroute.board.access.policy import (
            AccessPolicy,
            TrustedProxy,
            is_loopback,
            read_networks,
            require_safe,
        )
        from streamroute.board.access.token_file import create_token_file, read_tokens

        path = None if self.http_tokens is None else Path(self.http_tokens)
        if path is None and self.http_admin and self.http_user_header is None:
            path = folder / "board-tokens"
            create_token_file(path, _user_name())
        proxy = None
        if self.http_user_header is not None:
            networks = read_networks(self.http_proxies or ("127.0.0.1", "::1"))
            proxy = TrustedProxy(self.http_user_header.lower(), networks, frozenset(self.http_operators))
        policy = AccessPolicy(
            hosts=frozenset({*self.http_names, self.http.host}),
            tokens=None if path is None else read_tokens(path),
            proxy=proxy,
            allows_actions=self.http_admin,
            token_path=path,
        )
        require_safe(policy, is_loopback=is_loopback(self.http.host))
        return policy


def http_endpoint(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Parse the address of the board; raises SetupError if the extra ``board`` is not installed."""
    if value is None:
        return None
    from streamroute.ops.metrics.server import Endpoint

    try:
        endpoint = Endpoint.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    for package in _PACKAGES:
        try:
            import_extra(package)
        except ImportError as error:
            raise SetupError("--http needs more packages: pip install 'streamroute[board]'") from error
    return endpoint


def _header(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _HEADER.fullmatch(value):
        raise click.BadParameter("a header name has letters, digits and hyphens")
    return value


def _prefix(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    prefix = value.rstrip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise click.BadParameter("write it as in /tools/streamroute")
    return prefix


def _trace_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not (_TRACE_URL.fullmatch(value) and "{trace_id}" in value):
        raise click.BadParameter("write it as in https://traces.example/trace/{trace_id}")
    return value


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for access to a command; they are passed as ``http_...``."""
    options = (
        click.option(
            "--http-admin", is_flag=True, help="Let operators act; without it, the board is read-only."
        ),
        click.option(
            "--http-tokens",
            metavar="FILE",
            type=PATH,
            help="A file with a line ROLE NAME TOKEN for each person; the roles are viewer and operator.",
        ),
        click.option(
            "--http-user-header",
            metavar="NAME",
            callback=_header,
            help="The header in which a trusted proxy names the person.",
        ),
        click.option(
            "--http-proxy",
            "http_proxies",
            multiple=True,
            metavar="ADDRESS",
            help="An address or network of the trusted proxy (default: this machine); may be repeated.",
        ),
        click.option(
            "--http-operator",
            "http_operators",
            multiple=True,
            metavar="NAME",
            help="A person who is an operator behind the proxy; may be repeated.",
        ),
        click.option(
            "--http-name",
            "http_names",
            multiple=True,
            metavar="HOST",
            help="A host name under which the board is reached; may be repeated.",
        ),
        click.option(
            "--http-prefix",
            metavar="PATH",
            default="",
            callback=_prefix,
            help="The path below which a proxy serves the board, such as /tools/streamroute.",
        ),
        click.option(
            "--http-trace-url",
            metavar="URL",
            default="",
            callback=_trace_url,
            help="Where a trace is shown, such as https://traces.example/trace/{trace_id}.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _user_name() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return "operator"
    return re.sub(r"[^A-Za-z0-9._@+-]", "-", name)[:64] or "operator"
