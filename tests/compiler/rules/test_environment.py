"""The address of the server in `check`: what is wrong is said, and of a variable's value no part is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats import FORMATS
from streamroute.cli.output.formats.rendering import render
from streamroute.compiler.pipeline import CheckResult, check_path

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
version: 1
redis:
  url: {url}
streams: {{events: {{}}}}
routes:
  - {{name: a, type: b, handler: streamroute.handlers.log}}
"""
WITH_DEFAULT = "${REDIS_URL:-embedded}"


def checked(folder: Path, url: str, **env: str) -> CheckResult:
    path = folder / "routes.yaml"
    path.write_text(CONFIG.format(url=url), encoding="utf-8")
    return check_path(path, env=env, imports=False)


WRONG = [
    ("embeded", "did you mean embedded?"),
    ("redsi://host", "did you mean redis://?"),
    ("http://host", "did you mean redis://?"),
    ("$REDIS_URL", "write it as ${REDIS_URL}"),
    ("{REDIS_URL}", "write it as ${REDIS_URL}"),
    ("host:6379", "write redis://HOST:PORT"),
    ("localhost", "write redis://HOST:PORT"),
    ("redis://host:port", "write redis://HOST:6379"),
    ("redis://host:0", "write redis://HOST:6379"),
    ("redis://host:70000", "write redis://HOST:6379"),
    ("redis://host/zero", "write redis://HOST/0"),
    ("redis://:S3c#ret@host", "# as %23"),
    ("redis://:12#S3cret@host", "# as %23"),
    ("redis://:S3c/ret@host", "/ as %2F"),
    ("redis://:12/S3cret@host", "/ as %2F"),
    ("redis://:S3c?ret@host", "? as %3F"),
    ("redis://:S3c%40host", "write a password before the host"),
    ("   ", "write redis://HOST:PORT/DB"),
    ("unix:///a%00b", "remove it"),
    ("redis://host\n", "remove it"),
    ("redis+sentinel://host", "write redis+sentinel://HOST:26379,HOST:26379/NAME/0"),
    ("redis+cluster://host/2", "write redis+cluster://HOST:6379"),
    ("redis://host?timeout=S3cret", 'did you mean "socket_timeout"?'),
]


@pytest.mark.parametrize(("value", "advice"), WRONG)
@pytest.mark.parametrize("written", [WITH_DEFAULT, "${REDIS_URL}"])
def test_a_variable_is_named_and_its_value_is_not_shown(
    tmp_path: Path, value: str, advice: str, written: str
) -> None:
    result = checked(tmp_path, written, REDIS_URL=value)
    [found] = result.findings
    assert (found.code, found.span.line) == ("SR502", 4)
    assert found.message.startswith(
        'the value of the environment variable "REDIS_URL" is not a valid Redis URL: it '
    )
    assert advice in str(found.help)
    for form in FORMATS:
        shown = render(FindingsReport(result.findings, result.sources), form)
        assert "S3c" not in shown
        assert value.strip() in ("", "$REDIS_URL", "{REDIS_URL}") or value.strip() not in shown


def test_an_empty_variable_is_refused_unless_there_is_a_default(tmp_path: Path) -> None:
    assert checked(tmp_path, WITH_DEFAULT, REDIS_URL="").findings == ()
    [found] = checked(tmp_path, "${REDIS_URL}", REDIS_URL="").findings
    assert found.text.endswith('"REDIS_URL" is not a valid Redis URL: it is empty')


def test_a_wrong_default_is_not_the_variables_fault(tmp_path: Path) -> None:
    [found] = checked(tmp_path, "${REDIS_URL:-embeded}").findings
    assert found.text == 'the value of "${REDIS_URL:-embeded}" is not a valid Redis URL: it has no scheme'
    assert found.help == "did you mean embedded?"


def test_an_address_of_several_variables_is_shown_as_it_is_written(tmp_path: Path) -> None:
    [found] = checked(tmp_path, "redis://:${PW}@${HOST}:${PORT}", PW="S3cret", HOST="h", PORT="x").findings
    assert found.code == "SR502"
    assert "${HOST}:${PORT}" in found.message
    assert "S3cret" not in found.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("embeded", "embedded"),
        ("redsi://host", "redis://host"),
        ("localhost:6379", "redis://localhost:6379"),
        ("/run/redis.sock", "unix:///run/redis.sock"),
        ("redsi://:S3cret@host", None),
    ],
)
def test_a_corrected_address_is_suggested_unless_it_has_a_password(
    tmp_path: Path, written: str, meant: str | None
) -> None:
    [found] = checked(tmp_path, written).findings
    assert (found.code, found.suggestion) == ("SR505", meant)
    assert found.suggestion or found.help
    assert "S3cret" not in str(found)
