"""The templates of ``streamroute init``: what differs between them beside their own files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of project.

    ``folders`` hold its files; those of a later folder replace those of an earlier one. ``requires`` and
    ``dev`` are requirements beside streamroute; ``start`` are the commands to try first.
    ``command`` is what the systemd unit runs, and ``container_command`` what the image runs, with the
    ``variables``.
    """

    name: str
    folders: tuple[str, ...]
    command: tuple[str, ...]
    container_command: tuple[str, ...]
    start: tuple[str, ...]
    requires: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    variables: tuple[str, ...] = ("REDIS_URL=redis://127.0.0.1:6379",)
    run_options: tuple[str, ...] = ()


PLAIN: Final = Template(
    "plain",
    folders=("common", "plain"),
    command=("streamroute", "serve", "--no-embedded", "--last-good"),
    container_command=("streamroute", "serve", "--no-embedded"),
    start=("streamroute serve --feed events.jsonl --drain",),
)
FASTAPI: Final = Template(
    "fastapi",
    folders=("common", "plain", "fastapi"),
    command=("uvicorn", "greetings.app:app", "--host", "127.0.0.1", "--port", "8000"),
    container_command=("uvicorn", "greetings.app:app", "--host", "0.0.0.0", "--port", "8000"),  # noqa: S104 - in a container
    start=("uvicorn greetings.app:app",),
    requires=("fastapi>=0.115", "uvicorn>=0.34"),
    dev=("httpx>=0.27",),
    run_options=("-p 8000:8000",),
)
AIOGRAM: Final = Template(
    "aiogram",
    folders=("common", "aiogram"),
    command=("python", "-m", "greetings.bot"),
    container_command=("python", "-m", "greetings.bot"),
    start=("BOT_TOKEN=... python -m greetings.bot",),
    requires=("aiogram>=3.13",),
    variables=("BOT_TOKEN=...", "REDIS_URL=redis://127.0.0.1:6379"),
)
TEMPLATES: Final = {template.name: template for template in (PLAIN, FASTAPI, AIOGRAM)}
