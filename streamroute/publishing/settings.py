"""What publishing needs of a configuration: its streams, its catalogue and its codecs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.adapters.codecs.builtin import CODEC_NAMES
from streamroute.config.findings.config_error import config_error
from streamroute.config.findings.finding import has_errors
from streamroute.config.load import load_config
from streamroute.errors import SetupError
from streamroute.text.quoted_names import quoted_name
from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.config.document import Document, StreamConfig
    from streamroute.config.findings.finding import Finding


@dataclass(frozen=True, slots=True, eq=False)
class PublishSettings:
    """A checked configuration; ``codecs`` are the user's own, by stream."""

    document: Document
    codecs: Mapping[str, Codec] = field(default_factory=dict)

    def stream(self, name: str) -> StreamConfig:
        """Return a declared stream; raises SetupError for any other name, with a suggestion."""
        streams = self.document.streams
        if type(name) is str and name in streams:
            return streams[name]
        near = did_you_mean(name, streams) if type(name) is str else None
        hint = f'did you mean "{near}"?' if near else f"it declares {', '.join(streams) or 'none'}"
        raise SetupError(f"{self.document.path} declares no stream {quoted_name(name)}; {hint}")


def load_settings(path: str | Path, *, outside: bool = False, needs_server: bool = True) -> PublishSettings:
    """Read a configuration for publishing; user code is imported only for a user's codec.

    Files outside the configuration's folder are read only with ``outside``. Without ``needs_server``,
    variables of ``redis`` may be unset. Expressions and handlers are not checked. Raises ConfigError, with
    all ``findings``, if one of them is an error.
    """
    result = load_config(path, outside=outside, needs_server=needs_server)
    if result.document is None or has_errors(result.findings):
        raise config_error(path, result.findings)
    return settings_of(result.document, result.findings)


def settings_of(document: Document, findings: tuple[Finding, ...] = ()) -> PublishSettings:
    """Return the settings of a document without errors, with the user's codecs imported.

    Raises ConfigError if one of them cannot be used, with the known ``findings`` too.
    """
    codecs, found = _user_codecs(document)
    if has_errors(found):
        raise config_error(document.path, (*findings, *found))
    return PublishSettings(document, codecs)


def _user_codecs(document: Document) -> tuple[Mapping[str, Codec], list[Finding]]:
    if all(stream.codec in CODEC_NAMES for stream in document.streams.values()):
        return {}, []
    # Imported late: a configuration with built-in codecs needs no compiler.
    from streamroute.compiler.reference_resolver import ReferenceResolver
    from streamroute.compiler.rules.expressions.route_expressions import RouteExpressions

    resolver = ReferenceResolver(document, RouteExpressions(document, tuple), imports=True)
    return resolver.codecs(), resolver.findings
