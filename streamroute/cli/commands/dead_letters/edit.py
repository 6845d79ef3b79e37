"""``streamroute dead edit``: correct the payload of a dead letter, and retry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.event_files import display_name, read_events
from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS
from streamroute.cli.commands.dead_letters.editor import EditedFile
from streamroute.cli.commands.dead_letters.options import LetterId
from streamroute.cli.commands.dead_letters.session import DeadLetterSession, run_session
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.ops.dead_letters.editing.edit import EditableLetter, LetterEditor


@click.command(name="edit", short_help="Correct the payload of a dead letter, and retry it.")
@CONFIG_OPTIONS
@click.argument("letter_id", type=LetterId(), metavar="ID")
@click.option("--file", metavar="FILE", help="Read the payload from this file, - for stdin.")
@click.option("--keep", is_flag=True, help="Do not retry: it stays a dead letter, with a new id.")
@click.option("--no-validate", is_flag=True, help="Do not validate the data by the schema of its type.")
@click.option("--dry-run", is_flag=True, help="Check the payload of --file, without storing it.")
@ACTOR
def edit_letter(
    config: str | None, no_embedded: bool, output_format: str, letter_id: str, **options: Any
) -> int:
    """Edit the payload of a dead letter in $VISUAL or $EDITOR, then retry it.

    The payload is JSON; YAML is accepted, too. It is decoded and encoded by the codec of its
    stream, and validated by the schema of its type. The original fields stay in the history.
    Values that `redact:` hides are shown as "(redacted)", and stay as they are.

    If the dead letter was retried, dropped or edited meanwhile, nothing is changed, and the
    edited payload stays in its file.

    \b
    Examples:
      streamroute dead edit 1718000000000-0
      streamroute dead edit 1718000000000-0 --file fixed.json --keep
    """
    if options["dry_run"] and options["file"] is None:
        raise click.UsageError("--dry-run requires --file")

    async def work(session: DeadLetterSession) -> int:
        from streamroute.ops.dead_letters.editing.document import InvalidEditError

        command = _EditCommand(session, output_format, **options)
        found = [letter async for page in session.pages() for letter in page.letters]
        try:
            return await command.run(found[0]) if found else session.exit_code(0)
        except InvalidEditError as error:
            echo(f"error: {error}", err=True)
            return ExitCode.FOUND

    return run_session(config, work, embedded=not no_embedded, decode=True, ids=(letter_id,))


class _EditCommand:
    """One run of the command."""

    def __init__(
        self,
        session: DeadLetterSession,
        output_format: str,
        *,
        file: str | None,
        keep: bool,
        no_validate: bool,
        dry_run: bool,
        who: str | None,
    ) -> None:
        self._session = session
        self._format = output_format
        self._file = file
        self._keep = keep
        self._validate = not no_validate
        self._dry_run = dry_run
        self._audit = session.audit(who)

    async def run(self, letter: Any) -> int:
        """Edit, check and store the payload; raises InvalidEditError if it cannot be."""
        from streamroute.ops.dead_letters.editing.edit import LetterEditor, editable

        refusal = None if self._keep else self._session.query.requeue_refusal(letter)
        if refusal is not None:
            advice = "with --keep, it is edited and stays a dead letter"
            echo(f"error: {letter.stored.id} cannot be retried: {refusal}; {advice}", err=True)
            return ExitCode.FOUND
        assert self._session.payloads is not None  # noqa: S101 - the session was opened with decode=True
        target = editable(letter, self._session.payloads)
        editor = LetterEditor(self._session.document, self._session.payloads)
        if self._file is not None:
            name = display_name(self._file)
            record = self._checked(editor, target, read_events(self._file), name)
            return await self._store(target, record, f"the edited payload is still in {name}")
        with EditedFile(letter.stored.id, target.text) as edited:
            record = edited.until_valid(lambda content, name: self._checked(editor, target, content, name))
            return await self._store(target, record, edited.keep_after_conflict)

    def _checked(
        self, editor: LetterEditor, target: EditableLetter, content: bytes, name: str
    ) -> DeadRecord | None:
        return editor.edited_record(target, content, name, who=self._audit.who, validate=self._validate)

    async def _store(self, target: EditableLetter, record: DeadRecord | None, conflict: Any) -> int:
        """Store the edited letter, and print what was done; ``conflict`` tells where a lost edit is."""
        from streamroute.ops.dead_letters.editing.edit import store_edit

        letter_id = target.letter.stored.id
        if record is None:
            return self._print(letter_id, None, "unchanged: the dead letter stays as it is")
        if self._dry_run:
            return self._print(letter_id, None, "the payload is valid; nothing was stored (--dry-run)")
        stored = await store_edit(self._session.redis, target, record, keep=self._keep)
        if stored is None:
            kept = conflict() if callable(conflict) else conflict
            echo(f"error: {letter_id} was retried, dropped or edited meanwhile; {kept}", err=True)
            return ExitCode.FOUND
        await self._audit.write([target.keys], "dead edit", letter_id, count=1, result=self._result(stored))
        return self._print(letter_id, stored, f"dead letter {letter_id} {self._result(stored)}")

    def _result(self, stored: str) -> str:
        return f"edited: its new id is {stored}" if self._keep else "edited and retried"

    def _print(self, letter_id: str, stored: str | None, text: str) -> int:
        if self._format == "json":
            new_id = stored if self._keep else None
            retried = stored is not None and not self._keep
            write_json({"id": letter_id, "edited": stored is not None, "retried": retried, "new_id": new_id})
        else:
            echo(text)
        return ExitCode.OK
