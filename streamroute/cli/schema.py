"""``streamroute schema``."""

from __future__ import annotations

import click

from streamroute.config.published import published_text


@click.command(name="schema")
def command() -> None:
    """Print the JSON Schema of routes.yaml, for editors and other tools.

    \b
    An editor with a YAML language server completes and explains every key under this line:
      # yaml-language-server: $schema=routes.schema.json
    """
    click.echo(published_text(), nl=False)
