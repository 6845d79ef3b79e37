"""Builds the site into a folder, without network: a warning of Sphinx or a broken link is an error."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from streamroute.config.json_schema import ROUTES, TESTS, schema_text
from streamroute.docs.build.site.links import broken_links
from streamroute.docs.build.site.llms import write_for_programs
from streamroute.docs.build.site.pages import site_pages
from streamroute.docs.build.site.sphinx_source import SETTINGS, write_sources
from streamroute.manual.addresses import SITE


def build_site(out: Path) -> list[str]:
    """Build the site into ``out``, whose content is replaced; return the broken links.

    Raises sphinx.errors.SphinxError for the first warning. ``out`` is not touched before the build succeeds.
    """
    pages = site_pages()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sources(folder / "source", pages)
        built = folder / "html"
        _run_sphinx(folder / "source", built, folder / "doctrees")
        write_for_programs(built, pages)
        _write_schemas(built)
        problems = broken_links(built)
        if not problems:
            _replace(out, built)
    return problems


def _run_sphinx(source: Path, out: Path, doctrees: Path) -> None:
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            source,
            None,
            out,
            doctrees,
            "html",
            dict(SETTINGS),
            status=None,
            warning=sys.stderr,
            warningiserror=True,
        )
        app.build()
    (out / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(out / "_sources", ignore_errors=True)


def _write_schemas(site: Path) -> None:
    """Write the JSON Schemas to the addresses that their ``$id`` names, if those are on the site."""
    for name in (ROUTES, TESTS):
        text = schema_text(name)
        address = json.loads(text)["$id"]
        if address.startswith(SITE):
            path = site / address.removeprefix(SITE)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _replace(out: Path, built: Path) -> None:
    if out.exists():
        if any(out.iterdir()) and not (out / "llms.txt").is_file():
            raise FileExistsError(f"{out} has other files; name a folder that is empty or has a site")
        shutil.rmtree(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(built, out)
