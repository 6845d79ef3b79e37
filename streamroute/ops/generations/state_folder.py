"""The state folder of a configuration, where ``serve`` keeps files that only this user can read.

Source of the default: https://specifications.freedesktop.org/basedir-spec/latest/
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from streamroute.adapters.embedded.socket_path import temporary_folder
from streamroute.errors import StreamrouteError


class StateFolderError(StreamrouteError):
    """Raised when the state folder cannot be used: the text is one line with the path and the reason."""


def absolute_root(root: str | Path) -> str:
    """Return the absolute path of a root file, by which its state is told from that of others.

    Links in it are not followed, since the target changes with each release: as in a ConfigMap, or where
    ``current`` is a link to a release.
    """
    return os.path.abspath(root)  # noqa: PTH100 - no link is followed


def state_folder(root: str | Path, given: str | Path | None = None) -> Path:
    """Return the state folder of a configuration, which may not exist yet; nothing is created.

    ``given`` names it. By default it is below the user's state folder, and named after the root file's
    absolute path.
    """
    if given is not None:
        return Path(given)
    digest = sha256(os.fsencode(absolute_root(root))).hexdigest()[:16]
    return _user_folder() / digest


def _user_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # noqa: PTH117 - paths are text here
        return Path(state, "streamroute")
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib's raises where there is none
    if os.path.isabs(home) and os.access(home, os.W_OK | os.X_OK):  # noqa: PTH117 - as above
        return Path(home, ".local/state/streamroute")
    return Path(temporary_folder(), f"streamroute-{os.geteuid()}")
