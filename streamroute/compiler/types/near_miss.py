"""Names that are surely a slip for one that the schema declares, where it allows any other name too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from streamroute.config.suggestions import edits

_SHORTEST: Final = 4
_LETTER_REPLACED: Final = 6
"""From this length on, one letter that differs is no other word, as in ``code`` and ``mode``."""
_TWO_EDITS: Final = 8
_LONGEST_ENDING: Final = 3
_MOST: Final = 200

_WORDS: Final = """
action active actor agent alert amount answer area array asset assign attempt author balance batch bill
block board body book branch brand browser bucket budget build button buyer call cancel card cart case
cash cause cell center chain change channel charge chat check city claim class client close cluster code
color column comment company component config contact content contract control cookie copy cost count
county coupon course create curve custom customs cycle data date deal debit default delay delete deliver
depth desk detail device digest discover dish district docs door draft duration edge email enable engine
entity entry error even event expire export face factor fail fare fee feed field file filter final fine
fire first flag fleet flight flow force form format frame from fund game gate give goal good grade grant
group guest hash head health height hint home host hour house icon image index info input invite invoice
issue item job join kind label lane large last latest lead lease ledger length level life light limit line
link list load loan local locale location lock login logo loss mail main major manage mark market mass
match media meet member memo mention menu merge message messages meta method metric mile mode model money
month mount move name nation native network node nonce norm note notice number object offer once open
option origin other output owner pack package page paid pair paper parent park part parts party pass
patent path patient payment peer period person phase phone photo piece pile place plain plan plane plant
plate play point policy pool port post pound power prefix present press price prime print prior private
process produce profile project promo proof public pulse purchase quality quantity quart quarter query
queue quota quote race rail range rank rate rating ratio ration raw reach read ready reason record recover
refer region related release rental reply report request reserve reset resource rest result return review
reward ride risk role room root round route rule sale sample scale scan scene schema scope score screen
script search seat second secret section seed seller send sender sends sent series server service session
shape share sheet shift ship shop show side sign signal site size skill slot snap sort source space spare
speed spend spot staff stage stamp start state states station statue stay step stop storage store stream
street string style subject submit suite switch symbol table tail target task taxi team term test text
theme thread tile time timer tire title token tool topic total touch tour trace track trade traded trail
train transfer trend trial trip truck true trust turn type unit until update usage user valid value vendor
vent version view visit voice vote wage wall watch wave week weight width window word work zone
"""
_ORDINARY: Final = frozenset(_WORDS.split())
"""Words of their own, and not slips for a word that is near them."""


def near_miss(name: str, declared: Iterable[str]) -> str | None:
    """The declared name that was surely meant, or None."""
    if not _SHORTEST <= len(name) <= 60:
        return None
    known = list(declared)[:_MOST]
    return next((each for each in known if _is_slip(name, each)), None)


def _is_slip(name: str, meant: str) -> bool:
    one, two = _plain(name), _plain(meant)
    if one == two:
        return name != meant
    if one in _ORDINARY or min(len(one), len(two)) < _SHORTEST or _digits(one) != _digits(two):
        return False
    if one[0] != two[0] or _is_inflected(one, two):
        return False
    allowed = 2 if min(len(one), len(two)) >= _TWO_EDITS else 1
    if len(one) == len(two) < _LETTER_REPLACED:
        return sorted(one) == sorted(two) and edits(one, two, 1) == 1
    return edits(one, two, allowed) <= allowed


def _plain(name: str) -> str:
    return re.sub(r"[_\W]", "", name).lower()


def _digits(name: str) -> str:
    return re.sub(r"\D", "", name)


def _is_inflected(one: str, two: str) -> bool:
    """``line`` and ``lines``, ``delivery`` and ``delivered``: another word of the same stem."""
    if two[:-1] == one and two[-1] != "s":
        return False  # the last letter was left out
    shorter, longer = sorted((one, two), key=len)
    if longer.startswith(shorter):
        return len(longer) - len(shorter) <= _LONGEST_ENDING
    stem = next(at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    ends_alike = one[-1] == two[-1] or sorted(one[stem:]) == sorted(two[stem:])
    return stem >= _SHORTEST and len(longer) - stem <= _LONGEST_ENDING and not ends_alike
