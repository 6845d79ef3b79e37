"""``streamroute schema``."""

from __future__ import annotations

import click

from streamroute.cli.output.streams import echo
from streamroute.config.json_schema import ROUTES, TESTS, schema_text

_SCHEMAS = {"routes": ROUTES, "tests": TESTS}


@click.command(name="schema")
@click.argument("of", default="routes", metavar="[routes|tests]", type=click.Choice(list(_SCHEMAS)))
def command(of: str) -> None:
    """Print the JSON Schema of routes.yaml, or of route tests, for editors and other tools.

    \b
    This line enables completion and descriptions in editors with a YAML language
    server:
      # yaml-language-server: $schema=routes.schema.json
    """
    echo(schema_text(_SCHEMAS[of]), nl=False)
