"""Loads the two configurations that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from streamroute.adapters.codecs.builtin import CODEC_NAMES
from streamroute.cli.arguments.config import check_or_exit
from streamroute.cli.arguments.config_version import ConfigVersion, open_version
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.process.time_limit import SECONDS, time_limit
from streamroute.compiler.resolve.codec_object import codec_object
from streamroute.compiler.resolve.importer import Importer
from streamroute.errors import SetupError
from streamroute.expressions.problem import Problem

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import StreamConfig


class LoadedVersion(NamedTuple):
    """A version of a configuration, compiled without running code of the project."""

    name: str
    compiled: Compiled


@dataclass(frozen=True, slots=True)
class Loading:
    """How to load: for which stream (None: any), and whether its entries are read from Redis.

    ``imports``: the project's own codec may run. ``for_people``: findings go to stdout. ``state_dir`` is the
    folder of stored generations, or None.
    """

    stream: str | None
    reads_entries: bool
    imports: bool
    for_people: bool
    state_dir: str | None


def load_versions(old: str, new: str, loading: Loading) -> tuple[LoadedVersion, LoadedVersion]:
    """Load the versions that two arguments name; exits with 1 if one of them has errors.

    Raises click.UsageError if a version or the stream does not exist.
    """
    with ExitStack() as stack:
        versions = [
            stack.enter_context(open_version(old, new, loading.state_dir)),
            stack.enter_context(open_version(new, old, loading.state_dir)),
        ]
        limit = time_limit(SECONDS, versions[1].root, "full" if loading.for_people else None)
        with limit:
            before, after = (_load(version, loading, is_new=at == 1) for at, version in enumerate(versions))
    if loading.stream is None:
        return before, after
    stream_named({**after.compiled.document.streams, **before.compiled.document.streams}, loading.stream)
    codecs = _Codecs(loading, loading.stream)
    return codecs.imported(before), codecs.imported(after)


def _load(version: ConfigVersion, loading: Loading, *, is_new: bool) -> LoadedVersion:
    loaded = check_or_exit(
        version.root,
        unset="error"
        if loading.reads_entries and is_new
        else "info",  # the URL of Redis is that of the new one
        for_people=loading.for_people,
        files=version.files,
        name=version.name,
    )
    return LoadedVersion(version.name, loaded.compiled)


class _Codecs:
    """Imports the project's own codecs of one stream, each once."""

    def __init__(self, loading: Loading, stream: str) -> None:
        self._loading = loading
        self._stream = stream
        self._known: dict[str, Codec] = {}

    def imported(self, version: LoadedVersion) -> LoadedVersion:
        """Return the version with the stream's codec, if it is the project's own and needed."""
        document = version.compiled.document
        settings = document.streams.get(self._stream)
        if settings is None or settings.codec in CODEC_NAMES:
            return version
        if not self._loading.imports:
            self._refuse(settings)
            return version
        if settings.codec not in self._known:
            self._known[settings.codec] = _import(settings.codec, document.folder, document.allow)
        codecs: Mapping[str, Codec] = {self._stream: self._known[settings.codec]}
        return version._replace(compiled=replace(version.compiled, codecs=codecs))

    def _refuse(self, settings: StreamConfig) -> None:
        """Raise click.UsageError if entries must be decoded; events of a file are taken as they are."""
        if self._loading.reads_entries:
            advice = f'pass --import, which runs the project\'s codec "{settings.codec}"'
            raise click.UsageError(f"the entries of {self._stream} cannot be decoded: {advice}")


def _import(reference: str, folder: Path, allow: tuple[str, ...] | None) -> Codec:
    resolved = Importer(folder, allow).resolve(reference)
    if resolved is None or isinstance(resolved, Problem):
        raise SetupError(
            f'the codec "{reference}" was not imported' if resolved is None else resolved.message
        )
    codec = codec_object(resolved.value, reference)
    if isinstance(codec, Problem):
        raise SetupError(codec.message)
    return codec
