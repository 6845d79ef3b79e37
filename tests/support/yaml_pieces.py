"""Fragments of YAML, for tests that damage a configuration at random places."""

from __future__ import annotations

from typing import Final

YAML_PIECES: Final = (
    *(
        "\t",
        "\n",
        " ",
        "  ",
        ":",
        ": ",
        "-",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "|",
        ">",
        "#",
        " #",
        " # ",
        ",",
    ),
    *("&a", "*a", "*common", "!", "!!int ", "%", "@", "`", "<<", "<<: ", "?", "? ", "---\n", "...\n"),
    *("\r", "\r\n", "\x07", "\ufeff", "\u2028", "\x85", "é", "予", "\U0001f600", "\\", "\\x"),
    *("${", "${A}", "$$", "0", "1:30", "null", "~", "version: 1\n"),
)
