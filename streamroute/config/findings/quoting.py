"""Quote text of a file in findings: short, and without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from streamroute.text.kinds import YAML_TYPES, kind_of
from streamroute.text.lazy_pattern import lazy_pattern
from streamroute.text.truncation import ellipsize, ellipsize_middle

_SERVER: Final = lazy_pattern(r"\b(?!https?:)[\w+.-]{1,30}://\S+", re.IGNORECASE)
_SECRETS_OF_SERVER: Final = (
    lazy_pattern(r"^([^/]*//)(.*)(?=@)"),  # up to the last @: an unencoded password may contain any character
    lazy_pattern(r"^(\w+://[^:@/\[]*:)(?![0-9]*(?:[^0-9A-Za-z]|$))(.*[^\"'})\],])"),  # not a port
    lazy_pattern(r"([?&]\w*passw\w*=)(.*[^\"'})\],])"),  # the password may contain an &
    lazy_pattern(r"([?&][^=&?]*=)([^&]*[^&\"'})\],])"),
)
_MAX_READ_LENGTH: Final = 4_000
_SPACED: Final = lazy_pattern(
    r"(?!https?:)\b(?:(?<=\")[\w+.-]{1,30}://((?:[^\n\"\\]|\\.)*)|[\w+.-]{1,30}://((?:(?!\s#).)*))",
    re.IGNORECASE,
)
_KEY_OF_ONE: Final = (
    r"[\"']?(?:[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|private)[_-]?key|credentials?)"
    r"|pass|auth)(?:[\"']\s*:\s*|\s*:\s+|=(?!=))"
)
_QUOTED: Final = r"\"(?:[^\"\\]|\\.)*\"?|'(?:[^']|'')*'?"
_PLAIN: Final = r"(?!\$\{\w+\}\s*(?:[,}#]|$))[^\s\"'{\[|>&*]"
_AUTHORIZATION: Final = r"((?:^|[\s{,])[\"']?(?:proxy-)?authorization[\"']?:\s+[\"']?(?:\w+[ \t]+)?)"
_NAME_OF_VARIABLE: Final = r"(?-i:[A-Z_][A-Z0-9_]*(?:[\s,}\"']|$))"
_SECRETS: Final = (
    lazy_pattern(r"(://)([^/\s]*)(?=@)"),
    lazy_pattern(rf"{_AUTHORIZATION}(?!{_NAME_OF_VARIABLE})([^\s\"'{{}},\[*&|>#]+)", re.IGNORECASE),
    lazy_pattern(rf"(^\s*(?:-\s+)?{_KEY_OF_ONE})({_QUOTED}|{_PLAIN}.*)", re.IGNORECASE | re.MULTILINE),
    lazy_pattern(rf"((?:[\s{{,]){_KEY_OF_ONE})({_QUOTED}|{_PLAIN}[^,}}\n]*)", re.IGNORECASE),
    lazy_pattern(
        r"([?&][\w-]*(?:passw|secret|token|key|sig)[\w-]*=)([^&\s\"'{},]*)", re.IGNORECASE
    ),  # in a web address
    lazy_pattern(r"(\$\{\w*(?:pass|pwd?|secret|token|key|auth)\w*:?[-=?+])([^}\n]*)", re.IGNORECASE),
)


def join_words(words: Iterable[str], last: str = "or") -> str:
    """Join words as ``a, b or c``."""
    *others, final = words
    return f"{', '.join(others)} {last} {final}" if others else final


def describe_value(value: Any) -> str:
    """Describe the type of a value."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {quote_value(value)}"
    return YAML_TYPES[kind_of(value) or "object"]


def quote_value(value: Any) -> str:
    """Return a value as JSON, truncated, without secrets."""
    plain = isinstance(value, float) or not isinstance(value, (str, bool, type(None)))
    text_of_value = str(value) if plain else json.dumps(value, ensure_ascii=False)
    if len(text_of_value) > _MAX_READ_LENGTH:
        return ellipsize(hide_secrets(text_of_value[:_MAX_READ_LENGTH]), 63)
    return ellipsize_middle(hide_secrets(text_of_value), 80, 60, 15)


def quote_yaml(text: str) -> str:
    """Quote a text for YAML, in the style that needs no backslash escapes."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def requote(raw: str, key: str) -> str:
    """Return a key in the same quotes as the key that it replaces."""
    mark = raw[0] if raw[:1] in {'"', "'"} else ""
    return f"{mark}{key}{mark}"


@lru_cache(maxsize=16)
def hide_secrets(text: str) -> str:
    """Replace possible secrets in a text by asterisks; its length stays the same.

    Hides the user and password of every URL; in a server's URL (any scheme except http and https) also an
    invalid port and the parameters; and the values of keys such as ``password`` or ``authorization``, unless
    the value is the name of a variable.
    """
    text = _SERVER.sub(lambda match: _overwritten(match[0], _SECRETS_OF_SERVER), text)
    return _overwritten(_without_spaced_login(text), _SECRETS)


def _without_spaced_login(text: str) -> str:
    """Overwrite a login that contains spaces, which make the URL invalid."""
    server = _SPACED.search(text)
    login, at, host = (server[server.lastindex or 0] if server else "").rpartition("@")
    if server is None or not at or " " not in login:
        return text
    end = server.end() - len(at + host)
    return f"{text[: end - len(login)]}{'*' * len(login)}{text[end:]}"


def _overwritten(text: str, secrets: Iterable[re.Pattern[str]]) -> str:
    for secret in secrets:
        text = secret.sub(lambda match: match[1] + "*" * len(match[2]), text)
    return text
