"""``python -m streamroute.docs.build``: writes the reference, or builds the site."""

from __future__ import annotations

import click

from streamroute.cli.output.streams import echo


@click.group()
def main() -> None:
    """Generate the documentation of streamroute."""


@main.command()
def reference() -> None:
    """Write the generated pages of streamroute/docs/reference."""
    from streamroute.docs.build.reference import write_reference

    for topic in write_reference():
        echo(f"written: {topic}.md")


if __name__ == "__main__":
    main(prog_name="python -m streamroute.docs.build")
