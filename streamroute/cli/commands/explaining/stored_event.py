"""Reads the entry that ``explain --stream NAME --id ID`` names."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.ops.explain.stored_event import StoredEvent

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class EntryId(click.ParamType[str]):
    """The id of an entry of a stream, such as ``1718000000000-0``."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType``."""
        if _ID.fullmatch(str(value)) is None:
            self.fail(f'"{value}" is not the id of an entry, such as 1718000000000-0', param, ctx)
        return str(value)


def read_event(loaded: UsableConfig, stream: str, entry_id: str, *, embedded: bool) -> StoredEvent:
    """Read an entry of the stream, or of its dead letters, from the configuration's server."""
    from streamroute.ops.explain.stored_event import find_event

    async def find() -> StoredEvent:
        async with open_server(loaded.document, embedded=embedded, create=False) as redis:
            return await find_event(redis, loaded.document, stream, entry_id)

    return asyncio.run(find())
