"""The state folder of the configuration that a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.cli.arguments.paths import NAME, config_path
from streamroute.config.paths import exists, is_folder

if TYPE_CHECKING:
    from streamroute.ops.generations.store import GenerationStore

VARIABLE: Final = "STREAMROUTE_STATE_DIR"
"""The environment variable that names the state folder."""

STATE_DIR: Final = click.option(
    "--state-dir",
    metavar="DIR",
    type=PATH,
    envvar=VARIABLE,
    help=f"State folder of this configuration; also {VARIABLE}.  [default: one below the user's]",
)
"""The option of all commands that use the state folder."""


def root_path(config: str | None) -> Path:
    """Return the path of the root file, which may be missing: its generations are still there."""
    path = Path(NAME if config is None else config)
    if is_folder(path):
        path /= NAME
    if not exists(path):
        return path
    from streamroute.config.root_file import find_root

    return find_root(path)


def own_root(config: str | None) -> Path | None:
    """Return the path of the root file that the command is about.

    None if no configuration is named, and none is here: then it is about all that use the state folder.
    """
    root = root_path(config)
    return root if config is not None or exists(root) else None


def stored_generations(
    config: str | None, state_dir: str | None, *, own_only: bool = False
) -> GenerationStore:
    """Return the store of a configuration's generations; with ``own_only``, of no other root file.

    Raises click.UsageError if there is neither the file nor a state folder.
    """
    from streamroute.ops.generations.state_folder import state_folder
    from streamroute.ops.generations.store import GenerationStore

    root = root_path(config)
    store = GenerationStore(state_folder(root, state_dir), own_root(config) if own_only else None)
    if not exists(root) and not exists(store.folder):
        config_path(config)
    return store
