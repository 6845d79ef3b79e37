"""The option of commands that use the state folder of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from streamroute.cli.arguments.paths import PATH

STATE_DIR: Final = click.option(
    "--state-dir",
    metavar="DIR",
    type=PATH,
    envvar="STREAMROUTE_STATE_DIR",
    help="The folder for generations and the control socket; by default in the user's state folder.",
)
"""The option; ``state_folder_of`` returns the folder."""


def state_folder_of(config: Path, state_dir: str | None) -> Path:
    """Return the state folder of a configuration; ``state_dir`` is the value of the option."""
    from streamroute.ops.generations.state_folder import state_folder

    return state_folder(config, state_dir or None)
