"""``streamroute schema``."""

from __future__ import annotations

from importlib import resources

import click


@click.command(name="schema")
def command() -> None:
    """Print the JSON Schema of routes.yaml, for editors and other tools.

    \b
    An editor with a YAML language server completes and explains every key under this line:
      # yaml-language-server: $schema=routes.schema.json
    """
    click.echo(
        resources.files("streamroute.schemas").joinpath("routes.schema.json").read_text("utf-8"), nl=False
    )
