"""What ``explain`` is asked for, and its answer: by the configuration on disk, and by a stored generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamroute.adapters.codecs.builtin import CODEC_NAMES
from streamroute.cli.arguments.config import UsableConfig, check_or_exit
from streamroute.cli.arguments.state_dir import stored_generations
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.commands.explaining.report import ExplainReport, Past
from streamroute.cli.commands.explaining.stored_event import read_event
from streamroute.errors import StreamrouteError
from streamroute.ops.explain.explanation import explain_entry, explain_message
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.ops.explain.explanation import Explanation
    from streamroute.ops.explain.stored_event import StoredEvent
    from streamroute.ops.generations.store import LoadedGeneration


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """The event and the configurations to explain it by.

    The event is a ``message``, or the entry ``entry_id`` of ``stream`` in Redis. ``generation`` is the start
    of the hash of a stored generation (None: that of the dead letter, if the event is one). ``for_people``:
    findings go to stdout.
    """

    root: Path
    config: str | None
    message: Mapping[str, Any]
    stream: str | None
    entry_id: str | None
    generation: str | None
    state_dir: str | None
    imports: bool
    no_embedded: bool
    for_people: bool

    def report(self) -> ExplainReport:
        """Explain the event; exits with 1 if a configuration has errors.

        Raises click.UsageError for names that do not exist, UnknownGenerationError or StateFolderError if the
        generation cannot be read, and what reading the entry raises.
        """
        named = None if self.generation is None else self._stored(self.generation)
        loaded = self._load(partial(check_or_exit, self.root, unset=self._unset()))
        if self.stream is not None:
            stream_named(loaded.document.streams, self.stream)
        event = self._read_event(loaded)
        past = self._past_of_letter(event, loaded) if named is None else self._past(named, event)
        return ExplainReport(
            path=str(self.root),
            generation=loaded.document.generation,
            explanation=self._explanation(loaded, event),
            event=event,
            past=past,
        )

    def _unset(self) -> Literal["error", "info"]:
        return "info" if self.entry_id is None else "error"

    def _stored(self, generation: str) -> LoadedGeneration:
        return stored_generations(self.config, self.state_dir).load(generation)

    def _read_event(self, loaded: UsableConfig) -> StoredEvent | None:
        if self.stream is None or self.entry_id is None:
            return None
        return read_event(loaded, self.stream, self.entry_id, embedded=not self.no_embedded)

    def _past_of_letter(self, event: StoredEvent | None, loaded: UsableConfig) -> Past | None:
        """Explain by the generation that a dead letter names, unless it is the current one."""
        generation = "" if event is None or event.letter is None else event.letter.generation
        if not generation or generation == loaded.document.generation:
            return None
        try:
            stored = self._stored(generation)
        except StreamrouteError as error:
            return Past(clip(generation, NAME), problem=str(error))
        return self._past(stored, event)

    def _past(self, past: LoadedGeneration, event: StoredEvent | None) -> Past:
        from streamroute.system.recording import RecordedFiles

        generation, files = past.stored.generation, RecordedFiles(past.record)
        path, name = Path(past.record.path), f"the generation {generation}"
        loaded = self._load(partial(check_or_exit, path, files=files, name=name))
        since = past.stored.time.timestamp()
        return Past(generation, since=since, explanation=self._explanation(loaded, event))

    def _load(self, load: Callable[..., UsableConfig]) -> UsableConfig:
        """Load a configuration, with imports if the entry can be decoded by the project's codec alone."""
        loaded = load(for_people=self.for_people)
        stream = None if self.entry_id is None else loaded.document.streams.get(self.stream or "")
        if stream is None or stream.codec in CODEC_NAMES:
            return loaded
        if not self.imports:
            raise click.UsageError(
                f'add --import, which runs the project\'s codec "{stream.codec}" of "{stream.name}"'
            )
        return load(for_people=self.for_people, imports=True)

    def _explanation(self, loaded: UsableConfig, event: StoredEvent | None) -> Explanation:
        if event is None:
            return explain_message(loaded.compiled, self.message, self.stream)
        return explain_entry(loaded.compiled, event.fields, event.stream)
