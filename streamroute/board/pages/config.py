"""The configuration: its findings, what its last change was, and the generations before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.page import Page
from streamroute.errors import StreamrouteError
from streamroute.ops.generations.file_changes import FileChange, file_changes

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.ops.generations.store import GenerationStore, StoredGenerations


async def load(service: BoardService, _request: Request) -> Mapping[str, Any]:
    """Return the values of the page; the state folder is read in a thread, since a disk may hang."""
    async with service.computing:
        history, changes, problem = await asyncio.to_thread(_history, service.generations)
    return {
        "document": service.document,
        "findings": service.config.findings,
        "history": history,
        "reloads": list(reversed(service.reloads)),
        "changes": changes,
        "history_problem": problem,
    }


def _history(store: GenerationStore) -> tuple[StoredGenerations | None, list[FileChange], str]:
    """Return the stored generations, the files that changed last, and why they cannot be read (or empty)."""
    try:
        history = store.list()
        if len(history.generations) < 2:
            return history, [], ""
        newest, before = (store.load(each.generation).record for each in history.generations[:2])
        return history, file_changes(before, newest), ""
    except StreamrouteError as error:
        return None, [], str(error)


PAGE: Final = Page("/config", "Configuration", "config.html", load, in_navigation=True)
