"""``python -m streamroute.docs.build``: writes the reference, or builds the site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from streamroute.cli.output.streams import echo

_CHECKOUT: Final = Path(__file__).parents[3]
"""The clone that contains this package; of an installed one, a folder without examples."""


@click.group()
def main() -> None:
    """Generate the documentation of streamroute."""


@main.command()
def reference() -> None:
    """Write the generated pages of streamroute/docs/reference."""
    with _clear_errors():
        from streamroute.docs.build.reference import write_reference

        for topic in write_reference():
            echo(f"written: {topic}.md")


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
def site(out: Path) -> None:
    """Build the site into the folder OUT, in a clone; needs: pip install 'streamroute[docs]'."""
    if not _CHECKOUT.joinpath("examples").is_dir():
        raise click.ClickException("the pictures of the site are in the repository: build it in a clone")
    with _clear_errors():
        from streamroute.docs.build.site.builder import build_site

        problems = build_site(out)
    for line in problems:
        echo(line, err=True)
    if problems:
        sys.exit(1)
    echo(f"built: {out / 'index.html'}")


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Report a package that is missing, and a folder that is not a site, in one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(f"no module {error.name}: pip install 'streamroute[docs]'") from error
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m streamroute.docs.build")
