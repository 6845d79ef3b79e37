"""The address of Redis, parsed as ``serve`` parses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import EMBEDDED, Document
from streamroute.config.files.loader import ALLOW_OUTSIDE
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.schema.replaced_values import is_default, match_variable
from streamroute.config.yaml.source import SourceLocation
from streamroute.system.opening import EMBEDDED_FOLDER

if TYPE_CHECKING:
    from streamroute.adapters.urls.url import AddressError

RULE: Final = Rule(
    "SR505",
    "redis-url",
    Severity.ERROR,
    Stage.ENVIRONMENT,
    "The Redis URL is invalid.",
    page="""\
The URL is invalid: its scheme is unknown, its host or port cannot be read, a parameter is misspelled, or it
selects a database in a cluster, which has only one. In a password, write `/` as `%2F`, `?` as `%3F`, `#` as
`%23`, `@` as `%40` and `%` as `%25`. `check` does not connect to the server. A URL from an environment
variable is not shown, and reported as SR502.

## Wrong

```yaml
version: 1
redis: {url: "redis://localhost:6379/0?socket_timout=5"}
streams: {bot_events: }
```

## Right

```yaml
version: 1
redis: {url: "redis://localhost:6379/0?socket_timeout=5"}
streams: {bot_events: }
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding if ``redis: {url: ...}`` is invalid. Does not connect, and shows no password."""
    document = context.document
    url, location = document.redis.url, document.redis.location
    if url == EMBEDDED or location is None:
        yield from _check_folder(document, document.folder / EMBEDDED_FOLDER)
        return
    from streamroute.adapters.urls.url import AddressError, read_address

    try:
        address = read_address(url, folder=document.folder)
    except AddressError as error:
        yield _finding(url, location, error)
        return
    raw_text = str(location.source.value(location.path))
    if address.data_folder is not None and not _is_from_environment(raw_text, url):
        yield from _check_folder(document, address.data_folder)


def _check_folder(document: Document, folder: Path) -> Iterator[Finding]:
    """Require the embedded server's folder, which it creates, to be below the configuration's folder."""
    if document.reader.allows(folder):
        return
    location = document.redis.location
    message = "the data folder of the embedded server is outside the configuration folder"
    if location is None or location.source.value(location.path) is None:
        yield document.location.finding("SR021", message, on="first-key", help=ALLOW_OUTSIDE)
    else:
        yield location.finding("SR021", message, help=ALLOW_OUTSIDE)


def _is_from_environment(raw_text: str, url: str) -> bool:
    """Whether an environment variable provided the whole address, without the file's default."""
    return match_variable(raw_text) is not None and not is_default(raw_text, url)


def _finding(url: str, location: SourceLocation, error: AddressError) -> Finding:
    """A finding about the URL as in the file: values of variables are not shown."""
    problem = error.problem
    raw_text = str(location.source.value(location.path))
    if raw_text == url:
        message = f"the Redis URL {quote_value(error.shown)} {problem.text}"
        advice = None if error.correction else problem.advice
        return location.finding(RULE, message, help=advice, suggestion=error.correction)
    variable = match_variable(raw_text)
    source = quote_value(raw_text)
    if variable and _is_from_environment(raw_text, url):
        source = f'the environment variable "{variable[1]}"'
    message = f"the value of {source} is not a valid Redis URL: it {problem.text}"
    return location.finding("SR502", message, help=problem.advice)
