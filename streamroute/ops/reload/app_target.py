"""The app of one process as a target of reloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.errors import SetupError
from streamroute.ops.reload.candidate import ReloadRefusedError

if TYPE_CHECKING:
    from streamroute.app import App
    from streamroute.ops.reload.candidate import Candidate


class AppTarget:
    """Prepares candidates in an app and commits them; see ``ReloadTarget``."""

    def __init__(self, app: App) -> None:
        self._app = app

    @property
    def generation(self) -> str:
        """The generation that decodes messages now."""
        return self._app.generation

    def runs(self, candidate: Candidate) -> bool:
        """See ``ReloadTarget``."""
        return candidate.generation == self.generation

    async def apply(self, candidate: Candidate) -> None:
        """Prepare the candidate beside the running generation, and commit it. Raises ReloadRefusedError."""
        try:
            prepared = await self._app.prepare(candidate.document, candidate.compiled)
        except SetupError as error:
            raise ReloadRefusedError(str(error)) from error
        self._app.commit(prepared)
