"""Built-in handlers in routes: checked like any other, and given what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler import router_builder as wiring
from streamroute.compiler.api import compile_routes
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.errors import Retry
from streamroute.handlers import contract


def write(folder: Path, handler: str, arguments: str = "") -> Path:
    given = f", with: {{{arguments}}}" if arguments else ""
    (folder / "routes.yaml").write_text(
        "version: 1\nstreams: {s: }\n"
        f"routes: [{{name: r, stream: s, type: a, handler: streamroute.handlers.{handler}{given}}}]\n"
    )
    return folder


def test_compiler_and_handlers_mean_the_same_attributes() -> None:
    assert (wiring.NEEDS, wiring.CHECK) == (contract.NEEDS, contract.CHECK)


@pytest.mark.parametrize(
    ("handler", "arguments"),
    [
        ("forward", "stream: other"),
        ("log", ""),
        ("log", "level: warning, text: seen"),
        ("webhook", "url: 'https://example.com/x', headers: {A: b}, timeout: 2s, headers_from_env: {C: D}"),
    ],
)
def test_a_route_may_name_it(tmp_path: Path, handler: str, arguments: str) -> None:
    assert check_path(write(tmp_path, handler, arguments)).findings == ()


@pytest.mark.parametrize(
    ("handler", "arguments", "message"),
    [
        ("forward", "", '"streamroute.handlers.forward" requires the argument "stream"'),
        ("forward", "stream: s", 'the route would forward to "s", which it consumes: an endless loop'),
        ("forward", "stream: [a]", '"stream" must be the name of a stream'),
        (
            "forward",
            "stream: x, maxlen: 3",
            '"streamroute.handlers.forward" does not accept the argument "maxlen"',
        ),
        (
            "forward",
            "stream: x, publishers: 3",
            '"streamroute.handlers.forward" does not accept the argument "publishers"',
        ),
        ("log", "level: loud", '"level" must be debug, info, warning or error'),
        ("log", "text: 3", '"text" must be a string'),
        ("webhook", "url: example.com", '"url" must be an address such as https://example.com/hooks'),
        ("webhook", "url: 'http://[x'", '"url" must be an address such as https://example.com/hooks'),
        ("webhook", "url: 'http://x', headers: [a]", '"headers" must map names to strings'),
        ("webhook", "url: 'http://x', timeout: 10", '"timeout" must be a duration such as 10s'),
    ],
)
def test_invalid_arguments_are_found_before_an_event_arrives(
    tmp_path: Path, handler: str, arguments: str, message: str
) -> None:
    [finding] = check_path(write(tmp_path, handler, arguments)).findings
    assert finding.code == "SR404"
    assert finding.message.startswith(message)


def test_a_webhook_without_httpx_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamroute.handlers.webhooks.is_installed", lambda _name: False)
    [finding] = check_path(write(tmp_path, "webhook", "url: 'http://x'")).findings
    assert (finding.message, finding.help) == ("webhooks need httpx", "pip install 'streamroute[webhook]'")


async def test_a_custom_dispatcher_gets_an_error_about_the_missing_container(tmp_path: Path) -> None:
    [(handler, _)] = compile_routes(write(tmp_path, "forward", "stream: x"))["s"][0].handlers["a"]
    with pytest.raises(Retry, match=r"forward needs a connection to Redis: .* compile_routes\(client="):
        await handler({"type": "a"}, None)


async def test_an_app_passes_the_needed_resource_instead_of_the_container(tmp_path: Path) -> None:
    written: list[Any] = []

    class Publisher:
        def encode(self, payload: Any) -> list[bytes]:
            return [b"type", payload["type"].encode()]

        async def publish(self, entries: Any) -> list[str]:
            written.extend(entries)
            return []

    compiled = check_path(write(tmp_path, "forward", "stream: x")).compiled
    assert compiled is not None
    around = RuntimeContext({"publishers": lambda _stream: Publisher()})
    [(handler, _)] = compiled.routers_in(around)["s"][0].handlers["a"]
    await handler({"type": "a"}, "the user's container")
    assert written == [[b"type", b"a"]]
